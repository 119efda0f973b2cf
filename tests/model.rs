//! Random operations on a store and on a model of it that keeps whole trees in maps and searches by brute force. After each
//! operation both must have answered the same, and hold the same.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::select;
use wasmstore::names::{CommitId, ModuleRef};
use wasmstore::store::{At, Folders, History, Kind};

use crate::support::store::{Scratch, branch, module, on, path, scope};

type Tree = BTreeMap<String, u32>;
type Outcome = Result<(), Kind>;

const PATHS: [&str; 6] = ["a", "b", "d/x", "d/y", "d/e/z", "d/e"];
const SCOPES: [&str; 7] = ["", "a", "b", "d", "d/x", "d/e", "d/e/z"];
const BRANCHES: [&str; 3] = ["main", "s", "t"];

#[derive(Clone, Debug)]
enum Op {
    Put(&'static str, &'static str, u32),
    Remove(&'static str, &'static str),
    Restore(&'static str, usize, &'static str),
    Rollback(&'static str, &'static str),
    Branch(&'static str, &'static str),
    Delete(&'static str),
    Merge(&'static str, &'static str),
    Gc(&'static str),
}

fn op() -> impl Strategy<Value = Op> {
    let on = || select(&BRANCHES[..]);
    prop_oneof![
        8 => (on(), select(&PATHS[..]), 1..4u32).prop_map(|(b, p, v)| Op::Put(b, p, v)),
        2 => (on(), select(&SCOPES[1..])).prop_map(|(b, p)| Op::Remove(b, p)),
        2 => (on(), 0..40usize, select(&SCOPES[..])).prop_map(|(b, n, p)| Op::Restore(b, n, p)),
        6 => (on(), select(&SCOPES[..])).prop_map(|(b, p)| Op::Rollback(b, p)),
        2 => (on(), on()).prop_map(|(b, from)| Op::Branch(b, from)),
        1 => on().prop_map(Op::Delete),
        4 => (on(), on()).prop_map(|(b, from)| Op::Merge(b, from)),
        1 => on().prop_map(Op::Gc),
    ]
}

/// One commit of the model.
struct Node {
    id: CommitId,
    date_s: i64,
    parents: Vec<usize>,
    tree: Tree,
    restores: Option<usize>,
    squashed: bool,
}

/// What an operation is to do to a branch.
enum Step {
    Nothing,
    Move(usize),
    Commit {
        tree: Tree,
        also: Vec<usize>,
        restores: Option<usize>,
    },
    /// A merge of several bases, whose result is taken as the store has it.
    Unpredicted(usize),
}

struct Model {
    nodes: Vec<Node>,
    heads: BTreeMap<&'static str, usize>,
    collected: BTreeSet<usize>,
}

/// What of a tree lies in a scope.
fn within(tree: &Tree, scope: &str) -> Tree {
    let inside =
        |path: &str| scope.is_empty() || path == scope || path.starts_with(&format!("{scope}/"));
    tree.iter()
        .filter(|(path, _)| inside(path))
        .map(|(path, v)| (path.clone(), *v))
        .collect()
}

/// Whether some path is a folder of another.
fn clashes(tree: &Tree) -> bool {
    tree.keys().any(|path| {
        tree.keys()
            .any(|other| other.starts_with(&format!("{path}/")))
    })
}

fn replaced(tree: &Tree, scope: &str, by: Tree) -> Tree {
    let gone = within(tree, scope);
    let rest = tree
        .iter()
        .filter(|(path, _)| !gone.contains_key(*path))
        .map(|(path, v)| (path.clone(), *v));
    rest.chain(by).collect()
}

impl Model {
    fn reach(&self, from: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
        let mut seen = BTreeSet::new();
        let mut todo: Vec<_> = from.into_iter().collect();
        while let Some(node) = todo.pop() {
            if seen.insert(node) {
                todo.extend(&self.nodes[node].parents);
            }
        }
        seen
    }

    /// Those of `nodes` that none of the others reaches.
    fn newest(&self, nodes: &BTreeSet<usize>) -> Vec<usize> {
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

    fn head(&self, branch: &str) -> Result<usize, Kind> {
        self.heads.get(branch).copied().ok_or(Kind::NotFound)
    }

    fn change(&self, head: usize, tree: Tree) -> Result<Step, Kind> {
        if clashes(&tree) {
            return Err(Kind::Conflict);
        }
        let same = tree == self.nodes[head].tree;
        Ok(if same {
            Step::Nothing
        } else {
            Step::Commit {
                tree,
                also: Vec::new(),
                restores: None,
            }
        })
    }

    fn put(&self, on: &str, path: &str, v: u32) -> Result<Step, Kind> {
        let head = self.head(on)?;
        let mut tree = self.nodes[head].tree.clone();
        tree.insert(path.to_owned(), v);
        self.change(head, tree)
    }

    fn remove(&self, on: &str, scope: &str) -> Result<Step, Kind> {
        let head = self.head(on)?;
        let tree = replaced(&self.nodes[head].tree, scope, Tree::new());
        if tree == self.nodes[head].tree {
            Err(Kind::NotFound)
        } else {
            self.change(head, tree)
        }
    }

    fn restore(&self, on: &str, from: usize, scope: &str) -> Result<Step, Kind> {
        if self.collected.contains(&from) {
            return Err(Kind::NotFound);
        }
        let head = self.head(on)?;
        let (there, here) = (
            within(&self.nodes[from].tree, scope),
            &self.nodes[head].tree,
        );
        if !scope.is_empty() && there.is_empty() && within(here, scope).is_empty() {
            return Err(Kind::NotFound);
        }
        self.change(head, replaced(here, scope, there))
    }

    fn line(&self, from: usize) -> Vec<usize> {
        std::iter::successors(Some(from), |node| {
            self.nodes[*node].parents.first().copied()
        })
        .collect()
    }

    fn newest_change(&self, from: usize, scope: &str) -> Option<usize> {
        let value = |node: usize| within(&self.nodes[node].tree, scope);
        let line = self.line(from);
        let changed = line
            .windows(2)
            .find(|pair| value(pair[0]) != value(pair[1]))
            .map(|pair| pair[0]);
        let root = *line.last().unwrap();
        changed.or((!value(root).is_empty()).then_some(root))
    }

    fn rollback(&self, on: &str, scope: &str) -> Result<Step, Kind> {
        let head = self.head(on)?;
        let unknown = if scope.is_empty() {
            Kind::Conflict
        } else {
            Kind::NotFound
        };
        let mut newest = self.newest_change(head, scope).ok_or(unknown)?;
        let value = |node: usize| within(&self.nodes[node].tree, scope);
        while let Some(restored) = self.nodes[newest].restores
            && self.line(newest).contains(&restored)
            && value(restored) == value(newest)
        {
            newest = self.newest_change(restored, scope).ok_or(Kind::Conflict)?;
        }
        let target = *self.nodes[newest].parents.first().ok_or(Kind::Conflict)?;
        if self.nodes[newest].squashed {
            return Err(Kind::Conflict);
        }
        match self.change(head, replaced(&self.nodes[head].tree, scope, value(target)))? {
            Step::Commit { tree, also, .. } => Ok(Step::Commit {
                tree,
                also,
                restores: Some(target),
            }),
            other => Ok(other),
        }
    }

    fn merge(&self, on: &str, from: &str) -> Result<Step, Kind> {
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
            return Ok(Step::Move(theirs));
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
                    return Err(Kind::Conflict);
                }
                tree.remove(path);
                tree.extend(t.map(|t| (path.clone(), *t)));
            }
        }
        if clashes(&tree) {
            return Err(Kind::Conflict);
        }
        Ok(Step::Commit {
            tree,
            also: vec![theirs],
            restores: None,
        })
    }

