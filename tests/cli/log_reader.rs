//! A reader of the log that stops reading.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use crate::support::program::World;

/// Far longer than a request takes, and far shorter than a reader that never reads again.
const LONG: Duration = Duration::from_secs(30);

/// More requests than a pipe holds log lines, and more than the queue behind it holds.
const REQUESTS: usize = 12_000;

#[test]
fn requests_are_answered_while_nobody_reads_the_log() {
    let world = World::with_store("sha1");
    let mut command = world.wasmstore(&["server", "--port", "0"]);
    let mut server = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(server.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("listening on ") {
        line.clear();
        assert_ne!(log.read_line(&mut line).unwrap(), 0);
    }
    let (_, address) = line.split_once("http://").unwrap();
    let address = address.split(' ').next().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    let mut get = |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        read_one(&mut stream)
    };
    for _ in 0..REQUESTS {
        assert_eq!(get("/healthz"), "ok");
    }
    let metrics = get("/metrics");
    let dropped = metrics
        .lines()
        .find_map(|line| line.strip_prefix("wasmstore_log_lines_dropped_total "));
    let dropped: usize = dropped.unwrap().parse().unwrap();
    assert!((1..REQUESTS).contains(&dropped), "{dropped}");
    // The reader reads again, and learns what it missed.
    let mut lines = log.lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("dropped log lines: standard error was not read")));
    server.kill().unwrap();
    server.wait().unwrap();
}

/// Reads a response that has a `Content-Length`, and returns its body.
fn read_one(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let (_, rest) = head.split_once("content-length: ").unwrap();
    let length = rest.split('\r').next().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}
