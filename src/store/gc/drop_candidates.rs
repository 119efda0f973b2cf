//! Drop candidates: versions of modules that only old commits of a branch have, so that a garbage collection may drop them.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use crate::names::{CommitId, ModuleHash, ModulePath, TreePath};
use crate::repo::{Commit, CommitNode, OwnHistory, PathChange, TreeDiffer, TreeId};
use crate::store::error::Result;
use crate::store::open::Store;

/// The candidates in the own history of a branch: the commits that no other ref reaches.
pub(super) struct DropCandidates<'s> {
    store: &'s Store,
    differ: TreeDiffer<'s>,
    tip: TreeId,
    scopes: Vec<TreePath>,
    paths: HashMap<ModulePath, PathCandidates>,
    own: HashSet<CommitId>,
}

/// The candidates at one path, by the hash of the module.
#[derive(Default)]
pub(super) struct PathCandidates(HashMap<ModuleHash, Fate>);

/// The tree of a commit, and the latest date of the commit and its ancestors.
#[derive(Clone, Copy)]
struct DatedTree {
    date_s: i64,
    tree: TreeId,
}

/// Whether a candidate is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Dropped,
    Kept,
}

impl PathCandidates {
    /// Returns whether `module` is a candidate and is to be dropped.
    pub fn is_dropped(&self, module: ModuleHash) -> bool {
        self.0.get(&module) == Some(&Fate::Dropped)
    }
}

impl<'s> DropCandidates<'s> {
    /// Creates an empty set. Candidates are only looked for at and below the paths `scopes`, or everywhere if there are none.
    pub fn new(store: &'s Store, tip: TreeId, scopes: &[TreePath]) -> Self {
        let scopes = match scopes {
            [] => vec![TreePath::root()],
            scopes => without_nested(scopes),
        };
        Self {
            store,
            differ: store.repo.objects().tree_differ(),
            tip,
            scopes,
            paths: HashMap::new(),
            own: HashSet::new(),
        }
    }

    /// Adds every module that a commit of `own` put at a path, unless the tip has the same module there. Marks those as kept that were at
    /// their path at the time `cutoff_s` or later.
    pub fn add(&mut self, own: &OwnHistory, cutoff_s: Option<i64>) -> Result<()> {
        let mut nodes = HashMap::with_capacity(own.commits.len());
        for commit in &own.commits {
            let parents = commit.parents.iter();
            let parents: Vec<_> = parents
                .map(|parent| self.dated_tree(&nodes, *parent))
                .collect::<Result<_>>()?;
            // A commit is never regarded as older than its parents, even if a clock was wrong.
            let dates = parents.iter().map(|parent| parent.date_s);
            let date_s = dates.fold(commit.date_s, i64::max);
            let tree = commit.tree;
            nodes.insert(commit.id, DatedTree { date_s, tree });
            self.own.insert(commit.id);
            let is_recent = cutoff_s.is_some_and(|cutoff_s| date_s >= cutoff_s);
            let first = parents.first().map(|parent| parent.tree);
            self.add_commit(commit, first, is_recent)?;
            // A branch that was merged had its last modules until then, however old its tip is.
            if is_recent {
                for parent in parents.iter().skip(1) {
                    self.keep_replaced(parent.tree, commit.tree)?;
                }
            }
        }
        Ok(())
    }

    fn dated_tree(
        &self,
        nodes: &HashMap<CommitId, DatedTree>,
        commit: CommitId,
    ) -> Result<DatedTree> {
        if let Some(known) = nodes.get(&commit) {
            return Ok(*known);
        }
        let commit = self.store.repo.objects().linked_commit(commit)?;
        let Commit { date_s, tree, .. } = commit;
        Ok(DatedTree { date_s, tree })
    }

    /// Marks the modules of `tree` as kept, except those that `other` has at the same path.
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

    /// Adds the modules that a commit put at paths. If the commit is recent, marks them and the modules that they replaced as kept.
    fn add_commit(
        &mut self,
        commit: &CommitNode,
        parent: Option<TreeId>,
        is_recent: bool,
    ) -> Result<()> {
        let objects = self.store.repo.objects();
        let mut changes = Vec::new();
        for scope in &self.scopes {
            objects.walk_changes(parent, Some(commit.tree), scope, None, |change| {
                changes.push(change);
                ControlFlow::<()>::Continue(())
            })?;
        }
        for PathChange { path, old, new } in changes {
            if let Some(new) = new
                && self.differ.module_at(self.tip, path.as_str().as_bytes())? != Some(new)
            {
                let candidates = self.paths.entry(path.clone()).or_default();
                candidates.0.entry(new).or_insert(Fate::Dropped);
            }
            if is_recent {
                for module in old.into_iter().chain(new) {
                    self.keep(&path, module);
                }
            }
        }
        Ok(())
    }

    /// Marks a candidate as kept. Has no effect if the module at this path was not added before.
    pub fn keep(&mut self, path: &ModulePath, module: ModuleHash) {
        let candidate = self.paths.get_mut(path);
        if let Some(fate) = candidate.and_then(|modules| modules.0.get_mut(&module)) {
            *fate = Fate::Kept;
        }
    }

    /// Returns every path that has candidates, with its candidates.
    pub fn paths(&self) -> impl Iterator<Item = (&ModulePath, &PathCandidates)> {
        self.paths.iter()
    }

    /// Returns whether the commit is in the own history: no other ref reaches it.
    pub fn is_own(&self, commit: CommitId) -> bool {
        self.own.contains(&commit)
    }
}

/// Returns the paths without duplicates, and without those that lie below another one.
fn without_nested(paths: &[TreePath]) -> Vec<TreePath> {
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
