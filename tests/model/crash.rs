//! Crashes: the program does the operation on the same store, and is killed on its way. The operation then has happened, or it
//! has not.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wasmstore::store::{ErrorKind, Revision};

use super::pair::{Outcome, Pair};
use super::{BRANCHES, Moment, Op};
use crate::support::store::blob_id;
use crate::support::store::{branch, module};

/// How long one is believed to take until one came to its end.
const TYPICAL: Duration = Duration::from_millis(30);
/// No operation takes as long.
const LONG: Duration = Duration::from_secs(30);

/// How many there were.
#[derive(Debug)]
pub(crate) struct Crashes {
    /// Killed in time.
    pub(crate) killed: u64,
    /// Killed after the operation had changed a ref.
    pub(crate) killed_done: u64,
    /// At their end before they were killed.
    pub(crate) ended: u64,
    typical: Duration,
}

impl Default for Crashes {
    fn default() -> Self {
        Self {
            killed: 0,
            killed_done: 0,
            ended: 0,
            typical: TYPICAL,
        }
    }
}

impl Crashes {
    pub(crate) fn add(&mut self, more: &Self) {
        self.typical = more.typical;
        self.killed += more.killed;
        self.killed_done += more.killed_done;
        self.ended += more.ended;
    }
}

impl Pair {
    /// Lets another process do it, and kills that at the moment given.
    pub(super) fn crash(&mut self, op: &Op, moment: Moment) {
        let Some(args) = self.args(op) else {
            return self.apply(op);
        };
        let began = Instant::now();
        let code = self.run_and_kill(&args, moment);
        match code {
            Some(code) => {
                self.crashes.ended += 1;
                // What is refused takes less.
                self.crashes.typical = began.elapsed().max(self.crashes.typical.mul_f64(0.9));
                self.settle(op, outcome(code));
            }
            None => {
                self.crashes.killed += 1;
                self.crashes.typical = self.crashes.typical.mul_f64(1.02);
                self.settle_killed(op);
            }
        }
        self.store.fsck();
    }

    /// The exit code; `None` if it was killed.
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
            assert!(began.elapsed() < LONG, "{args:?} still runs");
            std::thread::sleep(Duration::from_micros(100));
        }
        let _ = child.kill();
        child.wait().unwrap().code()
    }

    /// The files of all refs, as they are at this moment.
    fn refs(&self) -> Vec<Option<Vec<u8>>> {
        let names = BRANCHES.iter().map(|name| format!("refs/heads/{name}"));
        let names = names.chain(["HEAD".to_owned()]);
        let read = |name| std::fs::read(self.store.root.join(name)).ok();
        names.map(read).collect()
    }

    /// Finds out whether what was cut short has happened, and does it to the model then.
    fn settle_killed(&mut self, op: &Op) {
        let collected = self.model.collected.clone();
        if self.has_happened(op) {
            self.crashes.killed_done += 1;
            self.settle(op, Ok(()));
        }
        match op {
            Op::Default(b) if self.has_branch(b) => {
                // It moves two refs: the branch is there before it is the default one.
                let head = self.model.heads[self.model.default];
                self.model.heads.entry(b).or_insert(head);
            }
            Op::Gc(_) | Op::GcKeep(_) => {
                let alive = self.model.alive();
                let mut unreached = (0..self.model.nodes.len()).collect::<Vec<_>>();
                unreached.retain(|node| !alive.contains(node));
                let (gone, half) = unreached
                    .into_iter()
                    .partition(|node| collected.contains(node));
                self.model.collected = gone;
                self.model.half_collected = half;
            }
            _ => {}
        }
    }

    fn has_happened(&self, op: &Op) -> bool {
        let (store, model) = (&self.store.store, &self.model);
        let on = match *op {
            Op::Branch(b, _) => return !model.heads.contains_key(b) && self.has_branch(b),
            Op::Delete(b) => return model.heads.contains_key(b) && !self.has_branch(b),
            Op::Default(b) => {
                return model.default != b && store.default_branch().unwrap().as_str() == b;
            }
            Op::GcKeep(_) => return false,
            Op::Gc(b) => b,
            _ => self.wanted(op).on,
        };
        let before = model.heads.get(on).map(|head| model.nodes[*head].id);
        let now = store.snapshot(&Revision::Branch(Some(branch(on)))).ok();
        now != before
    }

    fn has_branch(&self, name: &str) -> bool {
        self.store.store.has_branch(&branch(name)).unwrap()
    }

    /// The command line of an operation, if it has one.
    fn args(&self, op: &Op) -> Option<Vec<String>> {
        let words = |on: &str, words: &[&str]| {
            let words = ["--branch", on].into_iter().chain(words.iter().copied());
            // The whole tree has no name on the command line.
            let words = words.filter(|word| !word.is_empty());
            Some(words.map(str::to_owned).collect())
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

/// What the program says by its exit code.
fn outcome(code: i32) -> Outcome {
    match code {
        0 => Ok(()),
        1 => Err(ErrorKind::NotFound),
        4 => Err(ErrorKind::Conflict),
        5 => Err(ErrorKind::Unavailable),
        code => panic!("exit code {code}"),
    }
}
