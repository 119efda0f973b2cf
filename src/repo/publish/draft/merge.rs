//! Merges another branch into a draft.

use super::Draft;
use crate::names::CommitId;
use crate::repo::error::{Error, Result};
use crate::repo::ids::object_id;
use crate::repo::tree::merge::{Merge, TreeMerge};

impl Draft<'_> {
    /// Merges the commit `theirs` into the draft. Like git, merges several merge bases into one first. Without a common ancestor, the base
    /// is the empty tree.
    ///
    /// # Errors
    /// `MergeConflict` with the paths. The draft is unchanged in this case.
    pub fn merge(&mut self, theirs: CommitId) -> Result<Merge> {
        let theirs_id =
            object_id(self.repo, theirs.as_bytes()).ok_or(Error::UnknownCommit(theirs))?;
        let their_tree = self.commit(theirs)?.tree;
        let Some(ours) = self.tip() else {
            return Ok(Merge::FastForward);
        };
        let ours_id =
            object_id(self.repo, ours.id.as_bytes()).expect("BUG: the tip is of this repository");
        let merge = TreeMerge::new(self.repo, &self.trees);
        let bases = merge.bases(ours_id, &[theirs_id])?;
        if bases.contains(&theirs_id) {
            return Ok(Merge::Contained);
        }
        if bases.contains(&ours_id) {
            return Ok(Merge::FastForward);
        }
        let merged = merge.merge(&bases, self.tree, their_tree.0)?;
        self.replace_tree(merged);
        Ok(Merge::Merged)
    }
}
