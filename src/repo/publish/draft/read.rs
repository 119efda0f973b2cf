//! Reading the tree of a draft, as changed so far.

use std::ops::ControlFlow;

use super::Draft;
use crate::names::{self, ModuleHash, ModulePath, TreePath};
use crate::repo::error::Result;
use crate::repo::ids::TreeId;
use crate::repo::tree::entry::{TreeEntry, TreeNode};

impl Draft<'_> {
    /// Returns the module or directory at `path`; `None` if there is none.
    pub fn node(&self, path: &TreePath) -> Result<Option<TreeNode>> {
        Ok(self.entry(path.as_str())?.map(|entry| entry.node()))
    }

    /// Returns the tree entry at `path`; `None` if there is none. The root always exists.
    pub fn entry_at(&self, path: &TreePath) -> Result<Option<TreeEntry>> {
        self.entry(path.as_str())
    }

    /// Returns the entries of a directory whose names are legal.
    pub fn directory(&self, tree: TreeId) -> Result<Vec<(String, TreeEntry)>> {
        let directory = self.trees.load(tree.0)?;
        let entries = directory.entries.iter().filter_map(|entry| {
            let name = str::from_utf8(&entry.filename).ok();
            let name = name.filter(|name| names::is_legal_segment(name))?;
            Some((name.to_owned(), TreeEntry::from(entry)))
        });
        Ok(entries.collect())
    }

    /// Returns every module below the directory `at`, sorted by path.
    pub fn modules(&self, at: &TreePath) -> Result<Vec<(ModulePath, ModuleHash)>> {
        let mut modules = Vec::new();
        let flow: ControlFlow<()> = self.walk_modules(at, |path, hash| {
            modules.push((path, hash));
            ControlFlow::Continue(())
        })?;
        debug_assert!(flow.is_continue(), "the visitor never breaks");
        Ok(modules)
    }

    /// Calls `visit` for every module below `at`, sorted by path, until `visit` returns `Break`.
    pub fn walk_modules<B>(
        &self,
        at: &TreePath,
        mut visit: impl FnMut(ModulePath, ModuleHash) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>> {
        self.trees.walk(self.tree, at, None, &mut visit)
    }
}
