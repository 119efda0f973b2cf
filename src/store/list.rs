//! Lists modules.

use std::ops::ControlFlow;

use super::error::Result;
use super::open::Store;
use super::revision::{ResolvedRevision, Revision};
use crate::names::{ModuleHash, ModulePath, TreePath};
use crate::repo::TreeId;

impl Store {
    /// Returns every module below the directory `prefix` in the tree at `revision`, sorted by path; an empty list for an unknown prefix.
    pub fn list(
        &self,
        revision: &Revision,
        prefix: &TreePath,
    ) -> Result<Vec<(ModulePath, ModuleHash)>> {
        self.read(revision, |resolved| match resolved.tree {
            Some(tree) => self.modules_in(tree, prefix),
            None => Ok(Vec::new()),
        })
    }

    /// Returns the first `count` modules below the directory `prefix` in the tree at `revision`, and whether there are more.
    pub fn list_first(
        &self,
        revision: &Revision,
        prefix: &TreePath,
        count: usize,
    ) -> Result<(Vec<(ModulePath, ModuleHash)>, bool)> {
        self.read(revision, |resolved| {
            let mut modules = Vec::new();
            let has_more = self.visit_modules(resolved, prefix, None, |path, hash| {
                if modules.len() == count {
                    return ControlFlow::Break(());
                }
                modules.push((path, hash));
                ControlFlow::Continue(())
            })?;
            Ok((modules, has_more))
        })
    }

    /// Calls `visit` for every module below the directory `prefix` in the tree at `revision`, sorted by path and starting with the first
    /// path after `after`, until `visit` returns `Break`. Returns whether `visit` returned `Break`.
    ///
    /// If `revision` is a branch and a `gc` removes an object during the walk, the walk starts again and calls `visit` for the same
    /// modules. To prevent this, pass a revision that [`as_of`](Self::as_of) resolved.
    pub fn list_after(
        &self,
        revision: &Revision,
        prefix: &TreePath,
        after: Option<&ModulePath>,
        mut visit: impl FnMut(ModulePath, ModuleHash) -> ControlFlow<()>,
    ) -> Result<bool> {
        self.read(revision, |resolved| {
            self.visit_modules(resolved, prefix, after, &mut visit)
        })
    }

    pub(super) fn visit_modules(
        &self,
        resolved: ResolvedRevision,
        prefix: &TreePath,
        after: Option<&ModulePath>,
        visit: impl FnMut(ModulePath, ModuleHash) -> ControlFlow<()>,
    ) -> Result<bool> {
        let Some(tree) = resolved.tree else {
            return Ok(false);
        };
        let objects = self.repo.objects();
        let stopped = objects.walk_modules_after(tree, prefix, after, visit)?;
        Ok(stopped.is_some())
    }

    /// Returns every module below the directory `prefix` of a tree, sorted by path.
    pub(super) fn modules_in(
        &self,
        tree: TreeId,
        prefix: &TreePath,
    ) -> Result<Vec<(ModulePath, ModuleHash)>> {
        let mut modules = Vec::new();
        self.repo
            .objects()
            .walk_modules(tree, prefix, |path, hash| -> ControlFlow<()> {
                modules.push((path, hash));
                ControlFlow::Continue(())
            })?;
        Ok(modules)
    }
}
