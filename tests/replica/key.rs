//! The key with which a replica asks its primary.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use super::{LONG, url};
use crate::support::program::{World, module};
use crate::support::server::{Answer, Server};

#[test]
fn the_key_for_the_primary_is_used_and_not_told() {
    let (world, other) = (World::with_store("sha1"), World::empty());
    world.add("a", 1);
    let primary = Server::start(&world, &["--auth", "geheim:GET;owner:*"]);
    let args = ["--replica-of", &url(&primary), "--auth", "reader:GET"];
    let replica = Server::start_with(&other, &args, &[("WASMSTORE_REPLICA_KEY", "geheim")]);
    let key = ["Wasmstore-Auth: reader"];
    let answer: Answer = replica.send("GET", "/api/v1/module/a", &key, b"");
    assert_eq!(answer.body, module(1));
    let owner = ["Wasmstore-Auth: owner"];
    let changed = primary.send("POST", "/api/v1/module/a", &owner, &module(2));
    assert_eq!(changed.status, 200);
    let began = Instant::now();
    while replica.send("GET", "/api/v1/module/a", &key, b"").body != module(2) {
        assert!(began.elapsed() < LONG, "{}", replica.log());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(!replica.log().contains("geheim"), "{}", replica.log());
    // Whoever may not change anything here is not sent on either.
    let answer = replica.send("POST", "/api/v1/module/a", &key, &module(3));
    assert_eq!(answer.status, 403);
}

/// Listens, answers everything with `answer`, and tells what was asked.
fn trap(answer: String) -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (told, asked) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut bytes = vec![0; 4096];
            let read = stream.read(&mut bytes).unwrap_or(0);
            let _ = stream.write_all(answer.as_bytes());
            let text = String::from_utf8_lossy(&bytes[..read]).into_owned();
            if told.send(text).is_err() {
                break;
            }
        }
    });
    (url, asked)
}

#[test]
fn whoever_the_primary_sends_the_replica_to_does_not_see_the_key() {
    let head = "Content-Length: 0\r\nConnection: close\r\n";
    let (other, seen_by_other) = trap(format!("HTTP/1.1 404 Not Found\r\n{head}\r\n"));
    let location = format!("Location: {other}/wasmstore.git/info/refs?service=git-upload-pack");
    let (primary, seen) = trap(format!("HTTP/1.1 302 Found\r\n{location}\r\n{head}\r\n"));
    let world = World::empty();
    let mut command = world.wasmstore(&["server", "--port", "0", "--replica-of", &primary]);
    let command = command.env("WASMSTORE_REPLICA_KEY", "geheim");
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let asked = seen.recv_timeout(LONG).unwrap();
    // Asked for the second time, it has done with the first answer.
    seen.recv_timeout(LONG).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(asked.contains("Wasmstore-Auth: geheim"), "{asked}");
    let told: Vec<String> = seen_by_other.try_iter().collect();
    let told = told.concat();
    assert!(!told.contains("geheim"), "{told}");
}
