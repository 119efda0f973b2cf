//! The three-way merge of two branches.
//!
//! Modules are opaque: a path that both sides changed differently is a conflict. Renames are not detected, and the contents of modules are
//! never merged. gix's own tree merge is not used because it builds an index from HEAD, which takes 584 ms with 1M paths.

use std::collections::HashMap;

use gix::bstr::{BStr, BString, ByteSlice};
use gix::revision::plumbing::merge_base;
use gix::revwalk::Graph;

use crate::repo::error::{Error, Result};
use crate::repo::ids::{TreeId, commit_id};
use crate::repo::objects::commit::read_linked;
use crate::repo::objects::raw_commit::LenientObjects;
use crate::repo::tree::diff::{EntryChange, entry_changes};
use crate::repo::tree::edit::edit;
use crate::repo::tree::entry::TreeEntry;
use crate::repo::tree::reader::TreeReader;

/// The maximum number of merges of merge bases within one merge. Beyond it, the empty tree is used as the base, which can only add
/// conflicts.
const BASE_MERGES_MAX: u32 = 64;

/// The result of merging another commit into a draft (the next state of a branch).
#[derive(Debug, PartialEq, Eq)]
pub enum Merge {
    /// The branch already contains the other commit, so nothing changes.
    Contained,
    /// The other commit is a descendant of the draft's tip, so the branch can move to it.
    FastForward,
    /// Both sides have commits of their own. The draft (the next state of the branch) now has the merged tree.
    Merged,
}

/// A merge of trees in one repository.
pub(crate) struct TreeMerge<'m> {
    repo: &'m gix::Repository,
    trees: &'m TreeReader<'m>,
}

impl<'m> TreeMerge<'m> {
    /// Returns a `TreeMerge` that writes new trees to the memory of `repo`, not to the disk.
    pub(crate) fn new(repo: &'m gix::Repository, trees: &'m TreeReader<'m>) -> Self {
        Self { repo, trees }
    }

    /// Merges two trees whose commits have the merge bases `bases`.
    ///
    /// # Errors
    /// `MergeConflict` with the paths that both sides changed differently.
    pub(crate) fn merge(
        &self,
        bases: &[gix::ObjectId],
        ours: gix::ObjectId,
        theirs: gix::ObjectId,
    ) -> Result<gix::ObjectId> {
        let mut merges_left = BASE_MERGES_MAX;
        let base = self.base_tree(bases, &mut merges_left)?;
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
        // The commit-graph only saves time, so a damaged one is ignored.
        let commit_graph = self.repo.commit_graph_if_enabled().ok().flatten();
        let mut graph = Graph::new(LenientObjects(self.repo), commit_graph.as_ref());
        let bases =
            merge_base(one, others, &mut graph).map_err(Error::database("find the merge base"))?;
        Ok(bases.into_iter().flatten().collect())
    }

    /// Merges all merge bases into one tree, one after the other. `merges_left` limits the number of merges, which can double with
    /// every level of criss-cross merges.
    fn base_tree(&self, bases: &[gix::ObjectId], merges_left: &mut u32) -> Result<gix::ObjectId> {
        let Some((first, rest)) = bases.split_first() else {
            return Ok(gix::ObjectId::empty_tree(self.repo.object_hash()));
        };
        let mut tree = read_linked(self.repo, commit_id(first))?.tree.0;
        for (merged, next) in rest.iter().enumerate() {
            let below = match merges_left.checked_sub(1) {
                Some(fewer) => {
                    *merges_left = fewer;
                    self.bases(*next, &bases[..=merged])?
                }
                None => Vec::new(),
            };
            let base = self.base_tree(&below, merges_left)?;
            let next_tree = read_linked(self.repo, commit_id(next))?.tree;
            tree = self.three_way_forced(base, tree, next_tree)?;
        }
        Ok(tree)
    }

    /// Merges two merge bases into one. At a path where they conflict, the result has an entry that equals neither of them, so both sides
    /// of the actual merge count as having changed this path.
    fn three_way_forced(
        &self,
        base: gix::ObjectId,
        ours: gix::ObjectId,
        theirs: TreeId,
    ) -> Result<gix::ObjectId> {
        let (tree, conflicts) = self.three_way(base, ours, theirs.0)?;
        let id =
            gix::ObjectId::from_bytes_or_panic(&vec![0xff; self.repo.object_hash().len_in_bytes()]);
        let neither = TreeEntry {
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
        Ok(edit(self.repo, self.trees, tree, &edits)?.id)
    }

    /// Merges `theirs` into `ours`. Returns `ours` with the changes of `theirs` that do not conflict, and the paths of the conflicts.
    fn three_way(
        &self,
        base: gix::ObjectId,
        ours: gix::ObjectId,
        theirs: gix::ObjectId,
    ) -> Result<(gix::ObjectId, Vec<BString>)> {
        let by_path = |change: EntryChange| (change.path, change.new);
        let our_changes: HashMap<_, _> = entry_changes(self.trees, base, ours)?
            .into_iter()
            .map(by_path)
            .collect();
        let their_changes = entry_changes(self.trees, base, theirs)?.into_iter();
        let mut conflicts = Vec::new();
        let (mut removed, mut set) = (Vec::new(), Vec::new());
        for (path, their_entry) in their_changes.map(by_path) {
            match our_changes.get(&path) {
                Some(our_entry) if *our_entry == their_entry => {}
                Some(_) => conflicts.push(path),
                None if their_entry.is_none() => removed.push(path),
                None => set.push((path, their_entry)),
            }
        }
        let removals: Vec<(&BStr, _)> = removed.iter().map(|path| (path.as_bstr(), None)).collect();
        let tree = edit(self.repo, self.trees, ours, &removals)?.id;
        let mut edits: Vec<(&BStr, _)> = Vec::new();
        for (path, entry) in &set {
            let obstacle = self.trees.obstacle(tree, path.as_bstr())?;
            // A symbolic link or submodule at the path itself is not an obstacle, because their side replaced it.
            let is_in_the_way = |(existing, noun): &(String, &str)| {
                *noun != TreeEntry::FOREIGN || *existing != format!("/{path}")
            };
            match obstacle.filter(is_in_the_way) {
                Some(_) => conflicts.push(path.clone()),
                None => edits.push((path.as_bstr(), *entry)),
            }
        }
        Ok((edit(self.repo, self.trees, tree, &edits)?.id, conflicts))
    }
}
