//! `rollback`: undoes the newest change.

use serde_json::json;

use crate::cli::args::WriteArgs;
use crate::cli::change_effect::effect;
use crate::cli::change_report::{ChangeVerb, report_effect, short_id};
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::path_history::note_unmoved;
use crate::cli::previewed_changes::print_previewed;
use crate::cli::settings::Settings;
use crate::names::TreePath;
use crate::store::Revision;

/// Undo the newest change, in a new commit
///
/// Each repetition with the same PATH undoes one more change. Alternating rollbacks of different paths can undo each other. A merge is one
/// change, unless it was a fast-forward: then each of its commits is one change, and `restore` with the previous commit undoes all of
/// them. A module that was moved to PATH is not put back at its old path, and standard error names it. Prints nothing, and reports the
/// commit, the undone commit and the numbers of changed modules on standard error. JSON:
/// {"commit":"…","branch":"…","changed":true,"undid":"<commit>"}
///
/// With --dry-run, changes nothing. Prints the modules that would change, in the form of `diff`, and the commit that would be undone on
/// standard error. JSON: {"commit":"<tip>","undoes":"<commit>","restores":"<commit>","changes":[{"path":"/…","action":"added"|"removed",
/// "hash":"…"},{"path":"/…","action":"updated","hash":{"old":"…","new":"…"}}]}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RollbackArgs {
    /// Undo the newest change of this module or directory instead of the whole branch
    #[arg(default_value = "/", hide_default_value = true, value_parser = TreePath::parse)]
    path: TreePath,
    /// Change nothing; print what would be undone
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    write: WriteArgs,
}

impl RollbackArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        if self.dry_run {
            return self.dry_run(settings, out);
        }
        let change = settings.change(self.write)?;
        let store = settings.open_existing()?;
        let rolled_back = store.rollback(&change, &self.path)?;
        let mut fields = json!({});
        let mut words = Vec::new();
        if let Some(undone) = rolled_back.value {
            fields["undid"] = json!(undone.to_string());
            words.push(format!("undid {}", short_id(&undone)));
        }
        words.extend(effect(store.as_ref(), settings, &rolled_back, None));
        let verb = (ChangeVerb::Committed, &rolled_back);
        report_effect(settings, out, verb, fields, Some(words.join(", ")))?;
        if let Some(undone) = rolled_back.value {
            note_unmoved(settings, store.as_ref(), undone, &self.path);
        }
        Ok(())
    }

    fn dry_run(&self, settings: &Settings, out: &mut Output) -> Result<()> {
        let store = settings.open_existing()?;
        let branch = settings.remember(Revision::Branch(settings.branch()?));
        let (tip, change) = store.preview_rollback(&branch, &self.path)?;
        let restored = (tip, change.restored, &self.path);
        let fields = json!({ "undoes": change.undone.to_string() });
        let id = short_id(&change.undone);
        let note = format!("nothing changed: a rollback would undo {id}");
        print_previewed(settings, out, store.as_ref(), restored, (fields, &note))?;
        if out.is_json() {
            return Ok(());
        }
        note_unmoved(settings, store.as_ref(), change.undone, &self.path);
        Ok(())
    }
}
