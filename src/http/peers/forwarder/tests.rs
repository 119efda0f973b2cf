//! What becomes of forwarded requests.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::*;

#[test]
fn headers_of_the_connection_are_not_forwarded() {
    let headers = [
        "host",
        "connection",
        "origin",
        "wasmstore-peer-key",
        "wasmstore-auth",
        "if-match",
    ]
    .map(|name| (HeaderName::from_static(name), HeaderValue::from_static("x")));
    let forwarded = forwarded_headers(&headers.into_iter().collect());
    let mut names: Vec<_> = forwarded.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["if-match", "wasmstore-auth"]);
}

#[tokio::test]
async fn a_server_that_refuses_connections_is_left_alone_for_a_while() {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", socket.local_addr().unwrap());
    let server = ServerUrl::parse(&server).unwrap();
    drop(socket);
    let forwarder = Forwarder::new().unwrap();
    assert!(forwarder.may_forward_to(&server));
    let forwarded = forwarder.forward(&server, rollback(&server)).await;
    assert!(matches!(forwarded, Forwarded::NotSent(_)));
    assert!(!forwarder.may_forward_to(&server));
    assert!(forwarder.may_forward_to(&ServerUrl::parse("http://other").unwrap()));
    assert_eq!(forwarder.counts(), ForwardCounts { ok: 0, failed: 1 });
}

/// Answers checks at once, if `is_alive`, and other requests after a delay.
fn slow_server(delay: Duration, is_alive: bool) -> ServerUrl {
    use std::io::{Read as _, Write as _};

    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", socket.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in socket.incoming() {
            std::thread::spawn(move || {
                let (mut stream, mut buffer) = (stream.unwrap(), [0; 4096]);
                let length = stream.read(&mut buffer).unwrap();
                let is_check = buffer[..length].starts_with(b"GET /healthz ");
                if !is_check || !is_alive {
                    std::thread::sleep(delay);
                }
                let head =
                    "HTTP/1.1 200 OK\r\nWasmstore-Generation: 1\r\nContent-Length: 0\r\n\r\n";
                let _ = stream.write_all(head.as_bytes());
            });
        }
    });
    ServerUrl::parse(&server).unwrap()
}

fn rollback(server: &ServerUrl) -> OutgoingRequest {
    OutgoingRequest {
        method: Method::POST,
        url: server.at("/api/v1/rollback"),
        headers: HeaderMap::new(),
        body: Bytes::new(),
    }
}

#[tokio::test]
async fn a_slow_server_that_is_alive_is_awaited() {
    let server = slow_server(Duration::from_millis(2500), true);
    let forwarder = Forwarder::new().unwrap();
    let forwarded = forwarder.forward(&server, rollback(&server)).await;
    assert!(matches!(forwarded, Forwarded::Response(_)));
    assert!(forwarder.may_forward_to(&server));
}

#[tokio::test]
async fn a_server_that_does_not_respond_to_checks_is_left_alone_for_a_while() {
    let server = slow_server(Duration::from_secs(30), false);
    let forwarder = Forwarder::new().unwrap();
    let begun = Instant::now();
    let forwarded = forwarder.forward(&server, rollback(&server)).await;
    assert!(matches!(forwarded, Forwarded::Unknown(Doubt::Dead(_))));
    assert!(begun.elapsed() >= CHECK_TIMEOUT);
    assert!(!forwarder.may_forward_to(&server));
}

/// Answers one request with a status, as a server of wasmstore does.
fn answer(status: &'static str) -> ServerUrl {
    use std::io::{Read as _, Write as _};

    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", socket.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = socket.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let head =
            format!("HTTP/1.1 {status}\r\nWasmstore-Generation: 1\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
    });
    ServerUrl::parse(&server).unwrap()
}

#[tokio::test]
async fn only_a_refusal_says_that_the_other_server_changes_nothing() {
    let outcome = async |status| {
        let server = answer(status);
        let forwarder = Forwarder::new().unwrap();
        match forwarder.forward(&server, rollback(&server)).await {
            Forwarded::Response(_) => "response",
            Forwarded::Refused(_) => "refused",
            Forwarded::NotSent(_) => "not sent",
            Forwarded::Unknown(_) => "unknown",
        }
    };
    for (status, expected) in [
        ("200 OK", "response"),
        ("412 Precondition Failed", "response"),
        ("403 Forbidden", "refused"),
        ("503 Service Unavailable", "refused"),
        ("507 Insufficient Storage", "refused"),
        ("500 Internal Server Error", "unknown"),
    ] {
        assert_eq!(outcome(status).await, expected, "{status}");
    }
}
