//! Many changes while the remote goes away and comes back and the server is killed: the mirror ends equal to the store, and what was
//! said of its lag was true all the while.
//!
//! The truth is found by others: `git ls-remote` of the mirror before and after each look at the metric, and when each change was
//! sent and answered. A push that is cut may have arrived: what is there is known for certain once the mirror was reached again, and
//! until then it may be said to lack what it had not before. `cargo test --release --test all mirror::soak -- --ignored --nocapture` runs the long form.

mod trouble;

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use super::rig::{bare, is_equal, refs};
use super::serving::metric;
use crate::support::program::{World, module};
use crate::support::server::Server;
use trouble::Trouble;

/// Commit times are whole seconds.
const DATE_ROUNDING_S: f64 = 1.0;
/// How long after a ref moved over there this may be known here, if the mirror can be reached,
const NEWS_S: f64 = 1.5;
/// and how long after it came back it may not have been reached: delays are capped at five seconds.
const DELAY_S: f64 = 6.5;
/// What measuring takes.
const MEASURING_S: f64 = 0.3;
/// How soon the mirror has to be equal after the last change, or after it came back.
const SETTLED: Duration = Duration::from_secs(10);

const LAG: &str = "wasmstore_mirror_lag_seconds{mirror=\"mirror\"}";

struct Soak {
    world: World,
    mirror: PathBuf,
    began: Instant,
    changes: u32,
    next: AtomicU32,
    address: RwLock<Option<SocketAddr>>,
    /// Commits, and when the requests that made them were sent and answered, in seconds.
    made: Mutex<HashMap<String, (f64, f64)>>,
    contact: Mutex<Contact>,
    /// How long each writer waits between changes.
    pace: Duration,
}

/// What the server can know of the mirror.
#[derive(Default)]
struct Contact {
    /// When which tip was seen there.
    seen: Vec<(f64, Option<String>)>,
    /// Since when the mirror can be reached, if it can.
    up_s: Option<f64>,
    /// The last moment of which it is certain that what was there then is known.
    certain_s: f64,
}

