//! `gc`: squashes history and deletes unreachable objects.

use serde_json::json;

use crate::cli::args::WriteArgs;
use crate::cli::change_report::{ChangeVerb, report};
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::store::{History, Published};
use crate::wire;

/// Squash the branch's history and delete unreachable objects
///
/// Keeps commits that other branches or tags reach. Prints the number of deleted objects.
/// JSON: {"removed":N,"freed_bytes":N,"commit":"…","branch":"…","changed":true}, with the
/// commit that the branch points to afterwards
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct GcArgs {
    /// Keep the history; only delete unreachable objects
    #[arg(long)]
    keep_history: bool,
    #[command(flatten)]
    write: WriteArgs,
}

impl GcArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let change = settings.change(self.write)?;
        let history = if self.keep_history {
            History::Keep
        } else {
            History::Squash
        };
        let store = settings.open_existing()?;
        let spinner = settings.progress().ticking_spinner("gc");
        let summary = store.gc(&change, history);
        spinner.finish_and_clear();
        let summary = summary?;
        let fields = json!(wire::GcJson::from(&summary));
        if !out.is_json() {
            out.line(summary.removed)?;
            if history == History::Keep {
                return Ok(());
            }
        }
        let squashed = Published {
            branch: summary.branch,
            commit: summary.commit,
            has_moved: summary.is_squashed,
            value: (),
        };
        report(settings, out, (ChangeVerb::Squashed, &squashed), fields)
    }
}
