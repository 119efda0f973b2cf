//! Kills a server with many writers at random moments, restarts it, and checks that every acknowledged change is stored.
//!
//! In each round, the server starts, and its modules are compared with those that stock git reads. A write on each branch and of `HEAD`
//! must succeed immediately. Then the writers write, until a `SIGKILL` at a random moment. Afterwards, each commit must be the effect of
//! one request, each acknowledged request must have its commit, and each branch must continue its old history. Some servers are killed
//! while they open the store, and some `add` and `gc` commands that run at the same time are killed too.

mod branches;
mod commands;
mod history_check;
mod leftovers;
mod writers;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use self::branches::{RefState, change_refs};
use self::commands::RunningCommand;
use self::history_check::{CheckedHistories, KillCounts};
use self::leftovers::leftovers;
use self::writers::{Attempt, AttemptResult, BRANCHES, write};
use crate::soak::first_parent::FirstParentHistory;
use crate::soak::modules;
use crate::support::client::Client;
use crate::support::program::World;
use crate::support::random::{Random, size};
use crate::support::server::Server;
use crate::support::store::blob_id;

const WRITERS: u64 = 16;
/// The maximum time for which a server is under load.
const LOAD_MAX: Duration = Duration::from_millis(700);
/// The maximum time for which a kill waits for a lock file.
const LOCK_WAIT_MAX: Duration = Duration::from_millis(100);
/// The maximum time before a server that opens the store, or a `gc`, is killed.
const START_MAX: Duration = Duration::from_millis(100);
/// The number of rounds after which all modules are read.
const READ_ALL_EVERY: u64 = 5;
/// The number of rounds with one store. Then a new store is created.
const ROUNDS: u64 = 40;
/// The maximum number of files of killed writers that a server leaves in place when it opens the store. A roll-up that was killed
/// during its deletions leaves up to 64 packs without their indices for the next roll-up.
const LEFTOVERS_MAX: usize = 72;

/// The rounds with one store.
struct StoreRounds<'e> {
    world: World,
    random: &'e mut Random,
    counts: &'e mut KillCounts,
    checked: CheckedHistories,
    refs: Option<RefState>,
}

