//! The completion scripts, which add completion of wasmstore commands to a shell.

use clap::{Args as _, Command};
use clap_complete::Shell;
use clap_complete::aot::generate;

use crate::cli::args::GlobalArgs;

/// A shell whose script asks the program for candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum CompletionShell {
    Bash,
    Zsh,
    Fish,
}

/// Returns the script for a shell. The scripts for elvish and PowerShell complete commands and options, but no names in the store.
pub(in crate::cli) fn script(shell: Shell, command_line: Command) -> Vec<u8> {
    match shell {
        Shell::Bash => include_bytes!("completion.bash").to_vec(),
        Shell::Zsh => include_bytes!("completion.zsh").to_vec(),
        Shell::Fish => include_bytes!("completion.fish").to_vec(),
        other => {
            let mut script = Vec::new();
            generate(other, &mut visible(&command_line), "wasmstore", &mut script);
            script
        }
    }
}

/// Returns the command line without its hidden commands, which the scripts must not offer.
fn visible(command_line: &Command) -> Command {
    let commands = command_line
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .cloned();
    GlobalArgs::augment_args(Command::new("wasmstore").version(env!("CARGO_PKG_VERSION")))
        .subcommands(commands)
}
