//! The store beside its model: each operation is done to both, and what they answer and hold is compared.

use std::collections::{BTreeMap, BTreeSet};

use wasmstore::names::{HashRef, ModuleRef};
use wasmstore::store::{
    Change, DirectoryRemoval, EntityTags, Error, ErrorKind, History, Precondition, Revision,
};

use super::brute::{Model, Node, Step, Tree, within};
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

/// What a change of a branch is to come to.
pub(super) struct Wanted {
    pub(super) on: &'static str,
    step: Result<Step, ErrorKind>,
    /// It may just as well be refused so.
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
                let got = self.ask(op);
                self.settle(op, got);
            }
        }
    }

    /// Has the store do it.
    pub(super) fn ask(&self, op: &Op) -> Outcome {
        let s = &self.store.store;
        let done = match *op {
            Op::Put(b, p, v) => s
                .put(&on(Some(b)), &path(p), module(v).as_slice())
                .map(drop),
            Op::PutIf(b, p, v, condition) => s
                .put(&asking(b, condition), &path(p), module(v).as_slice())
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
            Op::Branch(b, from) => {
                s.create_branch(&branch(b), &Revision::Branch(Some(branch(from))))
            }
            Op::Delete(b) => s.delete_branch(&branch(b), None),
            Op::Default(b) => s.set_default_branch(&branch(b), None),
            Op::Gc(b) => s.gc(&on(Some(b)), History::Squash).map(drop),
            Op::GcKeep(b) => s.gc(&on(Some(b)), History::Keep).map(drop),
            Op::Reopen | Op::Crash(..) => unreachable!("nothing is asked"),
        };
        done.map_err(|error: Error| error.kind())
    }

    /// Compares what an operation came to with what the model says, and does it to the model.
    pub(super) fn settle(&mut self, op: &Op, got: Outcome) {
        match *op {
            Op::Branch(b, from) => self.branch(b, from, got),
            Op::Delete(b) => self.delete(b, got),
            Op::Default(b) => {
                assert_eq!(got, Ok(()));
                let head = self.model.heads[self.model.default];
                self.model.heads.entry(b).or_insert(head);
                self.model.default = b;
            }
            Op::Gc(b) => self.gc(b, got),
            Op::GcKeep(b) => {
                assert_eq!(got, self.model.head(b).map(drop));
                if got.is_ok() {
                    self.collected();
                }
            }
            _ => {
                let wanted = self.wanted(op);
                self.check(wanted, got);
            }
        }
    }

    /// What the model says of a change of a branch.
    pub(super) fn wanted(&self, op: &Op) -> Wanted {
        let m = &self.model;
        let mut refusals: &[ErrorKind] = &[];
        let (on, step) = match *op {
            Op::Put(b, p, v) => (b, m.put(b, p, v)),
            Op::PutIf(b, p, v, condition) => match m.holds(b, p, condition) {
                Ok(false) => {
                    // Which of two reasons is given is not promised.
                    refusals = &[ErrorKind::Conflict];
                    (b, Err(ErrorKind::Precondition))
                }
                Ok(true) => (b, m.put(b, p, v)),
                Err(kind) => (b, Err(kind)),
            },
            Op::Set(b, p, v) => {
                // Nobody promises when a module that nothing reaches is gone.
                if !m.is_stored(v) {
                    refusals = &[ErrorKind::NotFound];
                }
                (b, m.put(b, p, v))
            }
            Op::Remove(b, p) => (b, m.remove(b, p)),
            Op::RemoveModule(b, p) => {
                let tree = m.head(b).map(|head| &m.nodes[head].tree);
                let is_folder = |tree: &Tree| !tree.contains_key(p) && !within(tree, p).is_empty();
                match tree.map(is_folder) {
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
            _ => unreachable!("{op:?} is no change of a branch"),
        };
        Wanted { on, step, refusals }
    }

    /// Applies what the model says to the model, and compares with what the store did.
    fn check(&mut self, wanted: Wanted, got: Outcome) {
        let Wanted { on, step, refusals } = wanted;
        if got.is_err_and(|kind| refusals.contains(&kind)) {
            return;
        }
        match (step, got) {
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

    fn branch(&mut self, name: &'static str, from: &'static str, got: Outcome) {
        match (
            self.model.heads.get(from).copied(),
            self.model.heads.contains_key(name),
        ) {
            (None, _) => assert_eq!(got, Err(ErrorKind::NotFound)),
            (Some(_), true) => assert_eq!(got, Err(ErrorKind::Conflict)),
            (Some(head), false) => {
                assert_eq!(got, Ok(()));
                self.model.heads.insert(name, head);
            }
        }
    }

    fn delete(&mut self, name: &'static str, got: Outcome) {
        let wanted = match name == self.model.default {
            true => Err(ErrorKind::Conflict),
            false => self
                .model
                .heads
                .remove(name)
                .map(drop)
                .ok_or(ErrorKind::NotFound),
        };
        assert_eq!(got, wanted);
    }

    fn gc(&mut self, name: &'static str, got: Outcome) {
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
                self.collected();
            }
        }
    }

    /// Notes that everything that no branch reaches is gone.
    fn collected(&mut self) {
        let alive = self.model.alive();
        let all = 0..self.model.nodes.len();
        self.model.collected = all.filter(|node| !alive.contains(node)).collect();
        self.model.half_collected.clear();
    }

    /// Adds the commit that the store made to the model.
    fn record(&mut self, on: &'static str, tree: Tree, parents: Vec<usize>) {
        let at = Revision::Branch(Some(branch(on)));
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
        let half_collected = &mut self.model.half_collected;
        half_collected.retain(|gone| !back.contains(gone));
    }

    fn content(&self, on: &str) -> Tree {
        let at = Revision::Branch(Some(branch(on)));
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

    /// Fails unless both have the same branches, each with the same commit and the same modules.
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

    /// Fails unless both tell the same history of each path, and git finds no fault.
    pub(crate) fn compare_histories(&self) {
        for (name, head) in &self.model.heads {
            let at = Revision::Branch(Some(branch(name)));
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

/// A change on a branch that asks for something.
fn asking(on: &str, condition: Condition) -> Change {
    let these = |v| Some(EntityTags::OneOf(vec![blob_id(&module(v))]));
    let (if_match, if_none_match) = match condition {
        Condition::Absent => (None, Some(EntityTags::Any)),
        Condition::Present => (Some(EntityTags::Any), None),
        Condition::Is(v) => (these(v), None),
        Condition::IsNot(v) => (None, these(v)),
    };
    Change {
        precondition: Precondition {
            if_match,
            if_none_match,
        },
        ..crate::support::store::on(Some(on))
    }
}
