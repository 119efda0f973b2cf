//! A server under many writers is killed at random moments and started again, and everything that it acknowledged is looked for.
//!
//! One round: the server starts; what it serves is compared with what stock git reads; a write on each branch and of `HEAD` has
//! to succeed at once; then the writers write, until a `SIGKILL` at a random moment. Each commit that is there then has to be
//! the effect of one request, each acknowledged request has to have its commit, and each branch has to continue what it was. In
//! between the server is killed while it opens, and the program beside it while it adds or collects.

mod branches;
mod ledger;
mod leftovers;
mod rivals;
mod writers;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use self::branches::{Refs, shuffle};
use self::ledger::{Figures, Ledger};
use self::leftovers::leftovers;
use self::rivals::Rival;
use self::writers::{Attempt, BRANCHES, Fate, write};
use crate::soak::chain::Chain;
use crate::soak::modules;
use crate::support::client::Client;
use crate::support::program::World;
use crate::support::random::{Random, size};
use crate::support::server::Server;
use crate::support::store::blob_id;

const WRITERS: u64 = 16;
/// How long the server is under load.
const LOAD_MAX: Duration = Duration::from_millis(700);
/// How long a kill waits for a better moment.
const LOCK_WAIT_MAX: Duration = Duration::from_millis(100);
/// How long a server that opens, or a `gc`, is let be.
const START_MAX: Duration = Duration::from_millis(100);
/// After how many rounds everything is read.
const READ_EVERY: u64 = 5;
/// How many rounds a store goes through before the next one begins with nothing.
const ROUNDS: u64 = 40;
/// Files left behind that a server may leave alone when it opens.
/// A roll-up that was killed while it deleted leaves up to 64 packs without their indices to the next one.
const LEFTOVERS_MAX: usize = 72;

/// A store in its rounds.
struct Epoch<'e> {
    world: World,
    random: &'e mut Random,
    figures: &'e mut Figures,
    ledger: Ledger,
    refs: Option<Refs>,
}

