//! Many changes while the remote goes away and comes back and the server is killed: the mirror ends equal to the store, and what was
//! said of its lag was true all the while.
//!
//! The truth is found by others: `git ls-remote` of the mirror before and after each look at the metric, and when each change was
//! sent and answered. `cargo test --release --test all mirror::soak -- --ignored --nocapture` runs the long form.

use std::collections::HashMap;
use std::fs;
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

/// Commit times are whole seconds.
const DATE_ROUNDING_S: f64 = 1.0;
/// How long after a ref moved over there this may be known here.
const NEWS_S: f64 = 1.5;
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
    /// How long each writer waits between changes.
    pace: Duration,
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
        let mut times = missing.iter().filter_map(|commit| made.get(*commit));
        let first = times.next().copied();
        (first.map(|times| times.0), first.map(|times| times.1))
    }

    /// Compares what the metric says with the truth.
    fn look(&self, server: &Server) -> Option<f64> {
        let before = self.there();
        let asked = self.now_s();
        let lag = metric(server, LAG)?;
        let answered = self.now_s();
        let after = self.there();
        let (sent, _) = self.oldest_missing(before.as_deref());
        let most = sent.map_or(0.0, |sent| answered - sent) + DATE_ROUNDING_S + NEWS_S;
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

/// The remote goes away and comes back, and the server is killed, again and again; returns when the remote came back last.
fn disturb(soak: &Soak, mut server: Server, step: Duration) -> (Server, Instant) {
    let mut looks = (0, 0.0_f64);
    let mut look_for = |server: &Server, time: Duration| {
        let until = Instant::now() + time;
        while Instant::now() < until {
            if let Some(lag) = soak.look(server) {
                looks = (looks.0 + 1, looks.1.max(lag));
            }
            thread::sleep(Duration::from_millis(50));
        }
    };
    let is_writing = || soak.next.load(Ordering::Relaxed) < soak.changes;
    let mut returned = Instant::now();
    let mut kills = 0;
    while is_writing() {
        look_for(&server, step);
        fs::rename(&soak.mirror, soak.away()).unwrap();
        look_for(&server, step);
        *soak.address.write().unwrap() = None;
        server.signal("KILL");
        server.wait();
        kills += 1;
        server = Server::start(&soak.world, &[]);
        *soak.address.write().unwrap() = Some(server.address);
        look_for(&server, step);
        fs::rename(soak.away(), &soak.mirror).unwrap();
        returned = Instant::now();
        look_for(&server, step * 2);
    }
    let (looks, most) = looks;
    println!("{kills} kills, {looks} looks at the metric, which was {most:.1} s at most");
    (server, returned)
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
        pace,
    };
    thread::scope(|scope| {
        let writers: Vec<_> = (0..4).map(|_| scope.spawn(|| soak.write())).collect();
        let (server, returned) = disturb(&soak, server, step);
        writers
            .into_iter()
            .for_each(|writer| writer.join().unwrap());
        let last = Instant::now().max(returned);
        while !is_equal(&soak.world, &soak.mirror) {
            assert!(last.elapsed() < SETTLED, "the mirror is not equal");
            soak.look(&server);
            thread::sleep(Duration::from_millis(50));
        }
        let settled = last.elapsed();
        while metric(&server, LAG) != Some(0.0) {
            assert!(last.elapsed() < SETTLED, "the metric does not say so");
            thread::sleep(Duration::from_millis(50));
        }
        println!(
            "{changes} changes in {:.1} s; equal {:.1} s after the last of all",
            soak.now_s(),
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
