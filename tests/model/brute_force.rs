//! The model: keeps every commit with its whole tree, and answers every query by a search over all commits.

use std::collections::{BTreeMap, BTreeSet};

use wasmstore::names::CommitId;
use wasmstore::store::ErrorKind;

use super::Condition;

/// Module numbers by path.
pub(super) type Tree = BTreeMap<String, u32>;

/// One commit of the model.
pub(super) struct Node {
    pub(super) id: CommitId,
    pub(super) date_s: i64,
    pub(super) parents: Vec<usize>,
    pub(super) tree: Tree,
    pub(super) restores: Option<usize>,
    pub(super) squashed: bool,
}

/// The expected effect of an operation on a branch.
pub(super) enum Step {
    Nothing,
    FastForward(usize),
    Commit {
        tree: Tree,
        extra_parents: Vec<usize>,
        restores: Option<usize>,
    },
    /// A merge with several merge bases, whose result the model takes from the store.
    Unpredicted(usize),
}

pub(super) struct Model {
    pub(super) nodes: Vec<Node>,
    pub(super) heads: BTreeMap<&'static str, usize>,
    pub(super) default: &'static str,
    /// The commits that were collected.
    pub(super) collected: BTreeSet<usize>,
    /// The commits that may have been collected completely or in part, because a collection was killed.
    pub(super) half_collected: BTreeSet<usize>,
}

/// Returns the part of a tree that is in a scope.
pub(super) fn within(tree: &Tree, scope: &str) -> Tree {
    let inside =
        |path: &str| scope.is_empty() || path == scope || path.starts_with(&format!("{scope}/"));
    tree.iter()
        .filter(|(path, _)| inside(path))
        .map(|(path, v)| (path.clone(), *v))
        .collect()
}

/// Returns whether some path is a parent directory of another path.
pub(super) fn has_conflicts(tree: &Tree) -> bool {
    tree.keys().any(|path| {
        tree.keys()
            .any(|other| other.starts_with(&format!("{path}/")))
    })
}

/// Returns the tree with the scope replaced by `content`.
pub(super) fn replaced(tree: &Tree, scope: &str, content: Tree) -> Tree {
    let removed = within(tree, scope);
    let rest = tree
        .iter()
        .filter(|(path, _)| !removed.contains_key(*path))
        .map(|(path, v)| (path.clone(), *v));
    rest.chain(content).collect()
}

impl Model {
    /// Returns every commit that one of `from` reaches.
    pub(super) fn reach(&self, from: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
        let mut seen = BTreeSet::new();
        let mut pending: Vec<_> = from.into_iter().collect();
        while let Some(node) = pending.pop() {
            if seen.insert(node) {
                pending.extend(&self.nodes[node].parents);
            }
        }
        seen
    }

    /// Returns the `nodes` that none of the others reaches.
    pub(super) fn newest(&self, nodes: &BTreeSet<usize>) -> Vec<usize> {
        let older = self.reach(
            nodes
                .iter()
                .flat_map(|node| self.nodes[*node].parents.clone()),
        );
        nodes
            .iter()
            .filter(|node| !older.contains(node))
            .copied()
            .collect()
    }

    pub(super) fn head(&self, branch: &str) -> Result<usize, ErrorKind> {
        self.heads.get(branch).copied().ok_or(ErrorKind::NotFound)
    }

    /// Returns the step that gives the branch a tree.
    pub(super) fn change(&self, head: usize, tree: Tree) -> Result<Step, ErrorKind> {
        if has_conflicts(&tree) {
            return Err(ErrorKind::Conflict);
        }
        Ok(if tree == self.nodes[head].tree {
            Step::Nothing
        } else {
            Step::Commit {
                tree,
                extra_parents: Vec::new(),
                restores: None,
            }
        })
    }

    pub(super) fn put(&self, on: &str, path: &str, v: u32) -> Result<Step, ErrorKind> {
        let head = self.head(on)?;
        let mut tree = self.nodes[head].tree.clone();
        tree.insert(path.to_owned(), v);
        self.change(head, tree)
    }

    /// Returns whether the precondition holds at a path. The tag of a directory is the branch's tip.
    pub(super) fn holds(
        &self,
        on: &str,
        path: &str,
        condition: Condition,
    ) -> Result<bool, ErrorKind> {
        let tree = &self.nodes[self.head(on)?].tree;
        let has_module = |value| tree.get(path) == Some(value);
        let exists = !within(tree, path).is_empty();
        Ok(match condition {
            Condition::Absent => !exists,
            Condition::Present => exists,
            Condition::Is(value) => has_module(&value),
            Condition::IsNot(value) => !has_module(&value),
        })
    }

    /// Returns whether a reachable commit has the module.
    pub(super) fn is_stored(&self, value: u32) -> bool {
        let reachable = self.reachable();
        let mut trees = reachable.iter().map(|node| &self.nodes[*node].tree);
        trees.any(|tree| tree.values().any(|v| *v == value))
    }

    /// Returns some commit, chosen by `n`.
    pub(super) fn nth(&self, n: usize) -> &Node {
        &self.nodes[n % self.nodes.len()]
    }

    /// Returns every commit that some branch reaches.
    pub(super) fn reachable(&self) -> BTreeSet<usize> {
        self.reach(self.heads.values().copied())
    }

    pub(super) fn remove(&self, on: &str, scope: &str) -> Result<Step, ErrorKind> {
        let head = self.head(on)?;
        let tree = replaced(&self.nodes[head].tree, scope, Tree::new());
        if tree == self.nodes[head].tree {
            Err(ErrorKind::NotFound)
        } else {
            self.change(head, tree)
        }
    }

