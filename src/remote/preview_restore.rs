//! Checks whether a commit can be restored, without changing the store.

use super::dry_run::{check_parents, has_modules};
use super::error::Result;
use super::operations::StoreOperations;
use crate::names::{CommitId, ModulePath, ModuleRef, TreePath};
use crate::store::{self, Revision};

/// Checks that [`StoreOperations::restore`] of `scope` (a module, a directory, or the whole tree) would succeed, and returns the tip of the
/// branch. Only reads from the store, so an API key that allows GET is enough.
///
/// # Errors
/// The errors of `restore`.
pub fn preview_restore(
    store: &dyn StoreOperations,
    branch: &Revision,
    commit: CommitId,
    scope: &TreePath,
) -> Result<CommitId> {
    let tip = store.snapshot(branch)?;
    // Returns an error if there is no such commit.
    store.commit(commit)?;
    let (at_tip, restored) = (Revision::Commit(tip), Revision::Commit(commit));
    if scope.is_root() {
        return Ok(tip);
    }
    if exists(store, &restored, scope)? {
        check_parents(store, &at_tip, scope)?;
    } else if !exists(store, &at_tip, scope)? {
        let name = format!("{scope} in commit {commit} or at the tip of the branch");
        return Err(store::Error::NoModule(name).into());
    }
    Ok(tip)
}

/// Returns whether there is a module or a directory at the path.
fn exists(store: &dyn StoreOperations, revision: &Revision, path: &TreePath) -> Result<bool> {
    if has_modules(store, revision, path)? {
        return Ok(true);
    }
    match ModulePath::try_from(path.clone()) {
        Ok(path) => store.contains(revision, &ModuleRef::Path(path)),
        Err(_) => Ok(false),
    }
}
