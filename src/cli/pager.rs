//! The pager: a program that shows what is too long for the terminal.

use std::io::Write;
use std::process::{Child, Command, Stdio};

use super::settings::variable;

/// The pager if nobody names one: it leaves at once if the text fits, and keeps it on the screen.
const DEFAULT_PAGER: &str = "less -FRX";

/// A pager that runs.
pub(super) struct Pager(Child);

impl Pager {
    /// Starts the pager `named`, or that of the environment; returns it with its standard input. `None` if it cannot be
    /// started. Its words are separated by white space; no shell reads them.
    pub fn start(named: Option<String>) -> Option<(Self, Box<dyn Write>)> {
        let of_environment = || variable("PAGER")?.into_string().ok();
        let command = named
            .or_else(of_environment)
            .unwrap_or_else(|| DEFAULT_PAGER.to_owned());
        let mut words = command.split_whitespace();
        let child = Command::new(words.next()?)
            .args(words)
            .stdin(Stdio::piped())
            .spawn();
        let mut child = child
            .inspect_err(|error| tracing::warn!(%command, %error, "no pager"))
            .ok()?;
        let stdin = child.stdin.take()?;
        Some((Self(child), Box::new(stdin)))
    }

    /// Waits until it is left; its standard input must be closed.
    pub fn wait(mut self) {
        if let Err(error) = self.0.wait() {
            tracing::debug!(%error, "the pager got lost");
        }
    }
}
