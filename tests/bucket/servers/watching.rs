//! Watches that are resumed on another server.

use std::io::{BufRead as _, BufReader, Write as _};

use super::*;

/// Connects as a watcher, and returns the status line and the headers of the response.
fn watch(server: &Server, query: &str) -> String {
    let mut stream = server.connect();
    let request = format!(
        "GET /api/v1/watch?{query} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        server.address
    );
    stream.write_all(request.as_bytes()).unwrap();
    let lines = BufReader::new(stream).lines().map(|line| line.unwrap());
    let head: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    head.join("\n").to_lowercase()
}

fn commit(response: &Response) -> String {
    let commit = response.header("wasmstore-commit");
    commit.expect(&response.head).to_owned()
}

#[test]
fn a_server_that_is_behind_and_cannot_reach_the_bucket_asks_watchers_to_come_back() {
    let cluster = Cluster::new();
    let (one, two) = (cluster.start("one", &[]), cluster.start("two", &[]));
    let made = commit(&post(&one, "/module/a", &[], &module(1)));
    cluster.make_unreachable();
    let refused = watch(&two, &format!("since={made}"));
    assert!(refused.starts_with("http/1.1 503 "), "{refused}");
    assert!(refused.contains("retry-after: 1"), "{refused}");
    assert!(watch(&two, "").starts_with("http/1.1 101 "));
    cluster.make_reachable();
    assert!(watch(&two, &format!("since={made}")).starts_with("http/1.1 101 "));
}

#[test]
fn a_watch_of_a_branch_that_another_server_has_just_created_can_be_resumed() {
    let cluster = Cluster::new();
    let (one, two) = (cluster.start("one", &[]), cluster.start("two", &[]));
    put(&one, "a", 1);
    assert_eq!(post(&one, "/branch/side", &[], b"").status, 200);
    let headers = ["Wasmstore-Branch: side"];
    let made = commit(&post(&one, "/module/b", &headers, &module(2)));
    assert_eq!(get(&two, "/modules", &headers).status, 404);
    let resumed = watch(&two, &format!("branch=side&since={made}"));
    assert!(resumed.starts_with("http/1.1 101 "), "{resumed}");
    let unknown = watch(&two, &format!("branch=other&since={made}"));
    assert!(unknown.starts_with("http/1.1 404 "), "{unknown}");
}
