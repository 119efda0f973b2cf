//! The pager, a program that shows long output on the terminal.

use std::io::{IsTerminal, Write};
use std::process::{Child, Command, Stdio};

use super::environment::variable;
use super::output::Output;

/// The default pager. With these options, `less` exits at once if the text fits on the screen, and the text stays visible.
const DEFAULT_PAGER: &str = "less -FRX";

/// A running pager.
pub(super) struct Pager(Child);

impl Pager {
    /// Starts a pager, and returns it and its standard input. Returns `None` if the pager cannot be started. Runs `command`; if it is
    /// `None`, the command in the variable `PAGER`; if that is not set, the default pager. The command is split into words at white space,
    /// without a shell.
    pub fn start(command: Option<String>) -> Option<(Self, Box<dyn Write>)> {
        let from_environment = || variable("PAGER")?.into_string().ok();
        let command = command
            .or_else(from_environment)
            .unwrap_or_else(|| DEFAULT_PAGER.to_owned());
        let mut words = command.split_whitespace();
        let child = Command::new(words.next()?)
            .args(words)
            .stdin(Stdio::piped())
            .spawn();
        let mut child = child
            .inspect_err(|error| tracing::warn!(%command, %error, "cannot start the pager"))
            .ok()?;
        let stdin = child.stdin.take()?;
        Some((Self(child), Box::new(stdin)))
    }

    /// Waits until the user quits the pager. The caller must have closed the pager's standard input.
    pub fn wait(mut self) {
        if let Err(error) = self.0.wait() {
            tracing::debug!(%error, "cannot wait for the pager");
        }
    }
}

/// A pager that is started just before the first output. An error that occurs before any output is then printed without a pager.
pub(super) struct LatePager {
    command: Option<String>,
    is_done: bool,
}

impl LatePager {
    /// Creates a pager, which [`start`](Self::start) starts. `command` is as in [`Pager::start`]. If `is_wanted` is false or standard
    /// output is not a terminal, the pager is never started.
    pub fn new(command: Option<String>, is_wanted: bool) -> Self {
        Self {
            command,
            is_done: !is_wanted || !std::io::stdout().is_terminal(),
        }
    }

    /// Starts the pager at the first call. Later calls do nothing.
    pub fn start(&mut self, out: &mut Output) {
        if !std::mem::replace(&mut self.is_done, true)
            && let Some(pager) = Pager::start(self.command.take())
        {
            out.start_paging(pager);
        }
    }
}
