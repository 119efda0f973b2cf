//! The versions of a branch's own history that its tip does not have: the candidates for being dropped.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use crate::names::{CommitId, ModuleHash, ModulePath, TreePath};
use crate::repo::{Commit, CommitNode, OwnHistory, PathChange, TreeDiffer, TreeId};
use crate::store::error::Result;
use crate::store::open::Store;

/// The candidates.
pub(super) struct DropCandidates<'s> {
    store: &'s Store,
    differ: TreeDiffer<'s>,
    tip: TreeId,
    scopes: Vec<TreePath>,
    paths: HashMap<ModulePath, PathCandidates>,
    own: HashSet<CommitId>,
}

/// The candidates at one path.
#[derive(Default)]
pub(super) struct PathCandidates(HashMap<ModuleHash, Fate>);

/// The tree of a commit, and the latest date of the commit and its ancestors.
#[derive(Clone, Copy)]
struct DatedTree {
    date_s: i64,
    tree: TreeId,
}

/// What happens to a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Dropped,
    Kept,
}

impl PathCandidates {
    /// Returns whether the module was added, and is not kept.
    pub fn is_dropped(&self, module: ModuleHash) -> bool {
        self.0.get(&module) == Some(&Fate::Dropped)
    }
}

impl<'s> DropCandidates<'s> {
    /// Begins without candidates. `scopes` are the paths at and below which there are candidates; if there are none, they are everywhere.
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

    /// Adds the modules that the commits of `own` have put at paths, unless the tip has them there. Keeps those that were at their path at
    /// the time `cutoff_s` or later.
    pub fn add(&mut self, own: &OwnHistory, cutoff_s: Option<i64>) -> Result<()> {
        let mut nodes = HashMap::with_capacity(own.commits.len());
        for commit in &own.commits {
            let parents = commit.parents.iter();
            let parents: Vec<_> = parents
                .map(|parent| self.dated_tree(&nodes, *parent))
                .collect::<Result<_>>()?;
            // A clock that was wrong does not make a commit older than its parents.
            let dates = parents.iter().map(|parent| parent.date_s);
            let date_s = dates.fold(commit.date_s, i64::max);
            let tree = commit.tree;
            nodes.insert(commit.id, DatedTree { date_s, tree });
            self.own.insert(commit.id);
            let is_recent = |date_s| cutoff_s.is_some_and(|cutoff_s| date_s >= cutoff_s);
            let first = parents.first().map(|parent| parent.tree);
            self.add_commit(commit, first, is_recent(date_s))?;
            // The last modules of a branch that was merged.
            for parent in parents.iter().skip(1) {
                if is_recent(parent.date_s) {
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

    /// Keeps the modules of a tree that differ from those of another one.
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

    /// Adds the modules that a commit has put at paths. Keeps them, and those that they have replaced, if the commit is recent.
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

    /// Keeps a module at a path. Has no effect on modules that are added later.
    pub fn keep(&mut self, path: &ModulePath, module: ModuleHash) {
        let candidate = self.paths.get_mut(path);
        if let Some(fate) = candidate.and_then(|modules| modules.0.get_mut(&module)) {
            *fate = Fate::Kept;
        }
    }

    /// Returns the candidates of each path.
    pub fn paths(&self) -> impl Iterator<Item = (&ModulePath, &PathCandidates)> {
        self.paths.iter()
    }

    /// Returns whether no other ref reaches the commit.
    pub fn is_own(&self, commit: CommitId) -> bool {
        self.own.contains(&commit)
    }
}

/// Returns the paths without those that are below another one.
fn without_nested(paths: &[TreePath]) -> Vec<TreePath> {
    let is_below = |path: &TreePath, other: &TreePath| {
        let rest = path.as_str().strip_prefix(other.as_str());
        rest.is_some_and(|rest| other.is_root() || rest.starts_with('/'))
    };
    let mut kept: Vec<TreePath> = Vec::new();
    for path in paths {
        let is_nested = paths
            .iter()
            .any(|other| is_below(path, other) && path != other);
        if !is_nested && !kept.contains(path) {
            kept.push(path.clone());
        }
    }
    kept
}
