//! The output of `--dry-run` for commands that restore the content of a commit.

use std::ops::ControlFlow;

use serde_json::{Value, json};

use super::change_line::print_change;
use super::change_report::print_line;
use super::exit::Result;
use super::output::Output;
use super::settings::Settings;
use super::show_each::show_each;
use crate::names::{CommitId, TreePath};
use crate::remote::StoreOperations;
use crate::store::{PathChange, Revision};
use crate::wire::PathDiff;

/// Prints the modules in `scope` that differ between `tip`, the tip of the branch, and `restored`, the commit to restore, in the form of
/// `diff`. Then prints `note` on standard error. With `--json`, prints `fields` with the commits and the changes added.
pub(super) fn print_previewed(
    settings: &Settings,
    out: &mut Output,
    store: &dyn StoreOperations,
    (tip, restored, scope): (CommitId, CommitId, &TreePath),
    (mut fields, note): (Value, &str),
) -> Result<()> {
    let (old, new) = (Revision::Commit(tip), Revision::Commit(restored));
    let find =
        |visit: &mut dyn FnMut(PathChange) -> ControlFlow<()>| store.diff(&old, &new, scope, visit);
    if out.is_json() {
        let mut changes = Vec::new();
        show_each(find, |change| {
            changes.extend(PathDiff::new(&change, None));
            Ok(())
        })?;
        fields["commit"] = json!(tip.to_string());
        fields["restores"] = json!(restored.to_string());
        fields["changes"] = json!(changes);
        return out.json(&fields);
    }
    show_each(find, |change| print_change(&change, out))?;
    print_line(settings, out, note)
}
