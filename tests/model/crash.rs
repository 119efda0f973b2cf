//! Crashes: the program runs an operation on the same store and is killed. The operation must then have happened completely or not at
//! all.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wasmstore::store::{ErrorKind, Revision};

use super::pair::{Outcome, Pair};
use super::{BRANCHES, Moment, Op};
use crate::support::store::blob_id;
use crate::support::store::{branch, module};

/// The assumed duration of an operation before the first one was measured.
const TYPICAL: Duration = Duration::from_millis(30);
/// The maximum duration of an operation.
const DURATION_MAX: Duration = Duration::from_secs(30);

/// The numbers of processes that were killed or that ended.
#[derive(Debug)]
pub(crate) struct Crashes {
    /// Killed before the process ended.
    pub(crate) killed: u64,
    /// Killed after the operation had taken effect.
    pub(crate) killed_applied: u64,
    /// Ended before they were killed.
    pub(crate) ended: u64,
    /// The typical duration of an operation.
    typical: Duration,
}

impl Default for Crashes {
    fn default() -> Self {
        Self {
            killed: 0,
            killed_applied: 0,
            ended: 0,
            typical: TYPICAL,
        }
    }
}

impl Crashes {
    pub(crate) fn add(&mut self, more: &Self) {
        self.typical = more.typical;
        self.killed += more.killed;
        self.killed_applied += more.killed_applied;
        self.ended += more.ended;
    }
}

impl Pair {
    /// Runs the operation in another process, and kills the process at `moment`.
    pub(super) fn crash(&mut self, op: &Op, moment: Moment) {
        let Some(args) = self.args(op) else {
            return self.apply(op);
        };
        let began = Instant::now();
        let code = self.run_and_kill(&args, moment);
        match code {
            Some(code) => {
                self.crashes.ended += 1;
                // Decreases slowly, because refused operations are much faster.
                self.crashes.typical = began.elapsed().max(self.crashes.typical.mul_f64(0.9));
                self.settle(op, outcome_of(code));
            }
            None => {
                self.crashes.killed += 1;
                self.crashes.typical = self.crashes.typical.mul_f64(1.02);
                self.settle_killed(op);
            }
        }
        self.store.fsck();
    }

    /// Returns the exit code; `None` if the process was killed.
    fn run_and_kill(&self, args: &[String], moment: Moment) -> Option<i32> {
        let refs = self.refs();
        let began = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_wasmstore"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .arg("--root")
            .arg(&self.store.root)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let is_due = || match moment {
            Moment::After(share) => began.elapsed() >= self.crashes.typical * share / 100,
            Moment::RefMoved => self.refs() != refs,
        };
        while !is_due() && child.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < DURATION_MAX, "{args:?} is still running");
            std::thread::sleep(Duration::from_micros(100));
        }
        let _ = child.kill();
        child.wait().unwrap().code()
    }

    /// Returns the current content of all ref files.
    fn refs(&self) -> Vec<Option<Vec<u8>>> {
        let branches = BRANCHES.iter().map(|name| format!("refs/heads/{name}"));
        let names = branches.chain(["HEAD".to_owned()]);
        let read = |name| std::fs::read(self.store.root.join(name)).ok();
        names.map(read).collect()
    }

    /// Finds out whether the operation of a killed process took effect, and then applies it to the model.
    fn settle_killed(&mut self, op: &Op) {
        let collected_before = self.model.collected.clone();
        if self.has_taken_effect(op) {
            self.crashes.killed_applied += 1;
            self.settle(op, Ok(()));
        }
        match op {
            Op::Default(b) if self.has_branch(b) => {
                // Two refs change: the branch is created before HEAD refers to it.
                let head = self.model.heads[self.model.default];
                self.model.heads.entry(b).or_insert(head);
            }
            Op::Gc(_) | Op::GcKeep(_) => {
                let reachable = self.model.reachable();
                let (collected, half_collected) = (0..self.model.nodes.len())
                    .filter(|node| !reachable.contains(node))
                    .partition(|node| collected_before.contains(node));
                self.model.collected = collected;
                self.model.half_collected = half_collected;
            }
            _ => {}
        }
    }

    /// Returns whether the operation has changed the store.
    fn has_taken_effect(&self, op: &Op) -> bool {
        let (store, model) = (&self.store.store, &self.model);
        let on = match *op {
            Op::Branch(b, _) => return !model.heads.contains_key(b) && self.has_branch(b),
            Op::Delete(b) => return model.heads.contains_key(b) && !self.has_branch(b),
            Op::Default(b) => {
                return model.default != b && store.default_branch().unwrap().as_str() == b;
            }
            Op::GcKeep(_) => return false,
            Op::Gc(b) => b,
            _ => self.expected(op).on,
        };
        let before = model.heads.get(on).map(|head| model.nodes[*head].id);
        let after = store.snapshot(&Revision::Branch(Some(branch(on)))).ok();
        after != before
    }

    fn has_branch(&self, name: &str) -> bool {
        self.store.store.has_branch(&branch(name)).unwrap()
    }

    /// Returns the arguments of the command for an operation; `None` if no command exists.
    fn args(&self, op: &Op) -> Option<Vec<String>> {
        let words = |on: &str, words: &[&str]| {
            let args = ["--branch", on].into_iter().chain(words.iter().copied());
            // The scope of the whole tree is an omitted argument.
            let args = args.filter(|word| !word.is_empty());
            Some(args.map(str::to_owned).collect())
        };
        match *op {
            Op::Put(b, p, v) => {
                let file = self.store.root.with_file_name(format!("{v}.wasm"));
                std::fs::write(&file, module(v)).unwrap();
                words(b, &["add", file.to_str().unwrap(), p])
            }
            Op::Set(b, p, v) => words(b, &["set", &blob_id(&module(v)), p]),
            Op::Remove(b, p) => words(b, &["remove", p, "--recursive"]),
            Op::RemoveModule(b, p) => words(b, &["remove", p]),
            Op::Restore(b, n, p) => words(b, &["restore", &self.model.nth(n).id.to_string(), p]),
            Op::Rollback(b, p) => words(b, &["rollback", p]),
            Op::Merge(b, from) => words(b, &["merge", from]),
            Op::Branch(b, from) => words(from, &["branch", b, "--from", from]),
            Op::Delete(b) => words(b, &["branch", b, "--delete"]),
            Op::Default(b) => words(b, &["branch", "--default", b]),
            Op::Gc(b) => words(b, &["gc"]),
            Op::GcKeep(b) => words(b, &["gc", "--keep-history"]),
            Op::PutIf(..) | Op::Reopen | Op::Crash(..) => None,
        }
    }
}

/// Returns the outcome that an exit code stands for.
fn outcome_of(code: i32) -> Outcome {
    match code {
        0 => Ok(()),
        1 => Err(ErrorKind::NotFound),
        4 => Err(ErrorKind::Conflict),
        5 => Err(ErrorKind::Unavailable),
        code => panic!("exit code {code}"),
    }
}