impl StoreRounds<'_> {
    /// Kills servers while they open or create the store.
    fn kill_early(&mut self) {
        for _ in 0..self.random.below(3) {
            let mut command = self.world.wasmstore(&["server", "--port", "0"]);
            let mut child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
            thread::sleep(self.random.shorter_than(START_MAX));
            child.kill().unwrap();
            child.wait().unwrap();
            self.counts.kills += 1;
        }
    }

    /// Runs one server from its start to its kill, and checks the store.
    fn round(&mut self, reads_all: bool) {
        let server = Server::start(&self.world, &[]);
        let mut attempts = self.check_start(server.address, reads_all);
        let root = self.world.root();
        let refs = RefState::read(&root);
        let (address, seed) = (server.address, self.random.next());
        let (records, ref_changes) = thread::scope(|scope| {
            let writers: Vec<_> = (0..WRITERS)
                .map(|n| scope.spawn(move || write(address, seed.wrapping_add(n))))
                .collect();
            let ref_client = scope.spawn(move || change_refs(address, seed, refs));
            attempts.extend(self.load_and_kill(server));
            let records = writers.into_iter().map(|writer| writer.join().unwrap());
            (records.collect::<Vec<_>>(), ref_client.join().unwrap())
        });
        for record in records {
            assert_eq!(record.errors, [""; 0]);
            self.counts.rejected += record.rejected;
            attempts.extend(record.attempts);
        }
        self.checked.settle(&attempts, self.counts);
        let left = leftovers(&root).len();
        self.counts.leftovers_after_kill_max = self.counts.leftovers_after_kill_max.max(left);
        assert_eq!(ref_changes.errors, [""; 0]);
        let refs = RefState::read(&root);
        let is_expected = refs == ref_changes.acknowledged || refs == ref_changes.possible;
        let expected = (ref_changes.acknowledged, ref_changes.possible);
        assert!(is_expected, "{refs:?} instead of one of {expected:?}");
        self.counts.acknowledged += ref_changes.count;
        self.refs = Some(refs);
    }

    /// Kills the server after some time. Some servers have a command running on the same store for part of the time.
    fn load_and_kill(&mut self, server: Server) -> Vec<Attempt> {
        let load = self.random.shorter_than(LOAD_MAX);
        let before_command = load.mul_f64(self.random.below(100) as f64 / 100.0);
        thread::sleep(before_command);
        let command = match self.random.below(6) {
            0 | 1 => Some(RunningCommand::gc(&self.world, &["--keep-history"])),
            2 => Some(RunningCommand::add(&self.world, self.random)),
            _ => None,
        };
        thread::sleep(load - before_command);
        if self.random.once_in(2) {
            self.wait_for_ref_lock();
        }
        // Dropping the server sends SIGKILL.
        drop(server);
        self.counts.kills += 1;
        let is_killed = !self.random.once_in(3);
        let attempt = command.and_then(|command| command.end(is_killed, self.counts));
        attempt.into_iter().collect()
    }

    /// Waits for the short time between the lock file of a branch and its update, which kills at random moments rarely hit.
    fn wait_for_ref_lock(&self) {
        let heads = self.world.root().join("refs/heads");
        let locks = BRANCHES.map(|branch| heads.join(format!("{branch}.lock")));
        let start = Instant::now();
        while start.elapsed() < LOCK_WAIT_MAX && !locks.iter().any(|lock| lock.exists()) {
            std::hint::spin_loop();
        }
    }

    /// Checks the modules of a server that was just started, and writes to each branch and to `HEAD`.
    fn check_start(&mut self, address: SocketAddr, reads_all: bool) -> Vec<Attempt> {
        let mut client = Client::connect(address).unwrap();
        let root = self.world.root();
        match &self.refs {
            Some(refs) => assert_eq!(RefState::read(&root), *refs),
            None => {
                let side = client.send("POST", "/branch/side", "", b"").unwrap();
                assert_eq!(side.status, 200, "{}", side.text());
            }
        }
        self.checked.settle(&[], self.counts);
        for branch in BRANCHES {
            self.compare_modules(&mut client, branch, reads_all);
        }
        if reads_all {
            self.world.fsck();
            self.world.ok(&["verify"]);
        }
        let probes = BRANCHES.map(|branch| self.probe(&mut client, branch));
        let left = leftovers(&root);
        assert!(left.len() <= LEFTOVERS_MAX, "{left:?}");
        self.counts.leftovers_after_open_max = self.counts.leftovers_after_open_max.max(left.len());
        probes.into()
    }

    /// Compares the modules that the server lists with those that git reads. With `reads_all`, also compares their bytes with their hashes.
    fn compare_modules(&self, client: &mut Client, branch: &str, reads_all: bool) {
        let headers = format!("Wasmstore-Branch: {branch}\r\n");
        let response = client.send("GET", "/modules", &headers, b"").unwrap();
        assert_eq!(response.status, 200, "{}", response.text());
        let body: BTreeMap<String, String> = serde_json::from_slice(&response.body).unwrap();
        let listed: BTreeMap<_, _> = (body.iter())
            .map(|(path, hash)| (&path[1..], hash.as_str()))
            .collect();
        assert_eq!(listed, self.checked.histories[branch].modules(), "{branch}");
        for (path, hash) in listed.into_iter().filter(|_| reads_all) {
            let module = (client.send("GET", &format!("/module/{path}"), &headers, b"")).unwrap();
            assert_eq!((module.status, &*blob_id(&module.body)), (200, hash));
        }
    }

    /// Writes to a branch and makes it the default branch. A lock file of a killed server must not block this.
    fn probe(&mut self, client: &mut Client, branch: &'static str) -> Attempt {
        let module = modules::small(self.random.next());
        let headers = format!("Wasmstore-Branch: {branch}\r\n");
        let response = (client.send("POST", "/module/probe", &headers, &module)).unwrap();
        assert_eq!(response.status, 200, "{}", response.text());
        let default = client.send("PUT", &format!("/branch/{branch}"), "", b"");
        assert_eq!(default.unwrap().status, 200);
        self.counts.acknowledged += 1;
        Attempt {
            branch,
            path: "probe".to_owned(),
            value: Some(blob_id(&module)),
            makes_commit: true,
            result: AttemptResult::Acknowledged(response.commit.unwrap()),
        }
    }

    /// Kills runs of `gc` that squash. The modules stay the same, whether or not the history was squashed.
    fn squash(&mut self) {
        let root = self.world.root();
        let before = FirstParentHistory::read(&root, "main");
        for is_killed in [true, true, false] {
            let command = RunningCommand::gc(&self.world, &["--branch", "main"]);
            if is_killed {
                thread::sleep(self.random.shorter_than(START_MAX * 3));
                self.counts.kills += 1;
            }
            command.end(is_killed, self.counts);
            self.world.fsck();
            let after = FirstParentHistory::read(&root, "main");
            assert_eq!(after.modules(), before.modules());
        }
        self.checked.histories.get_mut("side").unwrap().extend();
    }
}

/// Runs rounds until this many processes were killed.
fn run(kills: u64) {
    let mut random = Random::from_environment();
    let mut counts = KillCounts::default();
    while counts.kills < kills {
        let world = World::empty();
        let checked = CheckedHistories::new(&world.root());
        let mut rounds = StoreRounds {
            world,
            random: &mut random,
            counts: &mut counts,
            checked,
            refs: None,
        };
        for round in 1..=ROUNDS {
            rounds.kill_early();
            rounds.round(round % READ_ALL_EVERY == 0);
            if rounds.counts.kills >= kills {
                break;
            }
        }
        // The last round is checked too.
        let server = Server::start(&rounds.world, &[]);
        let probes = rounds.check_start(server.address, true);
        drop(server);
        rounds.checked.settle(&probes, rounds.counts);
        rounds.squash();
    }
    println!("{counts:#?}\nlost = 0");
}

#[test]
fn killed_servers_lose_no_acknowledged_change() {
    run(20);
}

#[test]
#[ignore = "takes about 10 minutes: SOAK_KILLS=1000"]
fn a_thousand_killed_servers_lose_no_acknowledged_change() {
    run(size("SOAK_KILLS", 1000));
}
