//! Writers of modules, each going on until the server is gone, and what became of their requests.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::soak::chain::Value;
use crate::soak::modules;
use crate::support::client::{Client, Reply};
use crate::support::random::Random;
use crate::support::store::blob_id;

pub const BRANCHES: [&str; 2] = ["main", "side"];
/// How many paths all writers share.
const SHARED_PATHS: u64 = 24;
/// No server lives as long.
const LONG: Duration = Duration::from_secs(30);

/// A request to change one path that was not refused.
#[derive(Debug)]
pub struct Attempt {
    pub branch: &'static str,
    pub path: String,
    /// What it makes of the path.
    pub value: Value,
    /// Whether it changes something for sure, so that there must be a commit of its own.
    pub makes_commit: bool,
    pub fate: Fate,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Fate {
    /// The answer told this commit.
    Acknowledged(String),
    /// It was told to be done, and not by which commit.
    Done,
    /// The server died first.
    Unanswered,
}

/// What one writer did.
#[derive(Default)]
pub struct Written {
    pub attempts: Vec<Attempt>,
    /// How many requests were refused as they had to be.
    pub refused: u64,
    /// Answers that should not be.
    pub faults: Vec<String>,
}

struct Writer {
    client: Client,
    random: Random,
    /// What this writer put where.
    put: HashMap<(&'static str, String), String>,
    written: Written,
}

/// Changes modules until the server is gone.
pub fn write(address: SocketAddr, seed: u64) -> Written {
    let Ok(client) = Client::connect(address) else {
        return Written::default();
    };
    let mut writer = Writer {
        client,
        random: Random::new(seed),
        put: HashMap::new(),
        written: Written::default(),
    };
    let began = Instant::now();
    while writer.once().is_some() {
        assert!(began.elapsed() < LONG, "the server is not killed");
    }
    writer.written
}

impl Writer {
    /// One change; nothing once the server is gone.
    fn once(&mut self) -> Option<()> {
        let branch = BRANCHES[self.random.below(2) as usize];
        let path = match self.random.below(SHARED_PATHS * 2) {
            n if n < SHARED_PATHS => format!("shared/{}/{n}", n % 5),
            n => format!("own/{}-{n}", self.random.below(4)),
        };
        let known = self.put.get(&(branch, path.clone())).cloned();
        match (self.random.below(20), known) {
            (0..4, _) => self.delete(branch, path),
            (4, Some(hash)) => self.set(branch, path, hash),
            (5..8, _) => self.put(branch, path, "If-None-Match: *\r\n"),
            (8..12, _) => self.put_if_unchanged(branch, path),
            _ => self.put(branch, path, ""),
        }
    }

    fn put(&mut self, branch: &'static str, path: String, condition: &str) -> Option<()> {
        let n = self.random.next();
        let module = match self.random.once_in(100) {
            true => modules::large(n),
            false => modules::small(n),
        };
        let headers = format!("Wasmstore-Branch: {branch}\r\n{condition}");
        let at = format!("/module/{path}");
        let answer = self.client.send("POST", &at, &headers, &module).ok();
        let hash = blob_id(&module);
        self.put.insert((branch, path.clone()), hash.clone());
        let may_refuse = if condition.is_empty() { 0 } else { 412 };
        self.record(branch, path, Some(hash), may_refuse, true, answer)
    }

    fn put_if_unchanged(&mut self, branch: &'static str, path: String) -> Option<()> {
        let headers = format!("Wasmstore-Branch: {branch}\r\n");
        let at = format!("/hash/{path}");
        let now = self.client.send("GET", &at, &headers, b"").ok()?;
        match now.status {
            200 => self.put(branch, path, &format!("If-Match: \"{}\"\r\n", now.text())),
            _ => self.put(branch, path, "If-None-Match: *\r\n"),
        }
    }

    fn set(&mut self, branch: &'static str, path: String, hash: String) -> Option<()> {
        let headers = format!("Wasmstore-Branch: {branch}\r\n");
        let at = format!("/hash/{hash}/{path}");
        let answer = self.client.send("POST", &at, &headers, b"").ok();
        // It may be gone if nothing but a refused request ever had it.
        self.record(branch, path, Some(hash), 404, false, answer)
    }

    fn delete(&mut self, branch: &'static str, path: String) -> Option<()> {
        let headers = format!("Wasmstore-Branch: {branch}\r\n");
        let at = format!("/module/{path}");
        let answer = self.client.send("DELETE", &at, &headers, b"").ok();
        self.record(branch, path, None, 404, true, answer)
    }

    fn record(
        &mut self,
        branch: &'static str,
        path: String,
        value: Value,
        may_refuse: u16,
        makes_commit: bool,
        answer: Option<Reply>,
    ) -> Option<()> {
        let is_over = answer.is_none();
        let fate = match answer {
            None => Fate::Unanswered,
            Some(Reply {
                status: 200,
                commit: Some(commit),
                ..
            }) => Fate::Acknowledged(commit),
            Some(reply) if reply.status == may_refuse => {
                self.written.refused += 1;
                return Some(());
            }
            Some(reply) => {
                let fault = format!("{} {} at {path}", reply.status, reply.text());
                self.written.faults.push(fault);
                return Some(());
            }
        };
        self.written.attempts.push(Attempt {
            branch,
            path,
            value,
            makes_commit,
            fate,
        });
        (!is_over).then_some(())
    }
}
