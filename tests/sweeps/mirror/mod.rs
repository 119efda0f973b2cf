//! Many changes while the mirror disappears and reappears and the server is killed: in the end the mirror is equal to the store, and
//! the lag that the metric reported was correct all the time.
//!
//! The test computes bounds for the lag independently: from `git ls-remote` of the mirror before and after each read of the metric, and
//! from the times when each change was sent and acknowledged. An interrupted push may have reached the mirror. The server learns that
//! only when it reaches the mirror again, and may until then report the pushed changes as missing. The bounds assume that a push takes
//! well under a second, so the test belongs on a machine that is not overloaded.
//! `cargo test --release --test sweeps mirror -- --ignored --nocapture` runs the long form.

mod disturbance;
#[path = "../../mirror/support.rs"]
#[allow(dead_code, reason = "`all` uses the rest")]
mod support;

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::program::{World, module};
use crate::support::server::Server;
use disturbance::Disturbance;
use support::{bare, is_equal, metric, refs};

/// The precision of a commit's date.
const DATE_ROUNDING_S: f64 = 1.0;
/// The longest time until the server knows that a ref of a reachable mirror has moved.
const PUSH_S: f64 = 1.5;
/// The longest time until the server reaches a mirror that has reappeared. Its delay between attempts is at most 5 seconds.
const REACH_S: f64 = 6.5;
/// The tolerance for the time that the measurement itself takes.
const MEASUREMENT_S: f64 = 0.3;
/// The longest time until the mirror is equal after the last change or its reappearance.
const CATCH_UP_MAX: Duration = Duration::from_secs(10);

const LAG: &str = "wasmstore_mirror_lag_seconds{mirror=\"mirror\"}";

struct Soak {
    world: World,
    mirror: PathBuf,
    start: Instant,
    changes: u32,
    next: AtomicU32,
    address: RwLock<Option<SocketAddr>>,
    /// The commits, with the times in seconds when the requests that made them were sent and acknowledged.
    made: Mutex<HashMap<String, (f64, f64)>>,
    knowledge: Mutex<ServerKnowledge>,
    /// The pause of each writer between changes.
    pace: Duration,
}

/// What the server can know about the mirror.
#[derive(Default)]
struct ServerKnowledge {
    /// The mirror's tip at different times.
    seen: Vec<(f64, Option<String>)>,
    /// The time since when the mirror can be reached; `None` while it cannot.
    up_s: Option<f64>,
    /// The latest time at which the server certainly knew the mirror's tip.
    certain_s: f64,
}

impl ServerKnowledge {
    /// Returns the oldest tip that the server may take for the mirror's current one.
    fn oldest_tip(&mut self, now_s: f64) -> Option<String> {
        if self.up_s.is_some_and(|up_s| now_s > up_s + REACH_S) {
            self.certain_s = now_s - PUSH_S;
        }
        let certain = self
            .seen
            .iter()
            .rev()
            .find(|(time_s, _)| *time_s <= self.certain_s);
        certain.and_then(|(_, tip)| tip.clone())
    }
}

