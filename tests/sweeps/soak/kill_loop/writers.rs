//! Clients that change modules until the server is killed, and record the result of each request.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::soak::first_parent::PathValue;
use crate::soak::modules;
use crate::support::client::{ApiResponse, Client};
use crate::support::random::Random;
use crate::support::store::blob_id;

pub const BRANCHES: [&str; 2] = ["main", "side"];
/// The number of paths that all writers change.
const SHARED_PATHS: u64 = 24;
/// Longer than the lifetime of any server in the test.
const LONG: Duration = Duration::from_secs(30);

/// A request to change one path that was not rejected.
#[derive(Debug)]
pub struct Attempt {
    pub branch: &'static str,
    pub path: String,
    /// The value of the path after the change.
    pub value: PathValue,
    /// Whether the request certainly changes something, so that it must have its own commit.
    pub makes_commit: bool,
    pub result: AttemptResult,
}

#[derive(Debug, PartialEq, Eq)]
pub enum AttemptResult {
    /// The response reported this commit.
    Acknowledged(String),
    /// The change succeeded, but its commit is unknown.
    Done,
    /// The server was killed before the response.
    Unanswered,
}

/// The requests of one writer.
#[derive(Default)]
pub struct WriterRecord {
    pub attempts: Vec<Attempt>,
    /// The number of requests that were rejected because of their precondition, or because their module does not exist.
    pub rejected: u64,
    /// Unexpected responses.
    pub errors: Vec<String>,
}

struct Writer {
    client: Client,
    random: Random,
    /// The hash of the last module that this writer put at each branch and path.
    last_put: HashMap<(&'static str, String), String>,
    record: WriterRecord,
}

/// Changes modules until the server is killed.
pub fn write(address: SocketAddr, seed: u64) -> WriterRecord {
    let Ok(client) = Client::connect(address) else {
        return WriterRecord::default();
    };
    let mut writer = Writer {
        client,
        random: Random::new(seed),
        last_put: HashMap::new(),
        record: WriterRecord::default(),
    };
    let start = Instant::now();
    while writer.change_once().is_some() {
        assert!(start.elapsed() < LONG, "the server was not killed");
    }
    writer.record
}

impl Writer {
    /// Makes one change. Returns `None` once the server is killed.
    fn change_once(&mut self) -> Option<()> {
        let branch = BRANCHES[self.random.below(2) as usize];
        let path = match self.random.below(SHARED_PATHS * 2) {
            n if n < SHARED_PATHS => format!("shared/{}/{n}", n % 5),
            n => format!("own/{}-{n}", self.random.below(4)),
        };
        let last_put = self.last_put.get(&(branch, path.clone())).cloned();
        match (self.random.below(20), last_put) {
            (0..4, _) => self.delete(branch, path),
            (4, Some(hash)) => self.set(branch, path, hash),
            (5..8, _) => self.put(branch, path, "If-None-Match: *\r\n"),
            (8..12, _) => self.put_if_unchanged(branch, path),
            _ => self.put(branch, path, ""),
        }
    }

    fn put(&mut self, branch: &'static str, path: String, condition: &str) -> Option<()> {
        let n = self.random.next();
        let module = if self.random.once_in(100) {
            modules::large(n)
        } else {
            modules::small(n)
        };
        let headers = format!("Wasmstore-Branch: {branch}\r\n{condition}");
        let at = format!("/module/{path}");
        let response = self.client.send("POST", &at, &headers, &module).ok();
        let hash = blob_id(&module);
        self.last_put.insert((branch, path.clone()), hash.clone());
        let allowed_error = if condition.is_empty() { 0 } else { 412 };
        self.record(branch, path, Some(hash), allowed_error, true, response)
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
        let response = self.client.send("POST", &at, &headers, b"").ok();
        // The blob may not exist if only rejected requests contained it.
        self.record(branch, path, Some(hash), 404, false, response)
    }

    fn delete(&mut self, branch: &'static str, path: String) -> Option<()> {
        let headers = format!("Wasmstore-Branch: {branch}\r\n");
        let at = format!("/module/{path}");
        let response = self.client.send("DELETE", &at, &headers, b"").ok();
        self.record(branch, path, None, 404, true, response)
    }

    /// Records the result of a request. Returns `None` once the server is killed.
    fn record(
        &mut self,
        branch: &'static str,
        path: String,
        value: PathValue,
        allowed_error: u16,
        makes_commit: bool,
        response: Option<ApiResponse>,
    ) -> Option<()> {
        let is_killed = response.is_none();
        let result = match response {
            None => AttemptResult::Unanswered,
            Some(ApiResponse {
                status: 200,
                commit: Some(commit),
                ..
            }) => AttemptResult::Acknowledged(commit),
            Some(reply) if reply.status == allowed_error => {
                self.record.rejected += 1;
                return Some(());
            }
            Some(reply) => {
                let error = format!("{} {} at {path}", reply.status, reply.text());
                self.record.errors.push(error);
                return Some(());
            }
        };
        self.record.attempts.push(Attempt {
            branch,
            path,
            value,
            makes_commit,
            result,
        });
        (!is_killed).then_some(())
    }
}
