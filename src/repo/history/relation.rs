//! Previews a merge of two branches.

use crate::names::{CommitId, ModulePath, TreePath};
use crate::repo::error::{Error, Result};
use crate::repo::ids::object_id;
use crate::repo::objects::commit::read_linked;
use crate::repo::objects::db::ObjectDb;
use crate::repo::tree::diff::{PathChange, entry_changes};
use crate::repo::tree::entry::TreeEntry;
use crate::repo::tree::merge::{Merge, TreeMerge};
use crate::repo::tree::reader::TreeReader;

impl ObjectDb {
    /// Returns the result of a merge of `theirs` into `ours`, and the changes that the merge would make to the modules of `ours`, sorted by
    /// path. Writes nothing.
    ///
    /// # Errors
    /// `MergeConflict` if both sides changed the same paths differently.
    pub fn preview_merge(
        &self,
        ours: CommitId,
        theirs: CommitId,
    ) -> Result<(Merge, Vec<PathChange>)> {
        let repo = self.handle_for(ours)?.with_object_memory();
        let trees = TreeReader::new(&repo);
        let id = |commit: CommitId| {
            object_id(&repo, commit.as_bytes()).ok_or(Error::UnknownCommit(commit))
        };
        let (ours_id, theirs_id) = (id(ours)?, id(theirs)?);
        let tree_of = |commit| Ok::<_, Error>(read_linked(&repo, commit)?.tree.0);
        let (our_tree, their_tree) = (tree_of(ours)?, tree_of(theirs)?);
        let merge = TreeMerge::new(&repo, &trees);
        let bases = merge.bases(ours_id, &[theirs_id])?;
        if bases.contains(&theirs_id) {
            return Ok((Merge::Contained, Vec::new()));
        }
        let (result, tree) = if bases.contains(&ours_id) {
            (Merge::FastForward, their_tree)
        } else {
            let merged = merge.merge(&bases, our_tree, their_tree)?;
            (Merge::Merged, merged)
        };
        Ok((result, module_changes(&trees, our_tree, tree)?))
    }
}

/// Returns the modules that differ between two trees, sorted by path.
fn module_changes(
    trees: &TreeReader<'_>,
    old: gix::ObjectId,
    new: gix::ObjectId,
) -> Result<Vec<PathChange>> {
    let mut changes = Vec::new();
    for change in entry_changes(trees, old, new)? {
        let path = str::from_utf8(&change.path)
            .ok()
            .and_then(|path| TreePath::parse(path).ok());
        let Some(path) = path.and_then(|path| ModulePath::try_from(path).ok()) else {
            continue;
        };
        let module = |entry: Option<TreeEntry>| entry.and_then(|entry| entry.module());
        let before = module(trees.entry(old, change.path.as_ref())?);
        let after = module(change.new);
        if before != after {
            changes.push(PathChange {
                path,
                old: before,
                new: after,
            });
        }
    }
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(changes)
}