impl Epoch<'_> {
    /// Kills servers while they open, or create, the store.
    fn kill_early(&mut self) {
        for _ in 0..self.random.below(3) {
            let mut command = self.world.wasmstore(&["server", "--port", "0"]);
            let mut child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
            thread::sleep(self.random.shorter_than(START_MAX));
            child.kill().unwrap();
            child.wait().unwrap();
            self.figures.kills += 1;
        }
    }

    /// One server, from its start to its end.
    fn round(&mut self, reads_all: bool) {
        let server = Server::start(&self.world, &[]);
        let mut attempts = self.begin(server.address, reads_all);
        let root = self.world.root();
        let refs = Refs::read(&root);
        let (address, seed) = (server.address, self.random.next());
        let (written, moved) = thread::scope(|scope| {
            let writers: Vec<_> = (0..WRITERS)
                .map(|n| scope.spawn(move || write(address, seed.wrapping_add(n))))
                .collect();
            let mover = scope.spawn(move || shuffle(address, seed, refs));
            attempts.extend(self.load_and_kill(server));
            let written = writers.into_iter().map(|writer| writer.join().unwrap());
            (written.collect::<Vec<_>>(), mover.join().unwrap())
        });
        for written in written {
            assert_eq!(written.faults, [""; 0]);
            self.figures.refused += written.refused;
            attempts.extend(written.attempts);
        }
        self.ledger.settle(&attempts, self.figures);
        let left = leftovers(&root).len();
        self.figures.left_behind_max = self.figures.left_behind_max.max(left);
        assert_eq!(moved.faults, [""; 0]);
        let refs = Refs::read(&root);
        let is_expected = refs == moved.acknowledged || refs == moved.possible;
        let wanted = (moved.acknowledged, moved.possible);
        assert!(is_expected, "{refs:?}, and not one of {wanted:?}");
        self.figures.acknowledged += moved.count;
        self.refs = Some(refs);
    }

    /// Lets the server work for a while, with others beside it, and kills it.
    fn load_and_kill(&mut self, server: Server) -> Vec<Attempt> {
        let load = self.random.shorter_than(LOAD_MAX);
        let alone = load.mul_f64(self.random.below(100) as f64 / 100.0);
        thread::sleep(alone);
        let rival = match self.random.below(6) {
            0 | 1 => Some(Rival::gc(&self.world, &["--keep-history"])),
            2 => Some(Rival::add(&self.world, self.random)),
            _ => None,
        };
        thread::sleep(load - alone);
        if self.random.once_in(2) {
            self.wait_for_ref_lock();
        }
        // This is a SIGKILL.
        drop(server);
        self.figures.kills += 1;
        let is_killed = !self.random.once_in(3);
        let attempt = rival.map(|rival| rival.end(is_killed, self.figures));
        attempt.flatten().into_iter().collect()
    }

    /// Waits for the short moment in which a branch is about to move: hardly any kill would meet it by chance.
    fn wait_for_ref_lock(&self) {
        let heads = self.world.root().join("refs/heads");
        let locks = BRANCHES.map(|branch| heads.join(format!("{branch}.lock")));
        let began = Instant::now();
        while began.elapsed() < LOCK_WAIT_MAX && !locks.iter().any(|lock| lock.exists()) {
            std::hint::spin_loop();
        }
    }

    /// Looks at what a server that was just started serves, and writes to each branch and to `HEAD`.
    fn begin(&mut self, address: SocketAddr, reads_all: bool) -> Vec<Attempt> {
        let mut client = Client::connect(address).unwrap();
        let root = self.world.root();
        match &self.refs {
            Some(refs) => assert_eq!(Refs::read(&root), *refs),
            None => {
                let side = client.send("POST", "/branch/side", "", b"").unwrap();
                assert_eq!(side.status, 200, "{}", side.text());
            }
        }
        self.ledger.settle(&[], self.figures);
        for branch in BRANCHES {
            self.look(&mut client, branch, reads_all);
        }
        if reads_all {
            self.world.fsck();
            self.world.ok(&["verify"]);
        }
        let probes = BRANCHES.map(|branch| self.probe(&mut client, branch));
        let left = leftovers(&root);
        assert!(left.len() <= LEFTOVERS_MAX, "{left:?}");
        self.figures.left_over_max = self.figures.left_over_max.max(left.len());
        probes.into()
    }

    /// Compares what the server lists with what git reads, and the bytes of all of it with their hashes; until there is a
    /// `verify`, this stands for it.
    fn look(&self, client: &mut Client, branch: &str, reads_all: bool) {
        let headers = format!("Wasmstore-Branch: {branch}\r\n");
        let listed = client.send("GET", "/modules", &headers, b"").unwrap();
        assert_eq!(listed.status, 200, "{}", listed.text());
        let listed: BTreeMap<String, String> = serde_json::from_slice(&listed.body).unwrap();
        let listed = listed
            .iter()
            .map(|(path, hash)| (&path[1..], hash.as_str()));
        let listed: BTreeMap<_, _> = listed.collect();
        assert_eq!(listed, self.ledger.chains[branch].modules(), "{branch}");
        for (path, hash) in listed.into_iter().filter(|_| reads_all) {
            let module = client.send("GET", &format!("/module/{path}"), &headers, b"");
            let module = module.unwrap();
            assert_eq!((module.status, &*blob_id(&module.body)), (200, hash));
        }
    }

    /// Writes to a branch and makes it the default one; no lock file of a dead server may be in the way.
    fn probe(&mut self, client: &mut Client, branch: &'static str) -> Attempt {
        let module = modules::small(self.random.next());
        let headers = format!("Wasmstore-Branch: {branch}\r\n");
        let answer = client.send("POST", "/module/probe", &headers, &module);
        let answer = answer.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let default = client.send("PUT", &format!("/branch/{branch}"), "", b"");
        assert_eq!(default.unwrap().status, 200);
        self.figures.acknowledged += 1;
        Attempt {
            branch,
            path: "probe".to_owned(),
            value: Some(blob_id(&module)),
            makes_commit: true,
            fate: Fate::Acknowledged(answer.commit.unwrap()),
        }
    }

    /// Kills runs of `gc` that squash; the modules stay, whatever becomes of the history.
    fn squash(&mut self) {
        let root = self.world.root();
        let before = Chain::read(&root, "main");
        for is_killed in [true, true, false] {
            let rival = Rival::gc(&self.world, &["--branch", "main"]);
            if is_killed {
                thread::sleep(self.random.shorter_than(START_MAX * 3));
                self.figures.kills += 1;
            }
            rival.end(is_killed, self.figures);
            self.world.fsck();
            let after = Chain::read(&root, "main");
            assert_eq!(after.modules(), before.modules());
        }
        self.ledger.chains.get_mut("side").unwrap().extend();
    }
}

fn run(kills: u64) {
    let mut random = Random::from_environment();
    let mut figures = Figures::default();
    while figures.kills < kills {
        let world = World::empty();
        let ledger = Ledger::new(&world.root());
        let mut epoch = Epoch {
            world,
            random: &mut random,
            figures: &mut figures,
            ledger,
            refs: None,
        };
        for round in 1..=ROUNDS {
            epoch.kill_early();
            epoch.round(round % READ_EVERY == 0);
            if epoch.figures.kills >= kills {
                break;
            }
        }
        // The last one is looked at too.
        let server = Server::start(&epoch.world, &[]);
        let probes = epoch.begin(server.address, true);
        drop(server);
        epoch.ledger.settle(&probes, epoch.figures);
        epoch.squash();
    }
    println!("{figures:#?}\nlost = 0");
}

#[test]
fn a_killed_server_has_lost_nothing_that_it_acknowledged() {
    run(20);
}

#[test]
#[ignore = "takes about 10 minutes: SOAK_KILLS=1000"]
fn a_server_killed_a_thousand_times_has_lost_nothing_that_it_acknowledged() {
    run(size("SOAK_KILLS", 1000));
}
