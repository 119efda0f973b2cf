//! `/wasmstore.git`: stock git as the client of a served store, and clients that behave in other ways.

mod access;
mod damage;
mod fetching;
mod leaving;
mod limits;
mod requests;
mod uploads;
mod vanishing;

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::support::program::{Ran, World};
use crate::support::server::{Answer, Server};

/// Far longer than anything takes that works.
const LONG: Duration = Duration::from_secs(30);

/// The media type of a fetch's requests, as a header.
const FETCH: &str = "Content-Type: application/x-git-upload-pack-request";

/// The media type of a push's requests, as a header.
const PUSH: &str = "Content-Type: application/x-git-receive-pack-request";

/// The address for git.
fn url(server: &Server) -> String {
    format!("http://{}/wasmstore.git", server.address)
}

/// Runs git where commands run, and with it nothing of the machine's.
fn git(world: &World, args: &[&str]) -> Ran {
    let mut command = world.command("git");
    command.env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
    command.args(args).output().unwrap().into()
}

/// Runs git, which has to succeed; returns what it printed.
#[track_caller]
fn git_ok(world: &World, args: &[&str]) -> String {
    let ran = git(world, args);
    assert_eq!(ran.code, Some(0), "git {args:?}: {}", ran.err);
    ran.out.trim_end().to_owned()
}

/// Runs git, which has to fail; returns what it complained of.
#[track_caller]
fn git_fails(world: &World, args: &[&str]) -> String {
    let ran = git(world, args);
    assert_eq!(ran.code, Some(128), "git {args:?}: {ran:?}");
    ran.err
}

/// Asks git for faults of a clone.
#[track_caller]
fn fsck(world: &World, clone: &str) {
    let found = git_ok(world, &["-C", clone, "fsck", "--strict", "--no-progress"]);
    assert_eq!(found, "", "{clone}");
}

/// One request to `/wasmstore.git`.
fn ask(server: &Server, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Answer {
    let path = format!("/wasmstore.git/{path}");
    server.send(method, &path, headers, body)
}

/// Waits until `done` says so.
#[track_caller]
fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < LONG, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A server whose git does this, in the shell, where it is to serve; all else is left to the git behind it.
fn serve_by(world: &World, script: &str, args: &[&str]) -> Server {
    serve_by_with(world, script, args, &[])
}

/// The same, with variables in the server's environment.
fn serve_by_with(world: &World, script: &str, args: &[&str], variables: &[(&str, &str)]) -> Server {
    let folder = world.path("programs");
    fs::create_dir_all(&folder).unwrap();
    let program = folder.join("git");
    let serves =
        format!("for word; do case $word in upload-pack|receive-pack)\n{script}\n;; esac; done");
    let script = format!("#!/bin/sh\n{serves}\nPATH=${{PATH#*:}} exec git \"$@\"\n");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", folder.display());
    Server::start_with(world, args, &[variables, &[("PATH", &*path)]].concat())
}

/// Begins a push, whose body is to be sent in the way that `headers` tell of.
fn begin_push(server: &Server, headers: &str) -> TcpStream {
    let mut stream = server.connect();
    let head = format!(
        "POST /wasmstore.git/git-receive-pack HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{PUSH}\r\n{headers}\r\n\r\n",
        server.address
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// Whether so many pushes are counted as ended in this way.
fn counts(server: &Server, outcome: &str, count: u32) -> bool {
    let line = format!(
        r#"wasmstore_git_requests_total{{service="git-receive-pack",outcome="{outcome}"}} {count}"#
    );
    let metrics = server.get("/metrics");
    metrics.text().lines().any(|other| other == line)
}

/// All files below a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.map_while(|entry| Some(entry.ok()?.path()));
    let inside = |path: PathBuf| match path.is_dir() {
        true => files(&path),
        false => vec![path],
    };
    let mut paths: Vec<_> = paths.flat_map(inside).collect();
    paths.sort_unstable();
    paths
}
