//! Servers of one store in a bucket, on real sockets. The bucket is a directory.

mod duplicates;
mod forwarding;
mod generations;
mod hydration;
mod unreachable;
mod watching;

use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::support::program::{World, module};
use crate::support::server::{Response, Server};

/// Far longer than any step takes, even on a slow machine.
const LONG: Duration = Duration::from_secs(60);

/// A bucket in a directory, and the directories of its servers.
struct Cluster {
    world: World,
}

impl Cluster {
    /// Creates a store with one empty commit.
    fn new() -> Self {
        let cluster = Self {
            world: World::empty(),
        };
        cluster.world.ok(&["bucket", "init", &cluster.url()]);
        cluster
    }

    fn url(&self) -> String {
        format!("file://{}", self.bucket().display())
    }

    fn bucket(&self) -> PathBuf {
        self.world.path("bucket")
    }

    /// Starts a server that looks for changes of others only when it is made to, unless the arguments say otherwise, and waits until it is
    /// ready.
    fn start(&self, name: &str, args: &[&str]) -> Server {
        let poll: &[&str] = match args.contains(&"--bucket-poll") {
            true => &[],
            false => &["--bucket-poll", "600"],
        };
        let server = self.start_unready(name, &[poll, args].concat());
        is_ready(&server);
        server
    }

    fn start_unready(&self, name: &str, args: &[&str]) -> Server {
        self.start_on(free_port(), None, name, args)
    }

    /// Starts a server that other servers reach at `peer_url`, by default at its own address.
    fn start_on(&self, port: u16, peer_url: Option<&str>, name: &str, args: &[&str]) -> Server {
        let (port, root) = (port.to_string(), self.world.path(name));
        let own = format!("http://127.0.0.1:{port}");
        let (root, url) = (root.to_str().unwrap(), self.url());
        let peer_url = peer_url.unwrap_or(&own);
        let base = [
            "--root",
            root,
            "--port",
            &port,
            "--bucket",
            &url,
            "--peer-url",
            peer_url,
        ];
        Server::start(&self.world, &[&base[..], args].concat())
    }

    /// Returns the secret of the servers.
    fn peer_key(&self) -> String {
        let manifest = std::fs::read_to_string(self.bucket().join("manifest")).unwrap();
        let mut lines = manifest.lines();
        let key = lines.find_map(|line| line.strip_prefix("peer-key "));
        key.unwrap().to_owned()
    }

    /// Makes every read and write of the manifest fail.
    fn make_unreachable(&self) {
        let manifest = self.bucket().join("manifest");
        std::fs::rename(&manifest, self.bucket().join("away")).unwrap();
        // A symbolic link to itself: an error that is not "no such file".
        std::os::unix::fs::symlink("manifest", manifest).unwrap();
    }

    fn make_reachable(&self) {
        std::fs::rename(self.bucket().join("away"), self.bucket().join("manifest")).unwrap();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[track_caller]
fn is_ready(server: &Server) {
    let start = Instant::now();
    while server.get("/readyz").status != 200 {
        assert!(start.elapsed() < LONG, "{}", server.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn post(server: &Server, path: &str, headers: &[&str], body: &[u8]) -> Response {
    server.send("POST", &format!("/api/v1{path}"), headers, body)
}

#[track_caller]
fn put(server: &Server, path: &str, n: u32) -> u64 {
    let response = post(server, &format!("/module/{path}"), &[], &module(n));
    assert_eq!(response.status, 200, "{}", response.text());
    generation(&response)
}

fn get(server: &Server, path: &str, headers: &[&str]) -> Response {
    server.send("GET", &format!("/api/v1{path}"), headers, b"")
}

#[track_caller]
fn generation(response: &Response) -> u64 {
    let header = response.header("wasmstore-generation");
    header.expect(&response.head).parse().unwrap()
}

/// Returns the value of a metric about the bucket.
#[track_caller]
fn metric(server: &Server, name: &str) -> f64 {
    let response = server.get("/metrics");
    let prefix = format!("wasmstore_bucket_{name} ");
    let mut lines = response.text().lines();
    let value = lines.find_map(|line| line.strip_prefix(&prefix));
    value.expect(name).parse().unwrap()
}

/// Returns how many writes a server forwarded, and how many it could not forward.
fn forwarded(server: &Server) -> (f64, f64) {
    let count =
        |outcome: &str| metric(server, &format!("forwarded_total{{outcome=\"{outcome}\"}}"));
    (count("ok"), count("failed"))
}

/// Returns the messages of the commits of the default branch, newest first, as the bucket has them.
fn messages(server: &Server) -> Vec<String> {
    let response = get(server, "/commits?consistent=true", &[]);
    assert_eq!(response.status, 200, "{}", response.text());
    let commits: Vec<serde_json::Value> = serde_json::from_str(response.text()).unwrap();
    let messages = commits.iter().map(|commit| commit["message"].as_str());
    messages
        .map(|message| message.unwrap().to_owned())
        .collect()
}
