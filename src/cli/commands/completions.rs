//! `completions`: help for a shell to complete the command line.

use clap::CommandFactory;
use serde_json::json;

use crate::cli::args::Args;
use crate::cli::exit::Result;
use crate::cli::output::Output;

/// Print a script that completes the command line in a shell
///
/// JSON: {"shell":"…","script":"…"}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Completions {
    /// The shell
    shell: clap_complete::Shell,
}

impl Completions {
    pub fn run(self, out: &mut Output) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Args::command(), "wasmstore", &mut script);
        match out.is_json() {
            true => out.json(&json!({
                "shell": self.shell.to_string(),
                "script": String::from_utf8_lossy(&script),
            })),
            false => out.bytes(&script),
        }
    }
}
