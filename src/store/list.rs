//! Listing modules.

use std::ops::ControlFlow;

use super::error::Result;
use super::open::Store;
use super::revision::Revision;
use crate::names::{ModuleHash, ModulePath, TreePath};
use crate::repo::TreeId;

impl Store {
    /// Every module below the folder `prefix` in the tree at `at`, sorted by path. An unknown prefix has none.
    pub fn list(&self, at: &Revision, prefix: &TreePath) -> Result<Vec<(ModulePath, ModuleHash)>> {
        self.read(at, |view| match view.tree {
            Some(tree) => self.modules_in(tree, prefix),
            None => Ok(Vec::new()),
        })
    }

    /// Revision most `count` modules below the folder `prefix` in the tree at `at`, those whose paths sort after `after`, and whether
    /// there are more.
    pub fn list_page(
        &self,
        at: &Revision,
        prefix: &TreePath,
        after: Option<&ModulePath>,
        count: usize,
    ) -> Result<(Vec<(ModulePath, ModuleHash)>, bool)> {
        self.read(at, |view| {
            let Some(tree) = view.tree else {
                return Ok((Vec::new(), false));
            };
            let mut modules = Vec::new();
            let more =
                self.repo
                    .objects()
                    .walk_modules_after(tree, prefix, after, |path, hash| {
                        if modules.len() == count {
                            return ControlFlow::Break(());
                        }
                        modules.push((path, hash));
                        ControlFlow::Continue(())
                    })?;
            Ok((modules, more.is_some()))
        })
    }

    /// Every module below the folder `prefix` of a tree.
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
