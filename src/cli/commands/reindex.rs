//! `reindex`: rebuilds the version index.

use serde_json::json;

use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;

/// Rebuild the version index
///
/// The index is derived from the history of all branches, and a missing index is built automatically. A rebuild also removes from the
/// index the commits that `gc` has dropped. Prints the number of indexed commits. JSON: {"commits":N}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ReindexArgs {}

impl ReindexArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let commits = settings.open_existing_local()?.reindex()?;
        out.json_or_line(&json!({ "commits": commits }), commits)
    }
}