impl Soak {
    fn now_s(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    fn away(&self) -> PathBuf {
        self.world.path("away.git")
    }

    /// Returns the tip of the mirror's branch, no matter which name the mirror has now.
    fn mirror_tip(&self) -> Option<String> {
        for path in [&self.mirror, &self.away()] {
            if let Some(refs) = refs(&self.world, path) {
                let line = refs.lines().find(|line| line.ends_with("refs/heads/main"));
                return line.map(|line| line.split('\t').next().unwrap().to_owned());
            }
        }
        None
    }

    /// Returns whether the mirror has a commit of the store's branch, or a later one.
    fn has_arrived(&self, tip: &str) -> bool {
        let list = self.world.git(&["rev-list", "--first-parent", "main"]);
        let age = |id: &str| list.lines().position(|commit| commit == id);
        let mirror_age = self.mirror_tip().and_then(|tip| age(&tip));
        mirror_age.is_some_and(|mirror_age| Some(mirror_age) <= age(tip))
    }

    fn write(&self) {
        loop {
            let n = self.next.fetch_add(1, Ordering::Relaxed);
            if n >= self.changes {
                return;
            }
            while !self.put(n) {
                thread::sleep(Duration::from_millis(50));
            }
            thread::sleep(self.pace);
        }
    }

    /// Makes a change; returns whether it was acknowledged.
    fn put(&self, n: u32) -> bool {
        let Some(address) = *self.address.read().unwrap() else {
            return false;
        };
        let sent = self.now_s();
        let Some(response) = post(address, &format!("m/{n}"), &module(n)) else {
            return false;
        };
        let commit = response
            .lines()
            .find_map(|line| line.strip_prefix("wasmstore-commit: "));
        if !response.starts_with("HTTP/1.1 200") {
            return false;
        }
        let times = (sent, self.now_s());
        // An earlier attempt without a response may have made the commit.
        let mut made = self.made.lock().unwrap();
        made.entry(commit.unwrap().to_owned()).or_insert(times);
        true
    }

    /// Returns when the oldest change that a mirror with this tip lacks was sent, and when it was acknowledged.
    fn oldest_missing(&self, tip: Option<&str>) -> (Option<f64>, Option<f64>) {
        let list = self
            .world
            .git(&["rev-list", "--reverse", "--first-parent", "main"]);
        let commits: Vec<&str> = list.lines().collect();
        let position = tip.and_then(|tip| commits.iter().position(|commit| *commit == tip));
        let missing = &commits[position.map_or(0, |position| position + 1)..];
        let made = self.made.lock().unwrap();
        let first = missing.iter().find_map(|commit| made.get(*commit));
        (first.map(|times| times.0), first.map(|times| times.1))
    }

    /// Reads the lag from the metric, and checks it against the bounds.
    fn check_lag(&self, server: &Server) -> Option<f64> {
        let before = self.mirror_tip();
        let requested = self.now_s();
        let lag = metric(server, LAG)?;
        let responded = self.now_s();
        let after = self.mirror_tip();
        let oldest_tip = {
            let mut knowledge = self.knowledge.lock().unwrap();
            knowledge.seen.push((requested, before));
            knowledge.oldest_tip(requested)
        };
        let (sent, _) = self.oldest_missing(oldest_tip.as_deref());
        let most = sent.map_or(0.0, |sent| responded - sent) + DATE_ROUNDING_S + MEASUREMENT_S;
        let (_, acknowledged) = self.oldest_missing(after.as_deref());
        let acknowledged = acknowledged.filter(|time| *time < requested - MEASUREMENT_S);
        let least = acknowledged.map_or(0.0, |time| requested - time) - MEASUREMENT_S;
        assert!(
            lag <= most && lag >= least,
            "{lag} is not in {least}..{most} at {requested}"
        );
        Some(lag)
    }
}

/// Sends a request; `None` if there is no response, as when the server is killed.
fn post(address: SocketAddr, path: &str, body: &[u8]) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .ok()?;
    let length = body.len();
    let head = format!(
        "POST /api/v1/module/{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(&[head.as_bytes(), body].concat()).ok()?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response).ok()?;
    String::from_utf8(response).ok()
}

fn soak(changes: u32, pace: Duration, step: Duration) {
    let world = World::empty();
    let mirror = bare(&world, "m.git");
    let url = mirror.to_str().unwrap().to_owned();
    let server = Server::start(&world, &["--mirror", &url]);
    let soak = Soak {
        world,
        mirror,
        start: Instant::now(),
        changes,
        next: AtomicU32::new(0),
        address: RwLock::new(Some(server.address)),
        made: Mutex::default(),
        knowledge: Mutex::new(ServerKnowledge {
            up_s: Some(0.0),
            ..ServerKnowledge::default()
        }),
        pace,
    };
    thread::scope(|scope| {
        let writers: Vec<_> = (0..4).map(|_| scope.spawn(|| soak.write())).collect();
        let mut disturbance = Disturbance {
            soak: &soak,
            server,
            step,
            reappeared: Instant::now(),
            kills: 0,
            checks: 0,
            lag_most_s: 0.0,
            catch_up_most: Duration::ZERO,
        };
        disturbance.check(1);
        for nth in 0.. {
            disturbance.round(nth);
            if !disturbance.is_writing() {
                break;
            }
        }
        writers
            .into_iter()
            .for_each(|writer| writer.join().unwrap());
        let made = soak
            .made
            .lock()
            .unwrap()
            .values()
            .map(|(_, at)| *at)
            .fold(0.0, f64::max);
        let last = (soak.start + Duration::from_secs_f64(made)).max(disturbance.reappeared);
        while !is_equal(&soak.world, &soak.mirror) {
            assert!(last.elapsed() < CATCH_UP_MAX, "the mirror is not equal");
            soak.check_lag(&disturbance.server);
        }
        let settled = last.elapsed();
        while metric(&disturbance.server, LAG) != Some(0.0) {
            assert!(
                last.elapsed() < CATCH_UP_MAX,
                "the metric does not report that the mirror is equal"
            );
        }
        println!(
            "{changes} changes in {made:.1} s; {} kills; lag at most {:.1} s in {} checks; \
             caught up at most {:.1} s after each reappearance, equal {:.1} s after the last change",
            disturbance.kills,
            disturbance.lag_most_s,
            disturbance.checks,
            disturbance.catch_up_most.as_secs_f64(),
            settled.as_secs_f64()
        );
    });
    assert!(soak.made.lock().unwrap().len() >= changes as usize * 9 / 10);
    soak.world.fsck();
    fsck(&soak.world, &soak.mirror);
}

fn fsck(world: &World, repository: &Path) {
    let mut git = world.command("git");
    let git = git
        .arg("-C")
        .arg(repository)
        .args(["fsck", "--strict", "--no-dangling"]);
    assert!(git.output().unwrap().status.success());
}

#[test]
fn the_lag_of_a_disturbed_mirror_is_correct_over_60_changes() {
    soak(60, Duration::from_millis(200), Duration::from_millis(600));
}

#[test]
#[ignore = "takes about a minute"]
fn the_lag_of_a_disturbed_mirror_is_correct_over_1000_changes() {
    soak(1000, Duration::from_millis(150), Duration::from_secs(2));
}
