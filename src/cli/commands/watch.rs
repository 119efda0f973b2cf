//! `watch`: follow a branch.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::process::{Command, Stdio};

use crate::cli::exit::Result;
use crate::cli::output::{self, Output};
use crate::cli::settings::Settings;
use crate::names::CommitId;
use crate::wire::Changes;

/// Print what each commit changes, from now on
///
/// Prints a line for each commit, with or without --json: {"/a":{"action":"added","hash":"…"},
/// "/b":{"action":"updated","hash":{"old":"…","new":"…"}},"/c":{"action":"removed","hash":"…"}}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct WatchArgs {
    /// Begin after this commit rather than at the branch's tip
    #[arg(long, value_name = "COMMIT", value_parser = CommitId::parse)]
    since: Option<CommitId>,
    /// Run this for each commit, with the line on its standard input, rather than print the line
    #[arg(trailing_var_arg = true)]
    command: Vec<String>,
}

impl WatchArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let branch = settings.branch()?;
        let store = settings.open()?;
        let mut printed = Ok(());
        store.watch(branch.as_ref(), self.since, &mut |changes| {
            let line = serde_json::to_string(&Changes(changes)).expect("BUG: plain data is JSON");
            printed = self.tell(&line, settings, out);
            match printed {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        })?;
        printed
    }

    fn tell(&self, line: &str, settings: &Settings, out: &mut Output) -> Result<()> {
        let Some((program, args)) = self.command.split_first() else {
            out.line(line)?;
            return out.flush();
        };
        let failure = match hand_over(program, args, line) {
            Ok(status) if status.success() => return Ok(()),
            Ok(status) => format!("{program:?} failed: {status}"),
            Err(error) => format!("cannot run {program:?}: {error}"),
        };
        output::complain(&failure, settings.color());
        Ok(())
    }
}

/// Runs a command with `line` on its standard input.
fn hand_over(program: &str, args: &[String], line: &str) -> io::Result<std::process::ExitStatus> {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command need not read its input: how it ends says whether it failed.
        let _ = writeln!(stdin, "{line}");
    }
    child.wait()
}
