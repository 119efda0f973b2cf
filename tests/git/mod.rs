//! `/wasmstore.git`: stock git as the client of a served store, and clients that disconnect, stall or send malformed requests.

mod access;
mod disconnects;
mod disconnects_during_push;
mod fetches;
mod git_failures;
mod interrupted_uploads;
mod limits;
mod raw_requests;
mod resources;

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::support::program::{CommandOutput, World};
use crate::support::server::{Response, Server};

/// A time limit that only a failing test reaches.
const LONG: Duration = Duration::from_secs(30);

/// The `Content-Type` header of a fetch's requests.
const FETCH: &str = "Content-Type: application/x-git-upload-pack-request";

/// The `Content-Type` header of a push's requests.
const PUSH: &str = "Content-Type: application/x-git-receive-pack-request";

/// Returns the URL for git.
fn url(server: &Server) -> String {
    format!("http://{}/wasmstore.git", server.address)
}

/// Runs git in the world's directory, without the machine's configuration.
fn git(world: &World, args: &[&str]) -> CommandOutput {
    let mut command = world.command("git");
    command.env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
    command.args(args).output().unwrap().into()
}

/// Runs git, which must succeed, and returns its standard output.
#[track_caller]
fn git_ok(world: &World, args: &[&str]) -> String {
    let ran = git(world, args);
    assert_eq!(ran.code, Some(0), "git {args:?}: {}", ran.err);
    ran.out.trim_end().to_owned()
}

/// Runs git, which must fail, and returns its standard error.
#[track_caller]
fn git_fails(world: &World, args: &[&str]) -> String {
    let ran = git(world, args);
    assert_eq!(ran.code, Some(128), "git {args:?}: {ran:?}");
    ran.err
}

/// Checks a clone with git-fsck(1).
#[track_caller]
fn fsck(world: &World, clone: &str) {
    let found = git_ok(world, &["-C", clone, "fsck", "--strict", "--no-progress"]);
    assert_eq!(found, "", "{clone}");
}

/// Sends a request to a path below `/wasmstore.git` and returns the response.
fn request(server: &Server, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Response {
    let path = format!("/wasmstore.git/{path}");
    server.send(method, &path, headers, body)
}

/// Waits until `done` returns true.
#[track_caller]
fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < LONG, "timed out waiting until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Starts a server whose git runs `script` in the shell instead of serving a request. Other commands are passed on to the real git.
fn serve_with_script(world: &World, script: &str, args: &[&str]) -> Server {
    serve_with_script_and_variables(world, script, args, &[])
}

/// Starts such a server with variables in its environment.
fn serve_with_script_and_variables(
    world: &World,
    script: &str,
    args: &[&str],
    variables: &[(&str, &str)],
) -> Server {
    let directory = world.path("programs");
    fs::create_dir_all(&directory).unwrap();
    let program = directory.join("git");
    let wrapper = format!(
        "#!/bin/sh\nfor word; do case $word in upload-pack|receive-pack)\n{script}\n;; esac; done\n\
         PATH=${{PATH#*:}} exec git \"$@\"\n"
    );
    fs::write(&program, wrapper).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let inherited = std::env::var("PATH").unwrap();
    let path = format!("{}:{inherited}", directory.display());
    Server::start_with(world, args, &[variables, &[("PATH", &*path)]].concat())
}

/// Sends the head of a push. `headers` say how the body follows.
fn begin_push(server: &Server, headers: &str) -> TcpStream {
    let mut stream = server.connect();
    let head = format!(
        "POST /wasmstore.git/git-receive-pack HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{PUSH}\r\n{headers}\r\n\r\n",
        server.address
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// Returns whether the metrics count `count` requests for pushes with this outcome.
fn push_count_is(server: &Server, outcome: &str, count: u32) -> bool {
    let line = format!(
        r#"wasmstore_git_requests_total{{service="git-receive-pack",outcome="{outcome}"}} {count}"#
    );
    let metrics = server.get("/metrics");
    metrics.text().lines().any(|other| other == line)
}

/// Returns all files below a directory, sorted.
fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let paths = entries.map_while(|entry| Some(entry.ok()?.path()));
    let inside = |path: PathBuf| {
        if path.is_dir() {
            files(&path)
        } else {
            vec![path]
        }
    };
    let mut paths: Vec<_> = paths.flat_map(inside).collect();
    paths.sort_unstable();
    paths
}
