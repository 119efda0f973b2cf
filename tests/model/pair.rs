//! The store beside its model: each operation is done to both, and what they answer and hold is compared.

use std::collections::{BTreeMap, BTreeSet};

use wasmstore::names::ModuleRef;
use wasmstore::store::{At, Error, Folders, History, Kind};

use super::brute::{Model, Node, Step, Tree};
use super::{Op, PATHS};
use crate::support::store::{Scratch, branch, module, on, path, scope};

type Outcome = Result<(), Kind>;

/// The store and its model.
pub(super) struct Pair {
    pub(super) store: Scratch,
    pub(super) model: Model,
}

impl Pair {
    pub(super) fn new() -> Self {
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
    pub(super) fn record(&mut self, on: &'static str, tree: Tree, parents: Vec<usize>) {
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
        // It may have been collected before, and is back now.
        let back = self.model.reach([node]);
        self.model.collected.retain(|gone| !back.contains(gone));
    }

    pub(super) fn content(&self, on: &str) -> Tree {
        let at = At::Branch(Some(branch(on)));
        let list = self.store.store.list(&at, &scope("")).unwrap();
        let number = |hash| {
            (0..4)
                .find(|n| self.store.store.bytes(hash).unwrap()[..] == module(*n))
                .unwrap()
        };
        list.into_iter()
            .map(|(path, hash)| (path.as_str().to_owned(), number(hash)))
            .collect()
    }

    /// Applies what the model says to the model, and compares with what the store did.
    pub(super) fn check(&mut self, on: &'static str, wanted: Result<Step, Kind>, got: Outcome) {
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

    pub(super) fn apply(&mut self, op: &Op) {
        let kind = |error: Error| error.kind();
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
                    .map(drop)
                    .map_err(kind);
                let wanted = m.remove(b, p);
                self.check(b, wanted, got);
            }
            Op::Restore(b, n, p) => {
                let from = n % m.nodes.len();
                let got = s
                    .restore(&on(Some(b)), m.nodes[from].id, &scope(p))
                    .map(drop)
                    .map_err(kind);
                let wanted = m.restore(b, from, p);
                self.check(b, wanted, got);
            }
            Op::Rollback(b, p) => {
                let got = s.rollback(&on(Some(b)), &scope(p)).map(drop).map_err(kind);
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

    pub(super) fn branch(&mut self, name: &'static str, from: &'static str) {
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

    pub(super) fn delete(&mut self, name: &'static str) {
        let got = self
            .store
            .store
            .delete_branch(&branch(name), None)
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

    pub(super) fn gc(&mut self, name: &'static str) {
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

    pub(super) fn compare(&self) {
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

    pub(super) fn compare_histories(&self) {
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