    pub(super) fn restore(&self, on: &str, from: usize, scope: &str) -> Result<Step, ErrorKind> {
        if self.collected.contains(&from) {
            return Err(ErrorKind::NotFound);
        }
        let head = self.head(on)?;
        let restored = within(&self.nodes[from].tree, scope);
        let current = &self.nodes[head].tree;
        if !scope.is_empty() && restored.is_empty() && within(current, scope).is_empty() {
            return Err(ErrorKind::NotFound);
        }
        self.change(head, replaced(current, scope, restored))
    }

    /// Returns the first-parent history of a commit.
    pub(super) fn first_parents(&self, from: usize) -> Vec<usize> {
        std::iter::successors(Some(from), |node| {
            self.nodes[*node].parents.first().copied()
        })
        .collect()
    }

    pub(super) fn newest_change(&self, from: usize, scope: &str) -> Option<usize> {
        let value = |node: usize| within(&self.nodes[node].tree, scope);
        let history = self.first_parents(from);
        let changed = history
            .windows(2)
            .find(|pair| value(pair[0]) != value(pair[1]))
            .map(|pair| pair[0]);
        let root = *history.last().unwrap();
        changed.or((!value(root).is_empty()).then_some(root))
    }

    pub(super) fn rollback(&self, on: &str, scope: &str) -> Result<Step, ErrorKind> {
        let head = self.head(on)?;
        let unknown = if scope.is_empty() {
            ErrorKind::Conflict
        } else {
            ErrorKind::NotFound
        };
        let mut newest = self.newest_change(head, scope).ok_or(unknown)?;
        let value = |node: usize| within(&self.nodes[node].tree, scope);
        while let Some(restored) = self.nodes[newest].restores
            && self.first_parents(newest).contains(&restored)
            && value(restored) == value(newest)
        {
            newest = self
                .newest_change(restored, scope)
                .ok_or(ErrorKind::Conflict)?;
        }
        let target = *self.nodes[newest]
            .parents
            .first()
            .ok_or(ErrorKind::Conflict)?;
        if self.nodes[newest].squashed {
            return Err(ErrorKind::Conflict);
        }
        match self.change(head, replaced(&self.nodes[head].tree, scope, value(target)))? {
            Step::Commit {
                tree,
                extra_parents,
                ..
            } => Ok(Step::Commit {
                tree,
                extra_parents,
                restores: Some(target),
            }),
            other => Ok(other),
        }
    }

    pub(super) fn merge(&self, on: &str, from: &str) -> Result<Step, ErrorKind> {
        let (ours, theirs) = (self.head(on)?, self.head(from)?);
        let common: BTreeSet<_> = self
            .reach([ours])
            .intersection(&self.reach([theirs]))
            .copied()
            .collect();
        let bases = self.newest(&common);
        if bases.contains(&theirs) {
            return Ok(Step::Nothing);
        }
        if bases.contains(&ours) {
            return Ok(Step::FastForward(theirs));
        }
        if bases.len() > 1 {
            return Ok(Step::Unpredicted(theirs));
        }
        let empty = Tree::new();
        let base = bases.first().map_or(&empty, |base| &self.nodes[*base].tree);
        let (our_tree, their_tree) = (&self.nodes[ours].tree, &self.nodes[theirs].tree);
        let mut tree = our_tree.clone();
        for path in base.keys().chain(their_tree.keys()) {
            let (b, o, t) = (base.get(path), our_tree.get(path), their_tree.get(path));
            if t != b && o != t {
                if o != b {
                    return Err(ErrorKind::Conflict);
                }
                tree.remove(path);
                tree.extend(t.map(|t| (path.clone(), *t)));
            }
        }
        if has_conflicts(&tree) {
            return Err(ErrorKind::Conflict);
        }
        Ok(Step::Commit {
            tree,
            extra_parents: vec![theirs],
            restores: None,
        })
    }

    /// Returns the parents of the squashed commit; `None` if there is nothing to squash.
    pub(super) fn squash(&self, on: &str) -> Result<Option<Vec<usize>>, ErrorKind> {
        let head = self.head(on)?;
        let kept = self.reach(
            self.heads
                .iter()
                .filter(|(name, _)| **name != on)
                .map(|(_, node)| *node),
        );
        let own: BTreeSet<_> = self.reach([head]).difference(&kept).copied().collect();
        let boundary = own
            .iter()
            .flat_map(|node| self.nodes[*node].parents.clone())
            .filter(|node| kept.contains(node));
        Ok((own.len() > 1).then(|| self.newest(&boundary.collect())))
    }

    /// Returns the commits whose module at `path` differs from that in every parent, oldest first; `None` for a removal.
    pub(super) fn own_changes(&self, head: usize, path: &str) -> Vec<(CommitId, Option<u32>)> {
        let value = |node: usize| self.nodes[node].tree.get(path).copied();
        let mut own: Vec<_> = self.reach([head]).into_iter().collect();
        own.retain(|node| {
            let parents = &self.nodes[*node].parents;
            if parents.is_empty() {
                value(*node).is_some()
            } else {
                parents.iter().all(|p| value(*p) != value(*node))
            }
        });
        own.sort_by_key(|node| {
            let latest = self
                .reach([*node])
                .into_iter()
                .map(|node| self.nodes[node].date_s)
                .max();
            (latest, self.level(*node), self.nodes[*node].id)
        });
        own.into_iter()
            .map(|node| (self.nodes[node].id, value(node)))
            .collect()
    }

    pub(super) fn level(&self, node: usize) -> u64 {
        self.nodes[node]
            .parents
            .iter()
            .map(|parent| self.level(*parent) + 1)
            .max()
            .unwrap_or(0)
    }
}
