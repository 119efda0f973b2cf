//! `restore`: restores the tree of a commit.

use serde_json::json;

use crate::cli::args::WriteArgs;
use crate::cli::change_effect::effect;
use crate::cli::change_report::{ChangeVerb, report_effect};
use crate::cli::exit::Result;
use crate::cli::local_time::parse_revision;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::TreePath;
use crate::store::Revision;

/// Restore the modules of a commit, in a new commit
///
/// Removes modules that the commit does not have. If nothing changes, no commit is made. Prints nothing, and
/// reports the commit and the numbers of changed modules on standard error.
/// JSON: {"commit":"…","branch":"…","changed":true}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RestoreArgs {
    /// Restore the modules of this commit
    #[arg(value_parser = parse_revision)]
    commit: Revision,
    /// Restore only this module or directory
    #[arg(default_value = "/", hide_default_value = true, value_parser = TreePath::parse)]
    path: TreePath,
    #[command(flatten)]
    write: WriteArgs,
}

impl RestoreArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let change = settings.change(self.write)?;
        let store = settings.open_existing()?;
        let commit = self.commit.on_branch(settings.branch()?);
        let commit = store.commit_id(&commit)?;
        let restored = store.restore(&change, commit, &self.path)?;
        let effect = effect(store.as_ref(), settings, &restored, None);
        let verb = (ChangeVerb::Committed, &restored);
        report_effect(settings, out, verb, json!({}), effect)
    }
}
