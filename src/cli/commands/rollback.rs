//! `rollback`: undoes the newest change.

use serde_json::json;

use crate::cli::args::WriteArgs;
use crate::cli::change_report::{ChangeVerb, report};
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::TreePath;

/// Undo the newest change, in a new commit
///
/// Each repetition with the same PATH undoes one more change. Alternating rollbacks of different paths can undo each other. A merge is one
/// change, unless it was a fast-forward: then each of its commits is one change, and `restore` with the previous commit undoes all of
/// them. Prints nothing, and reports the commit on standard error. JSON: {"commit":"…","branch":"…","changed":true}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RollbackArgs {
    /// Undo the newest change of this module or directory instead of the whole branch
    #[arg(default_value = "/", hide_default_value = true, value_parser = TreePath::parse)]
    path: TreePath,
    #[command(flatten)]
    write: WriteArgs,
}

impl RollbackArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let change = settings.change(self.write)?;
        let store = settings.open_existing()?;
        let undone = store.rollback(&change, &self.path)?;
        report(settings, out, (ChangeVerb::Committed, &undone), json!({}))
    }
}
