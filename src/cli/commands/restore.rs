//! `restore`: bring back what a commit had.

use crate::cli::args::WriteArgs;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::{CommitId, TreePath};

/// Bring back what a commit had, in a new commit
///
/// What is absent there is removed. Nothing to change makes no commit. Prints nothing. JSON: {}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RestoreArgs {
    /// The commit to take it from
    #[arg(value_parser = CommitId::parse)]
    commit: CommitId,
    /// Bring back only this module or folder, rather than everything
    #[arg(default_value = "/", hide_default_value = true, value_parser = TreePath::parse)]
    path: TreePath,
    #[command(flatten)]
    writing: WriteArgs,
}

impl RestoreArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let change = settings.change(self.writing)?;
        let store = settings.open_existing()?;
        store.restore(&change, self.commit, &self.path)?;
        out.nothing()
    }
}
