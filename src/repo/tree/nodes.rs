//! What readers ask of trees.

use std::ops::ControlFlow;

use crate::names::{CommitId, ModuleHash, ModulePath, TreePath};
use crate::repo::error::{Error, Result};
use crate::repo::objects::db::ObjectDb;
use crate::repo::tree::entry::{Node, TreeId};
use crate::repo::tree::reader::{Trees, Way, descend};

impl ObjectDb {
    /// What stands at `path` in the tree of a commit, as far as memory tells: `None` if it would have to be read.
    pub fn remembered_node(&self, commit: CommitId, path: &TreePath) -> Option<Option<Node>> {
        let root = self.caches.commits.get(&commit)?.tree.0;
        let remembered = |tree| self.caches.trees.get(&tree).ok_or(());
        match descend(root, path.as_str().into(), remembered).ok()? {
            Way::Arrived(entry) => Some(Some(entry.node())),
            Way::Blocked(..) | Way::Ended => Some(None),
        }
    }

    /// What stands at `path` in a tree; `None` if nothing does.
    pub fn node(&self, tree: TreeId, path: &TreePath) -> Result<Option<Node>> {
        Ok(Trees::remembering(self)
            .entry(tree.0, path.as_str().into())?
            .map(|entry| entry.node()))
    }

    /// Judges whether a module may stand at `path` in a tree.
    ///
    /// # Errors
    /// `PathTaken` if the path would be module and folder at once.
    pub fn check_free(&self, tree: TreeId, path: &ModulePath) -> Result<()> {
        match Trees::remembering(self).obstacle(tree.0, path.as_str().into())? {
            Some((existing, kind)) => Err(Error::PathTaken {
                path: path.to_string(),
                existing,
                kind,
            }),
            None => Ok(()),
        }
    }

    /// Calls `visit` for every module below `at` in a tree, sorted by path, until it breaks.
    pub fn walk_modules<B>(
        &self,
        tree: TreeId,
        at: &TreePath,
        visit: impl FnMut(ModulePath, ModuleHash) -> ControlFlow<B>,
    ) -> Result<Option<B>> {
        self.walk_modules_after(tree, at, None, visit)
    }

    /// The same for those modules only whose paths sort after `after`.
    pub fn walk_modules_after<B>(
        &self,
        tree: TreeId,
        at: &TreePath,
        after: Option<&ModulePath>,
        mut visit: impl FnMut(ModulePath, ModuleHash) -> ControlFlow<B>,
    ) -> Result<Option<B>> {
        let after = after.map(ModulePath::as_str);
        Ok(Trees::remembering(self)
            .walk(tree.0, at, after, &mut visit)?
            .break_value())
    }
}