impl Contact {
    /// The tip that the server knows of at least.
    fn known(&mut self, now_s: f64) -> Option<String> {
        if self.up_s.is_some_and(|up_s| now_s > up_s + DELAY_S) {
            self.certain_s = now_s - NEWS_S;
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
        self.began.elapsed().as_secs_f64()
    }

    fn away(&self) -> PathBuf {
        self.world.path("away.git")
    }

    /// The mirror's branch, wherever the mirror is.
    fn there(&self) -> Option<String> {
        for path in [&self.mirror, &self.away()] {
            if let Some(refs) = refs(&self.world, path) {
                let line = refs.lines().find(|line| line.ends_with("refs/heads/main"));
                return line.map(|line| line.split('\t').next().unwrap().to_owned());
            }
        }
        None
    }

    /// Whether the mirror has a commit of the store's branch, or a later one.
    fn has_arrived(&self, tip: &str) -> bool {
        let list = self.world.git(&["rev-list", "--first-parent", "main"]);
        let place = |wanted: &str| list.lines().position(|commit| commit == wanted);
        let there = self.there().and_then(|there| place(&there));
        there.is_some_and(|there| Some(there) <= place(tip))
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

    /// Makes a change; whether it was answered.
    fn put(&self, n: u32) -> bool {
        let Some(address) = *self.address.read().unwrap() else {
            return false;
        };
        let sent = self.now_s();
        let Some(answer) = post(address, &format!("m/{n}"), &module(n)) else {
            return false;
        };
        let commit = answer
            .lines()
            .find_map(|line| line.strip_prefix("wasmstore-commit: "));
        if !answer.starts_with("HTTP/1.1 200") {
            return false;
        }
        let times = (sent, self.now_s());
        // What was made by an attempt that was not answered is there already.
        let mut made = self.made.lock().unwrap();
        made.entry(commit.unwrap().to_owned()).or_insert(times);
        true
    }

    /// When the oldest change that a mirror has not whose branch is at `tip` was sent, and when the oldest that was answered was.
    fn oldest_missing(&self, tip: Option<&str>) -> (Option<f64>, Option<f64>) {
        let list = self
            .world
            .git(&["rev-list", "--reverse", "--first-parent", "main"]);
        let commits: Vec<&str> = list.lines().collect();
        let at = tip.and_then(|tip| commits.iter().position(|commit| *commit == tip));
        let missing = &commits[at.map_or(0, |at| at + 1)..];
        let made = self.made.lock().unwrap();
        let first = missing.iter().find_map(|commit| made.get(*commit));
        (first.map(|times| times.0), first.map(|times| times.1))
    }

    /// Compares what the metric says with the truth.
    fn look(&self, server: &Server) -> Option<f64> {
        let before = self.there();
        let asked = self.now_s();
        let lag = metric(server, LAG)?;
        let answered = self.now_s();
        let after = self.there();
        let known = {
            let mut contact = self.contact.lock().unwrap();
            contact.seen.push((asked, before));
            contact.known(asked)
        };
        let (sent, _) = self.oldest_missing(known.as_deref());
        let most = sent.map_or(0.0, |sent| answered - sent) + DATE_ROUNDING_S + MEASURING_S;
        let (_, acknowledged) = self.oldest_missing(after.as_deref());
        let acknowledged = acknowledged.filter(|time| *time < asked - MEASURING_S);
        let least = acknowledged.map_or(0.0, |time| asked - time) - MEASURING_S;
        assert!(
            lag <= most && lag >= least,
            "{lag} is not in {least}..{most} at {asked}"
        );
        Some(lag)
    }
}

/// A request that may not be answered: the server is killed at times.
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
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    String::from_utf8(answer).ok()
}

fn soak(changes: u32, pace: Duration, step: Duration) {
    let world = World::empty();
    let mirror = bare(&world, "m.git");
    let url = mirror.to_str().unwrap().to_owned();
    let server = Server::start(&world, &["--mirror", &url]);
    let soak = Soak {
        world,
        mirror,
        began: Instant::now(),
        changes,
        next: AtomicU32::new(0),
        address: RwLock::new(Some(server.address)),
        made: Mutex::default(),
        contact: Mutex::new(Contact {
            up_s: Some(0.0),
            ..Contact::default()
        }),
        pace,
    };
    thread::scope(|scope| {
        let writers: Vec<_> = (0..4).map(|_| scope.spawn(|| soak.write())).collect();
        let mut trouble = Trouble {
            soak: &soak,
            server,
            step,
            returned: Instant::now(),
            kills: 0,
            looks: 0,
            lag_most_s: 0.0,
            return_most: Duration::ZERO,
        };
        trouble.look(1);
        for nth in 0.. {
            trouble.round(nth);
            if !trouble.is_writing() {
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
        let last = (soak.began + Duration::from_secs_f64(made)).max(trouble.returned);
        while !is_equal(&soak.world, &soak.mirror) {
            assert!(last.elapsed() < SETTLED, "the mirror is not equal");
            soak.look(&trouble.server);
        }
        let settled = last.elapsed();
        while metric(&trouble.server, LAG) != Some(0.0) {
            assert!(last.elapsed() < SETTLED, "the metric does not say so");
        }
        println!(
            "{changes} changes in {made:.1} s; {} kills; the metric was {:.1} s at most in {} looks; \
             up to date {:.1} s after each return at most, equal {:.1} s after the last change",
            trouble.kills,
            trouble.lag_most_s,
            trouble.looks,
            trouble.return_most.as_secs_f64(),
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
fn sixty_changes_under_disturbance() {
    soak(60, Duration::from_millis(200), Duration::from_millis(600));
}

#[test]
#[ignore = "takes about a minute"]
fn a_thousand_changes_under_disturbance() {
    soak(1000, Duration::from_millis(150), Duration::from_secs(2));
}
