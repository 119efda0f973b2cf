//! `restore`: restores the tree of a commit.

use serde_json::json;

use crate::cli::args::WriteArgs;
use crate::cli::change_effect::effect;
use crate::cli::change_report::{ChangeVerb, report_effect, short_id};
use crate::cli::exit::Result;
use crate::cli::local_time::parse_revision;
use crate::cli::output::Output;
use crate::cli::previewed_changes::print_previewed;
use crate::cli::settings::Settings;
use crate::names::TreePath;
use crate::remote::preview_restore;
use crate::store::Revision;

/// Restore the modules of a commit, in a new commit
///
/// Removes modules that the commit does not have. If nothing changes, no commit is made. Prints nothing, and
/// reports the commit and the numbers of changed modules on standard error.
/// JSON: {"commit":"…","branch":"…","changed":true}
///
/// With --dry-run, checks that the restoration is possible, and changes nothing. Prints the modules that would change, in the form of
/// `diff`. JSON: {"commit":"<tip>","restores":"<commit>","changes":[{"path":"/…","action":"added"|"removed","hash":"…"},
/// {"path":"/…","action":"updated","hash":{"old":"…","new":"…"}}]}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RestoreArgs {
    /// Restore the modules of this commit
    #[arg(value_parser = parse_revision)]
    commit: Revision,
    /// Restore only this module or directory
    #[arg(default_value = "/", hide_default_value = true, value_parser = TreePath::parse)]
    path: TreePath,
    /// Change nothing; print what would be restored
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    write: WriteArgs,
}

impl RestoreArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        if self.dry_run {
            return self.dry_run(settings, out);
        }
        let change = settings.change(self.write)?;
        let store = settings.open_existing()?;
        let commit = self.commit.on_branch(settings.branch()?);
        let commit = store.commit_id(&commit)?;
        let restored = store.restore(&change, commit, &self.path)?;
        let effect = effect(store.as_ref(), settings, &restored, None);
        let verb = (ChangeVerb::Committed, &restored);
        report_effect(settings, out, verb, json!({}), effect)
    }

    fn dry_run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let store = settings.open_existing()?;
        let branch = settings.branch()?;
        let commit = store.commit_id(&self.commit.on_branch(branch.clone()))?;
        let branch = settings.remember(Revision::Branch(branch));
        let tip = preview_restore(store.as_ref(), &branch, commit, &self.path)?;
        let restored = (tip, commit, &self.path);
        let id = short_id(&commit);
        let note = match self.path.is_root() {
            true => format!("nothing changed: this would restore {id}"),
            false => format!("nothing changed: this would restore {} of {id}", self.path),
        };
        print_previewed(settings, out, store.as_ref(), restored, (json!({}), &note))
    }
}
