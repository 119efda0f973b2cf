//! `watch`: follows a branch.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::process::{Command, Stdio};

use crate::cli::exit::Result;
use crate::cli::output::{self, Output};
use crate::cli::settings::Settings;
use crate::store::Revision;
use crate::wire::Changes;

/// Print the changes of each new commit
///
/// Prints one line per commit, with or without --json: {"/a":{"action":"added","hash":"…"},
/// "/b":{"action":"updated","hash":{"old":"…","new":"…"}},"/c":{"action":"removed","hash":"…"}}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct WatchArgs {
    /// Start after this commit instead of at the branch's tip
    #[arg(long, value_name = "COMMIT", value_parser = Revision::parse)]
    since: Option<Revision>,
    /// Run this command for each commit, with the line on its standard input, instead of printing the line
    #[arg(trailing_var_arg = true)]
    command: Vec<String>,
}

impl WatchArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let branch = settings.branch()?;
        let store = settings.open()?;
        let mut result = Ok(());
        let since = match &self.since {
            Some(since) => Some(store.commit_id(&since.clone().on_branch(branch.clone()))?),
            None => None,
        };
        store.watch(branch.as_ref(), since, &mut |changes| {
            let line = serde_json::to_string(&Changes(changes)).expect("BUG: plain data is JSON");
            result = self.handle(&line, settings, out);
            match result {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        })?;
        result
    }

    fn handle(&self, line: &str, settings: &Settings, out: &mut Output) -> Result<()> {
        let Some((program, args)) = self.command.split_first() else {
            out.encoded_json(line)?;
            out.line("")?;
            return out.flush();
        };
        let failure = match run_with_input(program, args, line) {
            Ok(status) if status.success() => return Ok(()),
            Ok(status) => format!("{program:?} failed: {status}"),
            Err(error) => format!("cannot run {program:?}: {error}"),
        };
        output::print_error(&failure, settings.color());
        Ok(())
    }
}

/// Runs a command with the line on its standard input.
fn run_with_input(
    program: &str,
    args: &[String],
    line: &str,
) -> io::Result<std::process::ExitStatus> {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // An error of writing is ignored: a command need not read its input. Its exit status states whether it failed.
        let _ = writeln!(stdin, "{line}");
    }
    child.wait()
}
