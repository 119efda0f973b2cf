//! Explains the history of a path: why a path has none, and that it goes on at the path from which the module was moved.

use std::ops::ControlFlow;

use super::change_report::short_id;
use super::exit::{Error, Result};
use super::first_changes::{CHANGES_MAX, visit_first_changes};
use super::output::{Output, print_note};
use super::settings::Settings;
use super::shell_word::shell_word;
use crate::names::{CommitId, ModuleHash, ModulePath, TreePath, printable};
use crate::remote::StoreOperations;
use crate::store::{self, ChangeFilter, CommitFilter, Revision};
use crate::wire::CommitJson;

/// Returns the error for a path that never had a module. A path that has, or had, modules below it is a directory.
pub(super) fn never_existed(
    store: &dyn StoreOperations,
    revision: &Revision,
    path: &ModulePath,
) -> Error {
    let mut is_directory = false;
    let all = (&ChangeFilter::default(), &CommitFilter::default());
    let searched = store.log_path(revision, path, all, &mut |_| {
        is_directory = true;
        ControlFlow::Break(())
    });
    match searched {
        Ok(()) if is_directory => Error::NeverModule(path.to_string()),
        Ok(()) => store::Error::NeverExisted(path.to_string()).into(),
        Err(error) => error.into(),
    }
}

/// Returns the paths from which a commit moved modules to `scope`, a module or directory: the paths outside of `scope` that the commit
/// removed, whose modules it added in `scope`. A commit with more than [`CHANGES_MAX`] changes is not examined. If it removed a module from
/// several paths, takes the one with the same file name.
pub(super) fn moved_from(
    store: &dyn StoreOperations,
    commit: &CommitJson,
    scope: &TreePath,
) -> Result<Vec<ModulePath>> {
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    let Some(parent) = commit.parents.first() else {
        return Ok(Vec::new());
    };
    let sides = (CommitId::parse(parent)?, CommitId::parse(&commit.commit)?);
    let count = visit_first_changes(store, sides, &mut |change| match (change.old, change.new) {
        (None, Some(hash)) if scope.contains(change.path.as_str()) => {
            added.push((change.path, hash));
        }
        (Some(hash), None) if !scope.contains(change.path.as_str()) => {
            removed.push((change.path, hash));
        }
        _ => {}
    })?;
    if count > CHANGES_MAX {
        return Ok(Vec::new());
    }
    let origins = added
        .iter()
        .filter_map(|(to, hash)| origin(&removed, to, *hash));
    Ok(origins.collect())
}

fn origin(
    removed: &[(ModulePath, ModuleHash)],
    to: &ModulePath,
    hash: ModuleHash,
) -> Option<ModulePath> {
    let name = to.segments().next_back();
    let same = removed.iter().filter(|(_, other)| *other == hash);
    let same = same.map(|(path, _)| path);
    let mut named = same
        .clone()
        .filter(|path| path.segments().next_back() == name);
    named.next().or(same.into_iter().next()).cloned()
}

/// Returns a sentence that says where the history of `path` goes on, if `oldest`, the first commit with a module at the path, moved the
/// module there.
pub(super) fn earlier_history(
    store: &dyn StoreOperations,
    oldest: CommitId,
    path: &ModulePath,
) -> Result<Option<String>> {
    let commit = store.commit(oldest)?;
    let moved = moved_from(store, &commit, path.as_tree_path())?;
    Ok(moved.first().map(|from| {
        let id = short_id(&oldest);
        let word = shell_word(&from.to_string());
        format!("moved from {from} in {id}: `wasmstore versions {word}` lists the earlier versions")
    }))
}

/// Prints [`earlier_history`] after the output of the command: on standard error, or through the pager, which shows the terminal. That it
/// cannot be found out is not an error, because the command itself has succeeded.
pub(super) fn note_earlier_history(
    settings: &Settings,
    out: &mut Output,
    store: &dyn StoreOperations,
    (oldest, path): (CommitId, &ModulePath),
) -> Result<()> {
    if settings.is_quiet() {
        return Ok(());
    }
    out.flush()?;
    match earlier_history(store, oldest, path) {
        Ok(Some(note)) if out.is_paging() => out.line(printable(&note)),
        Ok(Some(note)) => {
            print_note(&note);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Prints a note on standard error if `undone`, the change that a rollback of `scope` undoes, moved modules to `scope`: the rollback does
/// not put them back at their old paths.
pub(super) fn note_unmoved(
    settings: &Settings,
    store: &dyn StoreOperations,
    undone: CommitId,
    scope: &TreePath,
) {
    if settings.is_quiet() || scope.is_root() {
        return;
    }
    let commit = store.commit(undone).map_err(Error::from);
    let moved = commit.and_then(|commit| moved_from(store, &commit, scope));
    // A failure is not reported, because the rollback itself has succeeded.
    let Ok(moved) = moved else { return };
    let Some(from) = moved.first() else { return };
    let others = match moved.len() {
        1 => String::new(),
        count => format!(" and {} other paths", count - 1),
    };
    let id = short_id(&undone);
    let word = shell_word(&from.to_string());
    print_note(&format!(
        "not put back: {from}{others}, from where {id} moved the modules; `wasmstore restore {id}~1 {word}` does that"
    ));
}
