//! Selects paths of a branch before the lock is taken: comparing many globs with a large tree takes seconds, during which every other
//! writer would wait for the lock.

use std::ops::ControlFlow;

use super::change::Change;
use super::error::{Error, Result};
use super::error_kind::ErrorKind;
use super::open::Store;
use super::revision::Revision;
use crate::names::{ModuleHash, ModulePath, TreePath};
use crate::repo::{Draft, ObjectDb, TreeId, TreeNode, chain};

/// A tree in which paths are selected.
pub(super) trait SelectableTree {
    /// Returns the module or directory at `path`; `None` if there is none.
    fn node(&self, path: &TreePath) -> Result<Option<TreeNode>>;

    /// Returns every module below the directory `at`, sorted by path.
    fn modules(&self, at: &TreePath) -> Result<Vec<(ModulePath, ModuleHash)>>;

    /// Returns whether there is a module or a directory at `path`.
    fn exists(&self, path: &TreePath) -> Result<bool> {
        Ok(match self.node(path)? {
            Some(TreeNode::Module(_) | TreeNode::Directory(_)) => true,
            Some(TreeNode::Foreign) | None => false,
        })
    }
}

impl SelectableTree for Draft<'_> {
    fn node(&self, path: &TreePath) -> Result<Option<TreeNode>> {
        Ok(self.node(path)?)
    }

    fn modules(&self, at: &TreePath) -> Result<Vec<(ModulePath, ModuleHash)>> {
        Ok(self.modules(at)?)
    }
}

/// A tree of a published commit.
struct PublishedTree<'s> {
    objects: &'s ObjectDb,
    tree: TreeId,
}

impl SelectableTree for PublishedTree<'_> {
    fn node(&self, path: &TreePath) -> Result<Option<TreeNode>> {
        Ok(self.objects.node(self.tree, path)?)
    }

    fn modules(&self, at: &TreePath) -> Result<Vec<(ModulePath, ModuleHash)>> {
        let mut modules = Vec::new();
        let visit = |path, hash| {
            modules.push((path, hash));
            ControlFlow::<()>::Continue(())
        };
        self.objects.walk_modules(self.tree, at, visit)?;
        Ok(modules)
    }
}

/// The result of selecting paths in the branch's tree before the lock was taken, with the id of that tree; `None` if the paths are selected
/// only under the lock.
pub(super) struct EarlySelection<T>(Option<(TreeId, Result<T>)>);

impl<T> EarlySelection<T> {
    /// Returns a selection that was not made early: the paths are selected later, while `refs.lock` is held. That is fast enough for paths
    /// without globs, which are only looked up.
    pub fn deferred() -> Self {
        Self(None)
    }

    /// Returns the result of the early selection if it was made in the tree of `draft`. Otherwise the branch has another tree now, and
    /// `select` is called to select the paths in it.
    ///
    /// # Errors
    /// The errors of the selection.
    pub fn in_draft(
        &mut self,
        draft: &Draft<'_>,
        select: impl FnOnce(&Draft<'_>) -> Result<T>,
    ) -> Result<T> {
        match self.0.take() {
            Some((tree, selected)) if tree == draft.tree() => selected,
            Some(_) | None => select(draft),
        }
    }
}

impl Store {
    /// Calls `select` with the tree that the branch of `change` has now, before the write takes a lock.
    pub(super) fn select_early<T>(
        &self,
        change: &Change,
        select: impl Fn(&dyn SelectableTree) -> Result<T>,
    ) -> EarlySelection<T> {
        let objects = self.repo.objects();
        let found = self.read(&Revision::Branch(change.branch.clone()), |resolved| {
            let Some(tree) = resolved.tree else {
                return Ok(None);
            };
            match select(&PublishedTree { objects, tree }) {
                // The same tree would always give this error, so the error is kept as the result.
                Err(error) if is_lasting(&error) => Ok(Some((tree, Err(error)))),
                selected => Ok(Some((tree, Ok(selected?)))),
            }
        });
        EarlySelection(found.unwrap_or_else(|error| {
            tracing::debug!(error = chain(&error), "could not select before the lock");
            None
        }))
    }
}

fn is_lasting(error: &Error) -> bool {
    match error {
        Error::NoMatch(_) | Error::DirectoryNotRemoved(_) | Error::TooManyModules(_) => true,
        other => other.kind() == ErrorKind::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Options;
    use crate::repo::Decision;
    use crate::store::ObjectFormat;

    #[test]
    fn paths_are_selected_again_only_if_the_branch_has_another_tree() {
        let dir = tempfile::tempdir().unwrap();
        let store =
            Store::open_or_create(dir.path(), Options::default(), ObjectFormat::Sha1).unwrap();
        let change = Change::default();
        let put = |path: &str| {
            let module = &b"\0asm\x01\0\0\0"[..];
            store.put(&change, &path.parse().unwrap(), module).unwrap();
        };
        let count = |tree: &dyn SelectableTree| Ok(tree.modules(&TreePath::root())?.len());
        let selected = |mut early: EarlySelection<usize>| {
            let (mut found, mut is_repeated) = (0, false);
            let txn = store.begin().unwrap();
            let published = store.publish(txn, &change, |draft| {
                found = early.in_draft(draft, |draft| {
                    is_repeated = true;
                    count(draft)
                })?;
                Ok((Decision::Unchanged, ()))
            });
            published.unwrap();
            (found, is_repeated)
        };
        put("a");
        let early = store.select_early(&change, count);
        assert_eq!(selected(early), (1, false));
        let early = store.select_early(&change, count);
        put("b");
        assert_eq!(selected(early), (2, true));
        assert_eq!(selected(EarlySelection::deferred()), (2, true));
        // An error is kept, too.
        let no_match = |_: &dyn SelectableTree| Err(Error::NoMatch("*".to_owned()));
        assert!(store.select_early::<()>(&change, no_match).0.is_some());
    }
}
