//! `rollback`: undo the newest change.

use crate::cli::args::WriteArgs;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::TreePath;

/// Undo the newest change, in a new commit; repeated, undo further back
///
/// Only rollbacks of the same scope are remembered: to alternate between different ones can go forth and back. Prints nothing.
/// JSON: {}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RollbackArgs {
    /// Undo the newest change of only this module or folder, rather than of the whole branch
    #[arg(default_value = "/", hide_default_value = true, value_parser = TreePath::parse)]
    path: TreePath,
    #[command(flatten)]
    writing: WriteArgs,
}

impl RollbackArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let change = settings.change(self.writing)?;
        settings.open_existing()?.rollback(&change, &self.path)?;
        out.nothing()
    }
}
