//! Lists modules.

use std::ops::ControlFlow;

use super::error::Result;
use super::open::Store;
use super::revision::Revision;
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

    /// Returns at most `count` modules below the directory `prefix` in the tree at `revision`, starting with the first path after `after`;
    /// and whether there are more.
    pub fn list_page(
        &self,
        revision: &Revision,
        prefix: &TreePath,
        after: Option<&ModulePath>,
        count: usize,
    ) -> Result<(Vec<(ModulePath, ModuleHash)>, bool)> {
        self.read(revision, |resolved| {
            let Some(tree) = resolved.tree else {
                return Ok((Vec::new(), false));
            };
            let mut modules = Vec::new();
            let first_beyond_page =
                self.repo
                    .objects()
                    .walk_modules_after(tree, prefix, after, |path, hash| {
                        if modules.len() == count {
                            return ControlFlow::Break(());
                        }
                        modules.push((path, hash));
                        ControlFlow::Continue(())
                    })?;
            Ok((modules, first_beyond_page.is_some()))
        })
    }

    /// Returns every module below the directory `prefix` of a tree.
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
