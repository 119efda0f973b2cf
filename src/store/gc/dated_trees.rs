//! The dates and trees of the commits of a history.

use std::collections::HashMap;

use crate::names::CommitId;
use crate::repo::{Commit, CommitNode, TreeId};
use crate::store::error::Result;
use crate::store::open::Store;

/// The commits of a history that were added so far. Each has its tree, and the latest date of the commit and its ancestors.
pub(super) struct DatedTrees<'s> {
    store: &'s Store,
    known: HashMap<CommitId, DatedTree>,
}

/// The tree of a commit, and the latest date of the commit and its ancestors, in seconds since 1970-01-01 UTC.
#[derive(Clone, Copy)]
struct DatedTree {
    date_s: i64,
    tree: TreeId,
}

/// The latest date of a commit and its ancestors, and the trees of its parents.
pub(super) struct DatedParents {
    pub date_s: i64,
    pub trees: Vec<TreeId>,
}

impl<'s> DatedTrees<'s> {
    pub fn new(store: &'s Store) -> Self {
        let known = HashMap::new();
        Self { store, known }
    }

    /// Adds a commit, and returns the trees of its parents and the latest date of the commit and its ancestors. Must be called for parents
    /// before their children. If a parent was not added because it is outside of the history, only its own date is used, not the dates of
    /// its ancestors.
    pub fn add(&mut self, commit: &CommitNode) -> Result<DatedParents> {
        let parents = commit.parents.iter();
        let parents = parents.map(|parent| self.dated_tree(*parent));
        let parents: Vec<DatedTree> = parents.collect::<Result<_>>()?;
        // A commit is never regarded as older than its parents, even if a clock was wrong.
        let dates = parents.iter().map(|parent| parent.date_s);
        let date_s = dates.fold(commit.date_s, i64::max);
        let tree = commit.tree;
        self.known.insert(commit.id, DatedTree { date_s, tree });
        let trees = parents.into_iter().map(|parent| parent.tree).collect();
        Ok(DatedParents { date_s, trees })
    }

    fn dated_tree(&self, commit: CommitId) -> Result<DatedTree> {
        if let Some(known) = self.known.get(&commit) {
            return Ok(*known);
        }
        let commit = self.store.repo.objects().linked_commit(commit)?;
        let Commit { date_s, tree, .. } = commit;
        Ok(DatedTree { date_s, tree })
    }
}
