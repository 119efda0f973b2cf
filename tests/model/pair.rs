//! A store with its model: applies each operation to both, and compares their results and contents.

use std::collections::{BTreeMap, BTreeSet};

use wasmstore::names::{HashRef, ModuleRef};
use wasmstore::store::{
    Change, DirectoryRemoval, EntityTags, Error, ErrorKind, History, Precondition, Revision,
};

use super::brute_force::{Model, Node, Step, Tree, within};
use super::crash::Crashes;
use super::{Condition, Op, PATHS};
use crate::support::store::blob_id;
use crate::support::store::{Scratch, branch, module, on, path, scope};

pub(super) type Outcome = Result<(), ErrorKind>;

/// The store and its model.
pub(crate) struct Pair {
    pub(super) store: Scratch,
    pub(super) model: Model,
    pub(crate) crashes: Crashes,
}

/// The expected result of an operation on a branch.
pub(super) struct Expected {
    pub(super) on: &'static str,
    step: Result<Step, ErrorKind>,
    /// Refusals that are also allowed.
    refusals: &'static [ErrorKind],
}

impl Pair {
    pub(crate) fn new() -> Self {
        let store = Scratch::new();
        let model = Model {
            nodes: Vec::new(),
            heads: BTreeMap::new(),
            default: "main",
            collected: BTreeSet::new(),
            half_collected: BTreeSet::new(),
        };
        let mut pair = Self {
            store,
            model,
            crashes: Crashes::default(),
        };
        pair.record("main", Tree::new(), Vec::new());
        pair
    }

    pub(crate) fn apply(&mut self, op: &Op) {
        match op {
            Op::Reopen => self.store.reopen(),
            Op::Crash(op, moment) => self.crash(op, *moment),
            op => {
                let outcome = self.run(op);
                self.settle(op, outcome);
            }
        }
    }

    /// Runs the operation on the store.
    pub(super) fn run(&self, op: &Op) -> Outcome {
        let s = &self.store.store;
        let result = match *op {
            Op::Put(b, p, v) => s
                .put(&on(Some(b)), &path(p), module(v).as_slice())
                .map(drop),
            Op::PutIf(b, p, v, condition) => s
                .put(
                    &conditional_change(b, condition),
                    &path(p),
                    module(v).as_slice(),
                )
                .map(drop),
            Op::Set(b, p, v) => {
                let hash = HashRef::parse(&blob_id(&module(v))).unwrap();
                s.set(&on(Some(b)), &hash, &path(p)).map(drop)
            }
            Op::Remove(b, p) => s
                .remove(
                    &on(Some(b)),
                    &ModuleRef::Path(path(p)),
                    DirectoryRemoval::Recursive,
                )
                .map(drop),
            Op::RemoveModule(b, p) => s
                .remove(
                    &on(Some(b)),
                    &ModuleRef::Path(path(p)),
                    DirectoryRemoval::Refuse,
                )
                .map(drop),
            Op::Restore(b, n, p) => s
                .restore(&on(Some(b)), self.model.nth(n).id, &scope(p))
                .map(drop),
            Op::Rollback(b, p) => s.rollback(&on(Some(b)), &scope(p)).map(drop),
            Op::Merge(b, from) => s.merge(&on(Some(b)), &branch(from)).map(drop),
            Op::Branch(b, from) => s
                .create_branch(&branch(b), &Revision::Branch(Some(branch(from))))
                .map(drop),
            Op::Delete(b) => s.delete_branch(&branch(b), None),
            Op::Default(b) => s.set_default_branch(&branch(b), None),
            Op::Gc(b) => s.gc(&on(Some(b)), History::Squash).map(drop),
            Op::GcKeep(b) => s.gc(&on(Some(b)), History::Keep).map(drop),
            Op::Reopen | Op::Crash(..) => unreachable!("handled by `apply`"),
        };
        result.map_err(|error: Error| error.kind())
    }

    /// Compares the outcome of an operation with the expected one, and applies the operation to the model.
    pub(super) fn settle(&mut self, op: &Op, outcome: Outcome) {
        match *op {
            Op::Branch(b, from) => self.settle_branch(b, from, outcome),
            Op::Delete(b) => self.settle_delete(b, outcome),
            Op::Default(b) => {
                assert_eq!(outcome, Ok(()));
                let head = self.model.heads[self.model.default];
                self.model.heads.entry(b).or_insert(head);
                self.model.default = b;
            }
            Op::Gc(b) => self.settle_gc(b, outcome),
            Op::GcKeep(b) => {
                assert_eq!(outcome, self.model.head(b).map(drop));
                if outcome.is_ok() {
                    self.mark_collected();
                }
            }
            _ => {
                let expected = self.expected(op);
                self.check(expected, outcome);
            }
        }
    }

