//! Putting existing modules and directories at other paths of a draft.

use super::Draft;
use crate::config::NameRules;
use crate::names::TreePath;
use crate::repo::error::Result;
use crate::repo::ids::TreeId;
use crate::repo::tree::edit::graft::{Graft, GraftFindings, graft};
use crate::repo::tree::extent::{TreeExtent, TreeExtents};
use crate::repo::tree::new_names::check_new_path;

impl Draft<'_> {
    /// Returns the extent of a tree (the number and the lengths of its paths), and keeps the result in `extents`.
    pub fn extent(&self, tree: TreeId, extents: &mut TreeExtents) -> Result<TreeExtent> {
        extents.measure(&self.trees, tree)
    }

    /// Removes the entries at the paths `removed`, and then puts the entry of each graft at its path. The entries below a grafted directory
    /// are not checked, so its tree must be whole (see [`TreeExtent::is_whole`]). The caller must not publish the draft if the findings
    /// have a `duplicate_target` or a `path_conflict`.
    ///
    /// # Errors
    /// `Name` for a new name in the path of a graft that is not allowed.
    pub fn graft(&mut self, removed: &[TreePath], grafts: &[Graft]) -> Result<GraftFindings> {
        for graft in grafts {
            check_new_path(&self.trees, self.tree, &graft.path, NameRules::default())?;
        }
        let (edited, findings) = graft(self.repo, &self.trees, self.tree, removed, grafts)?;
        self.set_edited(edited);
        let directories = grafts.iter().filter_map(|graft| graft.entry.directory());
        self.checked_trees.extend(directories.map(|tree| tree.0));
        Ok(findings)
    }
}
