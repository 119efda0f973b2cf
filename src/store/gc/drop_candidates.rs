//! Drop candidates: versions of modules that a garbage collection may drop from the history of a branch, because they are not in the tree
//! of the branch's tip.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use super::dated_trees::{DatedParents, DatedTrees};
use crate::names::{CommitId, ModuleHash, ModulePath, TreePath};
use crate::repo::{CommitNode, OwnHistory, PathChange, TreeDiffer, TreeId};
use crate::store::error::Result;
use crate::store::open::Store;

/// The drop candidates in the history of a branch: module versions that a garbage collection may drop.
pub(super) struct DropCandidates<'s> {
    store: &'s Store,
    differ: TreeDiffer<'s>,
    tip: TreeId,
    scopes: Vec<TreePath>,
    paths: HashMap<ModulePath, PathCandidates>,
    own: HashSet<CommitId>,
}

/// The drop candidates at one path, by the hash of the module. Each is marked as dropped or kept.
#[derive(Default)]
pub(super) struct PathCandidates(HashMap<ModuleHash, Fate>);

/// Whether a garbage collection drops a candidate (a version that is not in the tree of the branch's tip) or keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Dropped,
    Kept,
}

impl PathCandidates {
    /// Returns whether the garbage collection drops `module` at this path: it is a candidate, and is not marked as kept.
    pub fn is_dropped(&self, module: ModuleHash) -> bool {
        self.0.get(&module) == Some(&Fate::Dropped)
    }
}

impl<'s> DropCandidates<'s> {
    /// Creates an empty set. A candidate is a module at a path that a garbage collection may drop. Candidates are found only at and below
    /// the paths `scopes`, or at all paths if `scopes` is empty.
    pub fn new(store: &'s Store, tip: TreeId, scopes: &[TreePath]) -> Self {
        Self {
            store,
            differ: store.repo.objects().tree_differ(),
            tip,
            scopes: without_nested(scopes),
            paths: HashMap::new(),
            own: HashSet::new(),
        }
    }

    /// Adds a module at a path that a garbage collection may drop. Does nothing if the tip has the same module there.
    pub fn insert(&mut self, path: &ModulePath, module: ModuleHash) -> Result<()> {
        if self.differ.module_at(self.tip, path.as_str().as_bytes())? != Some(module) {
            let candidates = self.paths.entry(path.clone()).or_default();
            candidates.0.entry(module).or_insert(Fate::Dropped);
        }
        Ok(())
    }

    /// Adds candidates: every module that a commit of `own` put at a path, unless the tip has the same module there. Marks a candidate as
    /// kept if it was at its path at the Unix time `cutoff_s` or later. `own` has the commits that only this branch reaches.
    pub fn add(&mut self, own: &OwnHistory, cutoff_s: Option<i64>) -> Result<()> {
        let mut dated_trees = DatedTrees::new(self.store);
        for commit in &own.commits {
            let parents = dated_trees.add(commit)?;
            self.own.insert(commit.id);
            let changes = self.changes(commit, &parents)?;
            for PathChange { path, new, .. } in &changes {
                if let Some(new) = *new {
                    self.insert(path, new)?;
                }
            }
            if cutoff_s.is_some_and(|cutoff_s| parents.date_s >= cutoff_s) {
                self.keep_changed(commit, &parents, &changes)?;
            }
        }
        Ok(())
    }

    /// Protects from dropping each candidate that was at its path at the time `cutoff_s` (in seconds since 1970-01-01 UTC) or later. In
    /// `history`, parents come before their children.
    pub fn keep_since(&mut self, history: &[CommitNode], cutoff_s: i64) -> Result<()> {
        let mut dated_trees = DatedTrees::new(self.store);
        for commit in history {
            let parents = dated_trees.add(commit)?;
            if parents.date_s >= cutoff_s {
                let changes = self.changes(commit, &parents)?;
                self.keep_changed(commit, &parents, &changes)?;
            }
        }
        Ok(())
    }

    /// Returns the modules that differ between a commit and its first parent. Compares only the paths `scopes` and everything below them.
    fn changes(&self, commit: &CommitNode, parents: &DatedParents) -> Result<Vec<PathChange>> {
        let objects = self.store.repo.objects();
        let first = parents.trees.first().copied();
        let mut changes = Vec::new();
        for scope in &self.scopes {
            objects.walk_changes(first, Some(commit.tree), scope, None, |change| {
                changes.push(change);
                ControlFlow::<()>::Continue(())
            })?;
        }
        Ok(changes)
    }

    /// Marks the modules that a commit put at a path, and the modules that they replaced, so that they are not dropped.
    fn keep_changed(
        &mut self,
        commit: &CommitNode,
        parents: &DatedParents,
        changes: &[PathChange],
    ) -> Result<()> {
        for PathChange { path, old, new } in changes {
            for module in old.iter().chain(new) {
                self.keep(path, *module);
            }
        }
        // A merged branch had its last modules until the merge, even if its tip is much older than the merge.
        for tree in parents.trees.iter().skip(1) {
            self.keep_replaced(*tree, commit.tree)?;
        }
        Ok(())
    }

    /// At each path where `tree` has a module and `other` does not have the same one, marks the module of `tree` so that it is not dropped.
    pub fn keep_replaced(&mut self, tree: TreeId, other: TreeId) -> Result<()> {
        let at = TreePath::root();
        let objects = self.store.repo.objects();
        objects.walk_changes(Some(tree), Some(other), &at, None, |change| {
            if let Some(module) = change.old {
                self.keep(&change.path, module);
            }
            ControlFlow::<()>::Continue(())
        })?;
        Ok(())
    }

    /// Marks a candidate so that it is not dropped. Does nothing if the module at this path is not a candidate.
    pub fn keep(&mut self, path: &ModulePath, module: ModuleHash) {
        let candidate = self.paths.get_mut(path);
        if let Some(fate) = candidate.and_then(|modules| modules.0.get_mut(&module)) {
            *fate = Fate::Kept;
        }
    }

    /// Returns every path that has candidates (versions that the garbage collection may drop), with its candidates.
    pub fn paths(&self) -> impl Iterator<Item = (&ModulePath, &PathCandidates)> {
        self.paths.iter()
    }

    /// Returns whether this version of the path will be dropped: it is a candidate, and [`keep`](Self::keep) was not called for it.
    pub fn is_dropped(&self, path: &ModulePath, module: ModuleHash) -> bool {
        let candidates = self.paths.get(path);
        candidates.is_some_and(|candidates| candidates.is_dropped(module))
    }

    /// Returns whether the commit is in the branch's own history, that is, no other ref reaches it.
    pub fn is_own(&self, commit: CommitId) -> bool {
        self.own.contains(&commit)
    }
}

/// Returns the paths without duplicates, and without paths that lie below another of the paths. Returns the root if `paths` is empty.
pub(super) fn without_nested(paths: &[TreePath]) -> Vec<TreePath> {
    if paths.is_empty() {
        return vec![TreePath::root()];
    }
    let mut kept: Vec<TreePath> = Vec::new();
    for path in paths {
        let is_nested = paths
            .iter()
            .any(|other| other.relative(path.as_str()).is_some());
        if !is_nested && !kept.contains(path) {
            kept.push(path.clone());
        }
    }
    kept
}