    /// Returns the expected result of an operation on a branch.
    pub(super) fn expected(&self, op: &Op) -> Expected {
        let m = &self.model;
        let mut refusals: &[ErrorKind] = &[];
        let (on, step) = match *op {
            Op::Put(b, p, v) => (b, m.put(b, p, v)),
            Op::PutIf(b, p, v, condition) => match m.holds(b, p, condition) {
                Ok(false) => {
                    // If two reasons apply, either may be reported.
                    refusals = &[ErrorKind::Conflict];
                    (b, Err(ErrorKind::Precondition))
                }
                Ok(true) => (b, m.put(b, p, v)),
                Err(kind) => (b, Err(kind)),
            },
            Op::Set(b, p, v) => {
                // It is not specified when an unreachable module is removed.
                if !m.is_stored(v) {
                    refusals = &[ErrorKind::NotFound];
                }
                (b, m.put(b, p, v))
            }
            Op::Remove(b, p) => (b, m.remove(b, p)),
            Op::RemoveModule(b, p) => {
                let tree = m.head(b).map(|head| &m.nodes[head].tree);
                let is_directory =
                    |tree: &Tree| !tree.contains_key(p) && !within(tree, p).is_empty();
                match tree.map(is_directory) {
                    Ok(true) => (b, Err(ErrorKind::Conflict)),
                    _ => (b, m.remove(b, p)),
                }
            }
            Op::Restore(b, n, p) => {
                let from = n % m.nodes.len();
                if m.half_collected.contains(&from) {
                    refusals = &[ErrorKind::NotFound, ErrorKind::Unavailable];
                }
                (b, m.restore(b, from, p))
            }
            Op::Rollback(b, p) => (b, m.rollback(b, p)),
            Op::Merge(b, from) => (b, m.merge(b, from)),
            _ => unreachable!("{op:?} does not change a branch"),
        };
        Expected { on, step, refusals }
    }

    /// Compares the outcome with the expected one, and applies the step to the model.
    fn check(&mut self, expected: Expected, outcome: Outcome) {
        let Expected { on, step, refusals } = expected;
        if outcome.is_err_and(|kind| refusals.contains(&kind)) {
            return;
        }
        match step {
            Err(kind) => assert_eq!(outcome, Err(kind)),
            Ok(Step::Unpredicted(theirs)) => {
                if outcome.is_ok() {
                    let head = self.model.heads[on];
                    self.record(on, self.content(on), vec![head, theirs]);
                }
            }
            Ok(step) => {
                assert_eq!(outcome, Ok(()));
                match step {
                    Step::Commit {
                        tree,
                        extra_parents,
                        restores,
                    } => {
                        let head = self.model.heads[on];
                        self.record(on, tree, [vec![head], extra_parents].concat());
                        let new = self.model.heads[on];
                        self.model.nodes[new].restores = restores;
                    }
                    Step::FastForward(tip) => drop(self.model.heads.insert(on, tip)),
                    Step::Nothing | Step::Unpredicted(_) => {}
                }
            }
        }
    }

    fn settle_branch(&mut self, name: &'static str, from: &'static str, outcome: Outcome) {
        match (
            self.model.heads.get(from).copied(),
            self.model.heads.contains_key(name),
        ) {
            (None, _) => assert_eq!(outcome, Err(ErrorKind::NotFound)),
            (Some(_), true) => assert_eq!(outcome, Err(ErrorKind::Conflict)),
            (Some(head), false) => {
                assert_eq!(outcome, Ok(()));
                self.model.heads.insert(name, head);
            }
        }
    }

    fn settle_delete(&mut self, name: &'static str, outcome: Outcome) {
        let expected = if name == self.model.default {
            Err(ErrorKind::Conflict)
        } else {
            let removed = self.model.heads.remove(name);
            removed.map(drop).ok_or(ErrorKind::NotFound)
        };
        assert_eq!(outcome, expected);
    }

