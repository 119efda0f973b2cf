//! `reindex`: make the version index anew.

use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;

/// Make the version index anew
///
/// It is derived from the history of all branches, and made on its own where it is missing; this forgets what `gc` dropped.
/// Prints the number of commits in it. JSON: the number
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ReindexArgs {}

impl ReindexArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let commits = settings.open_existing_local()?.reindex()?;
        match out.is_json() {
            true => out.json(&commits),
            false => out.line(commits),
        }
    }
}
