//! The key that a replica sends to its primary.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use super::{LONG, url};
use crate::support::program::{World, module};
use crate::support::server::{Response, Server};

#[test]
fn the_key_for_the_primary_is_used_and_never_logged() {
    let (world, other) = (World::with_store("sha1"), World::empty());
    world.add("a", 1);
    let primary = Server::start(&world, &["--auth", "geheim:GET;owner:*"]);
    let args = ["--replica-of", &url(&primary), "--auth", "reader:GET"];
    let replica = Server::start_with(&other, &args, &[("WASMSTORE_REPLICA_KEY", "geheim")]);
    let key = ["Wasmstore-Auth: reader"];
    let response: Response = replica.send("GET", "/api/v1/module/a", &key, b"");
    assert_eq!(response.body, module(1));
    let owner = ["Wasmstore-Auth: owner"];
    let changed = primary.send("POST", "/api/v1/module/a", &owner, &module(2));
    assert_eq!(changed.status, 200);
    let start = Instant::now();
    while replica.send("GET", "/api/v1/module/a", &key, b"").body != module(2) {
        assert!(start.elapsed() < LONG, "{}", replica.log());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(!replica.log().contains("geheim"), "{}", replica.log());
    // A client without the permission to write is refused, not redirected.
    let response = replica.send("POST", "/api/v1/module/a", &key, &module(3));
    assert_eq!(response.status, 403);
}

/// Starts a server that sends the same response to every request; returns its URL and the requests.
fn recording_server(response: String) -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, requests) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut bytes = vec![0; 4096];
            let read = stream.read(&mut bytes).unwrap_or(0);
            let _ = stream.write_all(response.as_bytes());
            let text = String::from_utf8_lossy(&bytes[..read]).into_owned();
            if sender.send(text).is_err() {
                break;
            }
        }
    });
    (url, requests)
}

#[test]
fn the_key_is_not_sent_to_the_target_of_a_redirect() {
    let head = "Content-Length: 0\r\nConnection: close\r\n";
    let (other, other_requests) = recording_server(format!("HTTP/1.1 404 Not Found\r\n{head}\r\n"));
    let location = format!("Location: {other}/wasmstore.git/info/refs?service=git-upload-pack");
    let (primary, requests) =
        recording_server(format!("HTTP/1.1 302 Found\r\n{location}\r\n{head}\r\n"));
    let world = World::empty();
    let mut command = world.wasmstore(&["server", "--port", "0", "--replica-of", &primary]);
    let command = command.env("WASMSTORE_REPLICA_KEY", "geheim");
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let first = requests.recv_timeout(LONG).unwrap();
    // The second request shows that the replica has finished with the first response.
    requests.recv_timeout(LONG).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(first.contains("Wasmstore-Auth: geheim"), "{first}");
    let redirected = other_requests.try_iter().collect::<String>();
    assert!(!redirected.contains("geheim"), "{redirected}");
}
