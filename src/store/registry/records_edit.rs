//! An edit of the records that was decided earlier.

use crate::names::{ModuleHash, ModulePath, TreePath};
use crate::repo::{self, Draft, TreeId, TreeNode};

/// An edit of the records in some directories.
#[derive(Clone, Debug, Default)]
pub struct RecordsEdit {
    /// The directories, each with the tree that the edit is for; `None` if it does not exist.
    pub directories: Vec<(TreePath, Option<TreeId>)>,
    /// The paths of the records to remove.
    pub removed: Vec<ModulePath>,
    /// The records to set.
    pub added: Vec<(ModulePath, ModuleHash)>,
}

impl RecordsEdit {
    /// Returns whether the directories are those that the edit is for.
    pub(super) fn is_current(&self, draft: &Draft<'_>) -> Result<bool, repo::Error> {
        for (path, tree) in &self.directories {
            let current = match draft.node(path)? {
                Some(TreeNode::Directory(current)) => Some(current),
                Some(TreeNode::Module(_) | TreeNode::Foreign) | None => None,
            };
            if current != *tree {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
