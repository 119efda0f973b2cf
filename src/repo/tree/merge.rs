//! The three-way merge of two branches. Modules are opaque: a path that both sides changed differently is a conflict, nothing
//! is renamed and no content is invented.

use std::collections::HashMap;

use gix::bstr::{BStr, BString, ByteSlice};

use crate::repo::error::{Error, Result};
use crate::repo::ids::commit_id;
use crate::repo::objects::commit::read_linked;
use crate::repo::tree::diff::diff;
use crate::repo::tree::edit::edit;
use crate::repo::tree::entry::{Entry, TreeId};
use crate::repo::tree::reader::Trees;

/// How many merges of merge bases one merge may take, before a base is taken to be empty, which can only bring more conflicts.
const BASE_MERGES_MAX: u32 = 64;

/// What merging another commit into the draft came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Merge {
    /// The draft has all of it already.
    Contained,
    /// The other commit has all of the draft: the branch can simply move.
    FastForward,
    /// The draft's tree is the merged one.
    Merged,
}

/// A merge of trees in one repository.
pub(crate) struct TreeMerge<'m> {
    repo: &'m gix::Repository,
    trees: &'m Trees<'m>,
}

impl<'m> TreeMerge<'m> {
    /// Returns a merge that keeps new trees in the memory of `repo`.
    pub(crate) fn new(repo: &'m gix::Repository, trees: &'m Trees<'m>) -> Self {
        Self { repo, trees }
    }

    /// Merges two trees whose commits have the merge bases `bases`.
    ///
    /// # Errors
    /// `MergeConflict` with the paths.
    pub(crate) fn merge(
        &self,
        bases: &[gix::ObjectId],
        ours: gix::ObjectId,
        theirs: gix::ObjectId,
    ) -> Result<gix::ObjectId> {
        let mut left = BASE_MERGES_MAX;
        let base = self.base_tree(bases, &mut left)?;
        let (tree, mut conflicts) = self.three_way(base, ours, theirs)?;
        if conflicts.is_empty() {
            return Ok(tree);
        }
        conflicts.sort();
        conflicts.dedup();
        let paths = conflicts.iter().map(|path| format!("/{path}")).collect();
        Err(Error::MergeConflict { paths })
    }

    /// Returns the merge bases of one commit with several others.
    pub(crate) fn bases(
        &self,
        one: gix::ObjectId,
        others: &[gix::ObjectId],
    ) -> Result<Vec<gix::ObjectId>> {
        let bases = self
            .repo
            .merge_bases_many(one, others)
            .map_err(Error::database("find the merge base"))?;
        Ok(bases.into_iter().map(gix::Id::detach).collect())
    }

    /// The tree that stands for all the bases: theirs merged, one after the other. `left` counts the merges that may still be
    /// made: their number can double with every criss-cross below another.
    fn base_tree(&self, bases: &[gix::ObjectId], left: &mut u32) -> Result<gix::ObjectId> {
        let Some((first, rest)) = bases.split_first() else {
            return Ok(gix::ObjectId::empty_tree(self.repo.object_hash()));
        };
        let mut tree = read_linked(self.repo, commit_id(first))?.tree.0;
        for (merged, next) in rest.iter().enumerate() {
            let below = match left.checked_sub(1) {
                Some(fewer) => {
                    *left = fewer;
                    self.bases(*next, &bases[..=merged])?
                }
                None => Vec::new(),
            };
            let base = self.base_tree(&below, left)?;
            let next = read_linked(self.repo, commit_id(next))?.tree;
            tree = self.three_way_forced(base, tree, next)?;
        }
        Ok(tree)
    }

    /// Merges two bases. A conflict leaves an entry that equals neither side, so that a side that kept its own value of the
    /// path counts as having changed it.
    fn three_way_forced(
        &self,
        base: gix::ObjectId,
        ours: gix::ObjectId,
        theirs: TreeId,
    ) -> Result<gix::ObjectId> {
        let (tree, conflicts) = self.three_way(base, ours, theirs.0)?;
        let id =
            gix::ObjectId::from_bytes_or_panic(&vec![0xff; self.repo.object_hash().len_in_bytes()]);
        let neither = Entry {
            mode: gix::objs::tree::EntryKind::Blob.into(),
            id,
        };
        let mut edits = Vec::new();
        for path in &conflicts {
            let path = path.as_bstr();
            if self.trees.obstacle(tree, path)?.is_none() {
                edits.push((path, Some(neither)));
            }
        }
        edit(self.repo, self.trees, tree, &edits)
    }

    /// Ours with what theirs changed, and the paths at which that cannot be had.
    fn three_way(
        &self,
        base: gix::ObjectId,
        ours: gix::ObjectId,
        theirs: gix::ObjectId,
    ) -> Result<(gix::ObjectId, Vec<BString>)> {
        let by_path = |changes: Vec<_>| {
            changes
                .into_iter()
                .map(|c: crate::repo::tree::diff::EntryChange| (c.path, c.new))
        };
        let our_changes: HashMap<_, _> = by_path(diff(self.repo, base, ours)?).collect();
        let mut conflicts = Vec::new();
        let (mut removed, mut set) = (Vec::new(), Vec::new());
        for (path, theirs) in by_path(diff(self.repo, base, theirs)?) {
            match our_changes.get(&path) {
                Some(ours) if *ours == theirs => {}
                Some(_) => conflicts.push(path),
                None if theirs.is_none() => removed.push(path),
                None => set.push((path, theirs)),
            }
        }
        let removals: Vec<(&BStr, _)> = removed.iter().map(|path| (path.as_bstr(), None)).collect();
        let tree = edit(self.repo, self.trees, ours, &removals)?;
        let mut edits: Vec<(&BStr, _)> = Vec::new();
        for (path, entry) in &set {
            // A foreign entry in the very place of theirs is what theirs changed.
            let obstacle = self.trees.obstacle(tree, path.as_bstr())?;
            let in_the_way =
                |(at, noun): &(String, &str)| *noun != Entry::FOREIGN || *at != format!("/{path}");
            match obstacle.filter(in_the_way) {
                Some(_) => conflicts.push(path.clone()),
                None => edits.push((path.as_bstr(), *entry)),
            }
        }
        Ok((edit(self.repo, self.trees, tree, &edits)?, conflicts))
    }
}