    fn settle_gc(&mut self, name: &'static str, outcome: Outcome) {
        match self.model.squash(name) {
            Err(kind) => assert_eq!(outcome, Err(kind)),
            Ok(squash) => {
                assert_eq!(outcome, Ok(()));
                if let Some(mut parents) = squash {
                    let tree = self.model.nodes[self.model.heads[name]].tree.clone();
                    // The store puts the parent in the branch's first-parent history first.
                    let history = self.model.first_parents(self.model.heads[name]);
                    parents.sort_by_key(|parent| !history.contains(parent));
                    self.record(name, tree, parents);
                    let new = self.model.heads[name];
                    self.model.nodes[new].squashed = true;
                }
                self.mark_collected();
            }
        }
    }

    /// Marks every unreachable commit as collected.
    fn mark_collected(&mut self) {
        let reachable = self.model.reachable();
        let all = 0..self.model.nodes.len();
        self.model.collected = all.filter(|node| !reachable.contains(node)).collect();
        self.model.half_collected.clear();
    }

    /// Adds the commit that the store made to the model.
    fn record(&mut self, on: &'static str, tree: Tree, parents: Vec<usize>) {
        let revision = Revision::Branch(Some(branch(on)));
        let commit = self
            .store
            .store
            .commit(self.store.store.snapshot(&revision).unwrap())
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
        // The same change of the same tip in the same second is the same commit.
        let existing = self.model.nodes.iter().position(|node| node.id == id);
        let node = existing.unwrap_or(self.model.nodes.len());
        if existing.is_none() {
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
        // A commit that was collected may have been made again.
        let present = self.model.reach([node]);
        self.model.collected.retain(|node| !present.contains(node));
        let half_collected = &mut self.model.half_collected;
        half_collected.retain(|node| !present.contains(node));
    }

    fn content(&self, on: &str) -> Tree {
        let revision = Revision::Branch(Some(branch(on)));
        let list = self.store.store.list(&revision, &scope("")).unwrap();
        let number = |hash| {
            (0..4)
                .find(|n| self.store.store.bytes(hash).unwrap()[..] == module(*n))
                .unwrap()
        };
        list.into_iter()
            .map(|(path, hash)| (path.as_str().to_owned(), number(hash)))
            .collect()
    }

    /// Panics unless both have the same branches, each with the same commit and the same modules.
    pub(crate) fn compare(&self) {
        let store = &self.store.store;
        let branches = store.branches().unwrap();
        assert_eq!(
            branches.iter().map(|b| b.as_str()).collect::<Vec<_>>(),
            self.model.heads.keys().copied().collect::<Vec<_>>()
        );
        let default = store.default_branch().unwrap();
        assert_eq!(default.as_str(), self.model.default);
        for (name, head) in &self.model.heads {
            let head = &self.model.nodes[*head];
            let tip = store
                .snapshot(&Revision::Branch(Some(branch(name))))
                .unwrap();
            assert_eq!(tip, head.id, "branch {name}");
            assert_eq!(self.content(name), head.tree, "branch {name}");
        }
    }

    /// Panics unless both have the same history of each path, and `git fsck` finds no fault.
    pub(crate) fn compare_histories(&self) {
        for (name, head) in &self.model.heads {
            let revision = Revision::Branch(Some(branch(name)));
            for text in PATHS {
                let expected = self.model.own_changes(*head, text);
                let audit = self.store.store.audit(&revision, &path(text)).unwrap();
                let got: Vec<_> = audit
                    .iter()
                    .rev()
                    .map(|entry| (entry.commit.id, entry.hash.is_some()))
                    .collect();
                let expected_audit: Vec<_> =
                    expected.iter().map(|(id, v)| (*id, v.is_some())).collect();
                assert_eq!(got, expected_audit, "audit of {text} on {name}");
                let mut seen = BTreeSet::new();
                let first = expected
                    .iter()
                    .filter(|(_, v)| v.is_some_and(|v| seen.insert(v)));
                let versions = self.store.store.versions(&revision, &path(text)).unwrap();
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

/// Returns a change of a branch with a precondition.
fn conditional_change(on: &str, condition: Condition) -> Change {
    let module_tag = |v| Some(EntityTags::OneOf(vec![blob_id(&module(v))]));
    let (if_match, if_none_match) = match condition {
        Condition::Absent => (None, Some(EntityTags::Any)),
        Condition::Present => (Some(EntityTags::Any), None),
        Condition::Is(v) => (module_tag(v), None),
        Condition::IsNot(v) => (None, module_tag(v)),
    };
    Change {
        precondition: Precondition {
            if_match,
            if_none_match,
        },
        ..crate::support::store::on(Some(on))
    }
}