    /// Squashes: the parents of the new commit, if there is anything to squash.
    fn squash(&self, on: &str) -> Result<Option<Vec<usize>>, Kind> {
        let head = self.head(on)?;
        let kept = self.reach(
            self.heads
                .iter()
                .filter(|(name, _)| **name != on)
                .map(|(_, node)| *node),
        );
        let own: BTreeSet<_> = self.reach([head]).difference(&kept).copied().collect();
        let edge = own
            .iter()
            .flat_map(|node| self.nodes[*node].parents.clone())
            .filter(|node| kept.contains(node));
        Ok((own.len() > 1).then(|| self.newest(&edge.collect())))
    }

    /// The values that a path took, oldest first: with the commit, and nothing for a removal.
    fn own_changes(&self, head: usize, path: &str) -> Vec<(CommitId, Option<u32>)> {
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

    fn level(&self, node: usize) -> u64 {
        self.nodes[node]
            .parents
            .iter()
            .map(|parent| self.level(*parent) + 1)
            .max()
            .unwrap_or(0)
    }
}

/// The store and its model.
struct Pair {
    store: Scratch,
    model: Model,
}

impl Pair {
    fn new() -> Self {
        let store = Scratch::new();
        let model = Model {
            nodes: Vec::new(),
            heads: BTreeMap::new(),
            collected: BTreeSet::new(),
        };
        let mut pair = Self { store, model };
        pair.record("main", Tree::new(), Vec::new());
        pair
    }

