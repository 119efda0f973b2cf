//! Computes the index entries of commits from the repository.

use std::collections::{HashMap, HashSet};

use crate::index::{ChangeEntry, CommitEntry};
use crate::names::CommitId;
use crate::repo::{CommitNode, TreeDiffer, TreeId};
use crate::store::error::Result;
use crate::store::open::Store;

/// Computes the index entries of commits. The caller must pass each commit after its parents.
pub(super) struct CommitEntries<'s> {
    store: &'s Store,
    differ: TreeDiffer<'s>,
    /// The trees of the commits that the caller has passed so far.
    trees: HashMap<CommitId, TreeId>,
}

impl<'s> CommitEntries<'s> {
    pub(super) fn new(store: &'s Store) -> Self {
        Self {
            store,
            differ: store.repo.objects().tree_differ(),
            trees: HashMap::new(),
        }
    }

    /// Returns the index entry of `node`, the next commit.
    pub(super) fn next(&mut self, node: CommitNode) -> Result<CommitEntry> {
        let parents: Vec<TreeId> = node
            .parents
            .iter()
            .map(|parent| self.tree(*parent))
            .collect::<Result<_>>()?;
        let (first, further) = match parents.split_first() {
            Some((first, further)) => (Some(*first), further),
            None => (None, &[][..]),
        };
        // Compares each distinct tree once: a commit that another program made may name a parent many times, or many parents with the same
        // tree.
        let mut seen = HashSet::new();
        let further: Vec<TreeId> = further
            .iter()
            .filter(|tree| seen.insert(**tree))
            .copied()
            .collect();
        let mut changes = Vec::new();
        for changed in self.differ.changes(first, node.tree)? {
            let mut is_own = changed.old != changed.new;
            for parent in &further {
                is_own = is_own && self.differ.module_at(*parent, &changed.path)? != changed.new;
            }
            changes.push(ChangeEntry {
                digest: changed.new.and_then(|hash| self.store.digests.get(hash)),
                path: changed.path,
                module: changed.new,
                is_own,
            });
        }
        self.trees.insert(node.id, node.tree);
        Ok(CommitEntry {
            id: node.id,
            parents: node.parents,
            date_s: node.date_s,
            tree: node.tree.as_bytes().to_vec(),
            changes,
        })
    }

    fn tree(&self, commit: CommitId) -> Result<TreeId> {
        match self.trees.get(&commit) {
            Some(tree) => Ok(*tree),
            None => Ok(self.store.repo.objects().linked_commit(commit)?.tree),
        }
    }
}
