//! `completions`: prints shell completions.

use serde_json::json;

use crate::cli::completion::script;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;

/// Print a completion script for a shell
///
/// In bash, zsh and fish, it also completes paths, branches, tags and commits of the store that the line selects with --root, --branch and
/// --commit, also on a server. JSON: {"shell":"…","script":"…"}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CompletionsArgs {
    /// The shell that is to run the script
    shell: clap_complete::Shell,
}

impl CompletionsArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let script = script(self.shell, settings.command_line());
        if out.is_json() {
            return out.json(&json!({
                "shell": self.shell.to_string(),
                "script": String::from_utf8_lossy(&script),
            }));
        }
        out.bytes(&script)
    }
}