    /// Adds the commit that the store made to the model.
    fn record(&mut self, on: &'static str, tree: Tree, parents: Vec<usize>) {
        let at = At::Branch(Some(branch(on)));
        let commit = self
            .store
            .store
            .commit(self.store.store.snapshot(&at).unwrap())
            .unwrap();
        let ids: Vec<_> = parents
            .iter()
            .map(|parent| self.model.nodes[*parent].id)
            .collect();
        assert_eq!(
            commit.parents.iter().collect::<BTreeSet<_>>(),
            ids.iter().collect::<BTreeSet<_>>()
        );
        assert_eq!(commit.parents.first(), ids.first());
        let (id, date_s) = (commit.id, commit.date_s);
        // The same change on the same tip in the same second is the same commit.
        let known = self.model.nodes.iter().position(|node| node.id == id);
        let node = known.unwrap_or(self.model.nodes.len());
        if known.is_none() {
            self.model.nodes.push(Node {
                id,
                date_s,
                parents,
                tree,
                restores: None,
                squashed: false,
            });
        }
        self.model.heads.insert(on, node);
    }

    fn content(&self, on: &str) -> Tree {
        let at = At::Branch(Some(branch(on)));
        let list = self.store.store.list(&at, &scope("")).unwrap();
        let number = |hash| {
            (0..4)
                .find(|n| self.store.store.bytes(hash).unwrap() == module(*n))
                .unwrap()
        };
        list.into_iter()
            .map(|(path, hash)| (path.as_str().to_owned(), number(hash)))
            .collect()
    }

    /// Applies what the model says to the model, and compares with what the store did.
    fn check(&mut self, on: &'static str, wanted: Result<Step, Kind>, got: Outcome) {
        match (wanted, got) {
            (Err(wanted), got) => assert_eq!(got, Err(wanted)),
            (Ok(Step::Unpredicted(theirs)), got) => {
                if got.is_ok() {
                    let head = self.model.heads[on];
                    self.record(on, self.content(on), vec![head, theirs]);
                }
            }
            (Ok(step), got) => {
                assert_eq!(got, Ok(()));
                match step {
                    Step::Commit {
                        tree,
                        also,
                        restores,
                    } => {
                        let head = self.model.heads[on];
                        self.record(on, tree, [vec![head], also].concat());
                        let new = self.model.heads[on];
                        self.model.nodes[new].restores = restores;
                    }
                    Step::Move(to) => drop(self.model.heads.insert(on, to)),
                    Step::Nothing | Step::Unpredicted(_) => {}
                }
            }
        }
    }

    fn apply(&mut self, op: &Op) {
        let kind = |error: wasmstore::store::Error| error.kind();
        let (s, m) = (&self.store.store, &self.model);
        match *op {
            Op::Put(b, p, v) => {
                let got = s
                    .put(&on(Some(b)), &path(p), module(v).as_slice())
                    .map(drop)
                    .map_err(kind);
                let wanted = m.put(b, p, v);
                self.check(b, wanted, got);
            }
            Op::Remove(b, p) => {
                let got = s
                    .remove(&on(Some(b)), &ModuleRef::Path(path(p)), Folders::Remove)
                    .map_err(kind);
                let wanted = m.remove(b, p);
                self.check(b, wanted, got);
            }
            Op::Restore(b, n, p) => {
                let from = n % m.nodes.len();
                let got = s
                    .restore(&on(Some(b)), m.nodes[from].id, &scope(p))
                    .map_err(kind);
                let wanted = m.restore(b, from, p);
                self.check(b, wanted, got);
            }
            Op::Rollback(b, p) => {
                let got = s.rollback(&on(Some(b)), &scope(p)).map_err(kind);
                let wanted = m.rollback(b, p);
                self.check(b, wanted, got);
            }
            Op::Merge(b, from) => {
                let got = s.merge(&on(Some(b)), &branch(from)).map(drop).map_err(kind);
                let wanted = m.merge(b, from);
                self.check(b, wanted, got);
            }
            Op::Branch(b, from) => self.branch(b, from),
            Op::Delete(b) => self.delete(b),
            Op::Gc(b) => self.gc(b),
        }
    }

