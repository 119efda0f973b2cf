//! `completions`: prints shell completions.

use clap::{Args as _, Command};
use serde_json::json;

use crate::cli::args::GlobalArgs;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;

/// Print a completion script for a shell
///
/// JSON: {"shell":"…","script":"…"}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CompletionsArgs {
    /// The shell for which the script is
    shell: clap_complete::Shell,
}

impl CompletionsArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(
            self.shell,
            &mut visible(settings.command_line()),
            "wasmstore",
            &mut script,
        );
        if out.is_json() {
            return out.json(&json!({
                "shell": self.shell.to_string(),
                "script": String::from_utf8_lossy(&script),
            }));
        }
        out.bytes(&script)
    }
}

/// Returns the command line without its hidden commands, because completion must not offer them.
fn visible(command_line: Command) -> Command {
    let commands = command_line
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .cloned();
    GlobalArgs::augment_args(Command::new("wasmstore").version(env!("CARGO_PKG_VERSION")))
        .subcommands(commands)
}
