//! Clients that disconnect: git and the processes that it started end too.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use axum::body::Bytes;
use axum::http::Request;
use http_body_util::Full;
use hyper::client::conn::http2::handshake;
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::{FETCH, request, serve_with_script, wait_until};
use crate::support::program::World;
use crate::support::server::Server;
use crate::support::store::custom_section;

/// Starts a server whose git is silent, as while it counts objects, and has started another process. The returned function lists the
/// ids of those of the two that run.
fn serve_silent_git(world: &World) -> (Server, impl Fn() -> Vec<String>) {
    let pid_file = world.path("pids");
    let script = format!("sleep 600 & echo $$ $! >{}; wait", pid_file.display());
    let server = serve_with_script(world, &script, &[]);
    let running = move || {
        let pids = fs::read_to_string(&pid_file).unwrap_or_default();
        let alive = pids.split_whitespace().filter(|pid| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
            stat.is_ok_and(|stat| !stat.contains(") Z "))
        });
        alive.map(str::to_owned).collect()
    };
    (server, running)
}

/// Sends the head of a fetch whose body has this length.
fn begin_fetch(server: &Server, length: usize) -> TcpStream {
    let mut stream = server.connect();
    let head = format!(
        "POST /wasmstore.git/git-upload-pack HTTP/1.1\r\nHost: {}\r\n{FETCH}\r\nContent-Length: {length}\r\n\r\n",
        server.address
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

#[test]
fn silent_git_ends_when_the_client_disconnects() {
    let world = World::with_store("sha1");
    let (server, running) = serve_silent_git(&world);
    let mut stream = begin_fetch(&server, 4);
    stream.write_all(b"0000").unwrap();
    wait_until("git runs", || running().len() == 2);
    drop(stream);
    wait_until("git and its child end", || running().is_empty());
    wait_until("the request is counted", || {
        let metrics = server.get("/metrics");
        let left = r#"wasmstore_git_requests_total{service="git-upload-pack",outcome="left"} 1"#;
        metrics.text().contains(left) && metrics.text().contains("wasmstore_git_services 0")
    });
}

#[test]
fn git_that_waits_for_input_ends_when_the_client_disconnects() {
    let world = World::with_store("sha1");
    let server = Server::start(&world, &[]);
    let mut stream = begin_fetch(&server, 1000);
    stream.write_all(b"0032want").unwrap();
    wait_until("git runs", || server.git_processes().len() == 1);
    drop(stream);
    wait_until("git ends", || server.git_processes().is_empty());
}

/// Creates a store with a module that is larger than all buffers, and returns the request of its clone.
fn large_store() -> (World, String) {
    let world = World::with_store("sha1");
    let mut state = 1_u32;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    let large = world.file("large.wasm", custom_section(noise.take(24 << 20)));
    world.ok(&["add", large]);
    let want = format!("0032want {}\n00000009done\n", world.tip());
    (world, want)
}

/// Begins a clone and reads a little of the response.
fn begin_clone(server: &Server, want: &str) -> TcpStream {
    let mut stream = begin_fetch(server, want.len());
    stream.write_all(want.as_bytes()).unwrap();
    let mut beginning = [0; 1000];
    stream.read_exact(&mut beginning).unwrap();
    assert!(beginning.starts_with(b"HTTP/1.1 200 OK\r\n"));
    assert_eq!(server.git_processes().len(), 1);
    stream
}

#[test]
fn git_that_sends_ends_when_the_client_disconnects_or_stops_reading() {
    let (world, want) = large_store();
    let server = Server::start(&world, &["--idle-timeout", "1"]);
    drop(begin_clone(&server, &want));
    wait_until("git ends", || server.git_processes().is_empty());
    let _stalled = begin_clone(&server, &want);
    wait_until("git ends", || server.git_processes().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reset_http2_stream_ends_git_but_not_the_connection() {
    let world = World::with_store("sha1");
    let (server, running) = serve_silent_git(&world);
    let socket = tokio::net::TcpStream::connect(server.address).await;
    let connected = handshake(TokioExecutor::new(), TokioIo::new(socket.unwrap())).await;
    let (mut sender, connection) = connected.unwrap();
    let connection = tokio::spawn(connection);
    let (name, value) = FETCH.split_once(": ").unwrap();
    let path = "http://localhost/wasmstore.git/git-upload-pack";
    let request = Request::post(path).header(name, value);
    let request = request.body(Full::new(Bytes::from("0000"))).unwrap();
    let response = tokio::spawn(sender.send_request(request));
    wait_until("git runs", || running().len() == 2);
    response.abort();
    wait_until("git and its child end", || running().is_empty());
    assert!(!connection.is_finished());
    let request = Request::get("http://localhost/healthz").body(Full::default());
    let response = sender.send_request(request.unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
}

#[test]
fn git_that_ignores_sigterm_is_killed_at_shutdown() {
    let world = World::with_store("sha1");
    let (server, running) = serve_silent_git(&world);
    // Both shells ignore SIGTERM.
    let script = "trap '' TERM; sleep 600 & sleep 600; sleep 600";
    let pid_file = world.path("pids");
    drop(server);
    let script = format!("echo $$ >{}; {script}", pid_file.display());
    let server = serve_with_script(&world, &script, &["--shutdown-grace", "1"]);
    let mut stream = begin_fetch(&server, 4);
    stream.write_all(b"0000").unwrap();
    wait_until("git runs", || running().len() == 1);
    server.signal("TERM");
    let (code, log) = server.wait();
    assert_eq!(code, Some(0), "{log}");
    assert!(running().is_empty());
}

#[test]
fn request_that_ends_within_the_grace_is_answered() {
    let world = World::with_store("sha1");
    let server = serve_with_script(&world, "cat >/dev/null; sleep 1; printf 0000; exit 0", &[]);
    let answer = std::thread::scope(|scope| {
        let asked = scope.spawn(|| request(&server, "POST", "git-upload-pack", &[FETCH], b"0000"));
        wait_until("git runs", || !server.git_processes().is_empty());
        server.signal("TERM");
        asked.join().unwrap()
    });
    assert_eq!(
        (answer.status, answer.text()),
        (200, "4\r\n0000\r\n0\r\n\r\n")
    );
    assert_eq!(server.wait().0, Some(0));
}