    fn branch(&mut self, name: &'static str, from: &'static str) {
        let got = self
            .store
            .store
            .create_branch(&branch(name), &At::Branch(Some(branch(from))));
        let got = got.map_err(|error| error.kind());
        match (
            self.model.heads.get(from).copied(),
            self.model.heads.contains_key(name),
        ) {
            (None, _) => assert_eq!(got, Err(Kind::NotFound)),
            (Some(_), true) => assert_eq!(got, Err(Kind::Conflict)),
            (Some(head), false) => {
                assert_eq!(got, Ok(()));
                self.model.heads.insert(name, head);
            }
        }
    }

    fn delete(&mut self, name: &'static str) {
        let got = self
            .store
            .store
            .delete_branch(&branch(name))
            .map_err(|error| error.kind());
        let wanted = match name {
            "main" => Err(Kind::Conflict),
            name => self
                .model
                .heads
                .remove(name)
                .map(drop)
                .ok_or(Kind::NotFound),
        };
        assert_eq!(got, wanted);
    }

    fn gc(&mut self, name: &'static str) {
        let got = self
            .store
            .store
            .gc(&on(Some(name)), History::Squash)
            .map(drop)
            .map_err(|error| error.kind());
        match self.model.squash(name) {
            Err(wanted) => assert_eq!(got, Err(wanted)),
            Ok(squash) => {
                assert_eq!(got, Ok(()));
                if let Some(mut parents) = squash {
                    let tree = self.model.nodes[self.model.heads[name]].tree.clone();
                    // Which of several comes first is the store's choice: the one on the branch's own line.
                    let line = self.model.line(self.model.heads[name]);
                    parents.sort_by_key(|parent| !line.contains(parent));
                    self.record(name, tree, parents);
                    let new = self.model.heads[name];
                    self.model.nodes[new].squashed = true;
                }
                let alive = self.model.reach(self.model.heads.values().copied());
                self.model.collected = (0..self.model.nodes.len())
                    .filter(|node| !alive.contains(node))
                    .collect();
            }
        }
    }

    fn compare(&self) {
        assert_eq!(
            self.store
                .store
                .branches()
                .unwrap()
                .iter()
                .map(|name| name.as_str())
                .collect::<Vec<_>>(),
            self.model.heads.keys().copied().collect::<Vec<_>>()
        );
        for (name, head) in &self.model.heads {
            assert_eq!(
                self.content(name),
                self.model.nodes[*head].tree,
                "branch {name}"
            );
        }
    }

    fn compare_histories(&self) {
        for (name, head) in &self.model.heads {
            let at = At::Branch(Some(branch(name)));
            for text in PATHS {
                let wanted = self.model.own_changes(*head, text);
                let audit = self.store.store.audit(&at, &path(text)).unwrap();
                let got: Vec<_> = audit
                    .iter()
                    .rev()
                    .map(|entry| (entry.commit.id, entry.hash.is_some()))
                    .collect();
                let shown: Vec<_> = wanted.iter().map(|(id, v)| (*id, v.is_some())).collect();
                assert_eq!(got, shown, "audit of {text} on {name}");
                let mut seen = BTreeSet::new();
                let first = wanted
                    .iter()
                    .filter(|(_, v)| v.is_some_and(|v| seen.insert(v)));
                let versions = self.store.store.versions(&at, &path(text)).unwrap();
                let got: Vec<_> = versions.iter().map(|version| version.commit).collect();
                assert_eq!(
                    got,
                    first.map(|(id, _)| *id).collect::<Vec<_>>(),
                    "versions of {text} on {name}"
                );
            }
        }
        self.store.fsck();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_store_does_what_its_model_does(ops in proptest::collection::vec(op(), 1..50)) {
        let mut pair = Pair::new();
        for op in &ops {
            pair.apply(op);
            pair.compare();
        }
        pair.compare_histories();
    }
}
