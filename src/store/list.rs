//! Listing modules.

use std::ops::ControlFlow;

use super::error::Result;
use super::open::Store;
use super::view::At;
use crate::names::{ModuleHash, ModulePath, TreePath};

impl Store {
    /// Every module below the folder `prefix` in the tree at `at`, sorted by path. An unknown prefix has none.
    pub fn list(&self, at: &At, prefix: &TreePath) -> Result<Vec<(ModulePath, ModuleHash)>> {
        self.read(at, |view| {
            let mut modules = Vec::new();
            if let Some(tree) = view.tree {
                self.repo
                    .walk_modules(tree, prefix, |path, hash| -> ControlFlow<()> {
                        modules.push((path, hash));
                        ControlFlow::Continue(())
                    })?;
            }
            Ok(modules)
        })
    }
}
