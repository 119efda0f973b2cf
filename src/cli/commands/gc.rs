//! `gc`: remove what no branch needs.

use crate::cli::args::WriteArgs;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::progress;
use crate::cli::settings::Settings;
use crate::store::History;
use crate::wire;

/// Squash the branch's history, and remove every object that no branch reaches
///
/// What other branches still have of the history stays. Prints the number of objects removed.
/// JSON: {"removed":N,"freed_bytes":N,"commit":"…"}, where the branch is now
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct GcArgs {
    /// Squash nothing
    #[arg(long)]
    keep_history: bool,
    #[command(flatten)]
    writing: WriteArgs,
}

impl GcArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let change = settings.change(self.writing)?;
        let history = match self.keep_history {
            true => History::Keep,
            false => History::Squash,
        };
        let store = settings.open_existing()?;
        let spinner = progress::busy(settings, "gc");
        let collected = store.gc(&change, history);
        spinner.finish_and_clear();
        let collected = collected?;
        match out.is_json() {
            true => out.json(&wire::GcJson::from(&collected)),
            false => out.line(collected.removed),
        }
    }
}
