//! `completions`: help for a shell to complete the command line.

use clap::{Args as _, Command, CommandFactory};
use serde_json::json;

use crate::cli::args::{CommandLine, GlobalArgs};
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;

/// Print a script that completes the command line in a shell
///
/// JSON: {"shell":"…","script":"…"}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CompletionsArgs {
    /// The shell
    shell: clap_complete::Shell,
}

impl CompletionsArgs {
    pub fn run(self, _: &Settings, out: &mut Output) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut shown(), "wasmstore", &mut script);
        match out.is_json() {
            true => out.json(&json!({
                "shell": self.shell.to_string(),
                "script": String::from_utf8_lossy(&script),
            })),
            false => out.bytes(&script),
        }
    }
}

/// The command line without its hidden commands, which the scripts would offer.
fn shown() -> Command {
    let whole = CommandLine::command();
    let commands = whole.get_subcommands();
    let commands = commands.filter(|command| !command.is_hide_set()).cloned();
    GlobalArgs::augment_args(Command::new("wasmstore").version(env!("CARGO_PKG_VERSION")))
        .subcommands(commands)
}
