//! The listener: connection limits, timeouts, malformed requests and early responses, before a request reaches a route.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use wasmstore::config::ServerLimits;
use wasmstore::http::Server;

use super::test_server::{BIG_BYTES, LONG, RawClient, TestServer, bind, status};

/// An idle timeout for tests in which the connection is closed, or in which it is the server's turn for longer than that.
const SHORT: Duration = Duration::from_millis(400);

/// An idle timeout for tests in which the client is active in time, also on a busy machine.
const MEDIUM: Duration = Duration::from_secs(2);

fn limits() -> ServerLimits {
    ServerLimits::default()
}

fn idle_timeout(idle_timeout: Duration) -> ServerLimits {
    ServerLimits {
        idle_timeout,
        ..limits()
    }
}

#[tokio::test]
async fn port_zero_selects_a_free_port() {
    let server = bind("localhost:0").await;
    let address = server.addresses()[0].tcp().unwrap();
    assert!(address.ip().is_loopback());
    assert_ne!(address.port(), 0);
    for taken in [address.to_string(), "no such host:0".to_owned()] {
        let taken = taken.parse().unwrap();
        let (failed, _) = Server::bind(std::slice::from_ref(&taken))
            .await
            .unwrap_err();
        assert_eq!(failed, taken);
    }
}

#[tokio::test]
async fn address_in_brackets_is_accepted() {
    // Not every machine has IPv6.
    if TcpListener::bind("[::1]:0").await.is_ok() {
        let server = bind("[::1]:0").await;
        assert!(server.addresses()[0].tcp().unwrap().is_ipv6());
    }
}

#[tokio::test]
async fn connection_serves_many_requests() {
    let server = TestServer::start(limits()).await;
    let mut client = server.connect().await;
    for _ in 0..100 {
        let response = client.get("/").await;
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
        assert!(response.ends_with("\r\n\r\nhello"), "{response}");
    }
    server.stop().await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = TestServer::start(idle_timeout(SHORT)).await;
    let mut client = server.connect().await;
    let request = |path| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    client
        .send(&(request("/slow/900") + &request("/") + &request("/peer")))
        .await;
    assert!(client.read_response().await.ends_with("slow"));
    assert!(client.read_response().await.ends_with("hello"));
    assert!(client.read_response().await.ends_with("false"));
    server.stop().await;
}

#[tokio::test]
async fn request_carries_the_address_of_its_client() {
    let server = TestServer::start(limits()).await;
    let mut client = server.connect().await;
    let address = client.0.local_addr().unwrap();
    let response = client.get("/peer").await;
    assert!(
        response.ends_with(&format!("\r\n\r\n{address} false")),
        "{response}"
    );
    server.stop().await;
}

#[tokio::test]
async fn dripping_head_is_cut_while_others_are_served() {
    let server = TestServer::start(ServerLimits {
        header_timeout: Duration::from_secs(1),
        ..limits()
    })
    .await;
    for first in ["", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"] {
        let mut slow = server.connect().await;
        if !first.is_empty() {
            slow.get("/").await;
        }
        let start = Instant::now();
        let mut cut = false;
        for _ in 0..1000 {
            if slow.0.write_all(b"G").await.is_err() {
                cut = true;
                break;
            }
            assert_eq!(status(&server.get("/").await), "200");
            sleep(Duration::from_millis(20)).await;
        }
        assert!(cut, "after {:?}", start.elapsed());
    }
    server.stop().await;
}

#[tokio::test]
async fn kept_alive_connection_may_idle_longer_than_the_header_timeout() {
    let server = TestServer::start(ServerLimits {
        header_timeout: Duration::from_secs(1),
        ..limits()
    })
    .await;
    let mut client = server.connect().await;
    assert_eq!(status(&client.get("/").await), "200");
    for _ in 0..2 {
        sleep(Duration::from_millis(1500)).await;
        assert_eq!(status(&client.get("/").await), "200");
    }
    server.stop().await;
}

#[tokio::test]
async fn idle_connection_is_closed() {
    let server = TestServer::start(idle_timeout(SHORT)).await;
    let mut unused = server.connect().await;
    let mut used = server.connect().await;
    used.get("/").await;
    assert_eq!(unused.read_to_end().await, "");
    assert_eq!(used.read_to_end().await, "");
    // An incomplete HTTP/2 preface is cut too.
    let mut dripping = server.connect().await;
    let mut cut = false;
    for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n" {
        cut |= dripping.0.write_all(&[*byte]).await.is_err();
        sleep(Duration::from_millis(100)).await;
    }
    assert!(cut);
    server.stop().await;
}

#[tokio::test]
async fn connection_in_use_is_not_idle() {
    let server = TestServer::start(idle_timeout(MEDIUM)).await;
    let mut client = server.connect().await;
    for _ in 0..6 {
        assert_eq!(status(&client.get("/").await), "200");
        sleep(MEDIUM / 4).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn slow_handler_is_not_cut() {
    let server = TestServer::start(idle_timeout(SHORT)).await;
    let mut client = server.connect().await;
    for _ in 0..2 {
        assert!(client.get("/slow/1000").await.ends_with("slow"));
    }
    client.send("GET /slow-body/1000 HTTP/1.0\r\n\r\n").await;
    assert!(client.read_to_end().await.ends_with("slow"));
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn slow_upload_is_not_cut_by_the_idle_timeout() {
    let server = TestServer::start(idle_timeout(SHORT)).await;
    let mut client = server.connect().await;
    client
        .send("POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n")
        .await;
    for _ in 0..4 {
        sleep(SHORT * 3 / 2).await;
        client.send("x").await;
    }
    assert!(client.read_response().await.ends_with("\r\n\r\n4"));
    server.stop().await;
}

#[tokio::test]
async fn client_that_does_not_read_is_cut() {
    let server = TestServer::start(ServerLimits {
        connections_max: 1,
        ..idle_timeout(SHORT)
    })
    .await;
    let mut client = server.connect().await;
    client.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n").await;
    // Its permit is released although the client has not closed the connection.
    let start = Instant::now();
    while status(&server.get("/").await) != "200" {
        assert!(start.elapsed() < LONG);
        sleep(Duration::from_millis(50)).await;
    }
    assert!(client.read_to_end().await.len() < BIG_BYTES);
    server.stop().await;
}

#[tokio::test]
async fn client_that_reads_slowly_is_not_cut() {
    let server = TestServer::start(idle_timeout(MEDIUM)).await;
    let mut client = server.connect().await;
    client.send("GET /big HTTP/1.0\r\n\r\n").await;
    let mut part = vec![0; BIG_BYTES / 16];
    for _ in 0..16 {
        sleep(MEDIUM / 12).await;
        timeout(LONG, client.0.read_exact(&mut part))
            .await
            .unwrap()
            .unwrap();
    }
    assert!(!client.read_to_end().await.is_empty());
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn connection_above_the_limit_gets_503() {
    let server = TestServer::start(ServerLimits {
        connections_max: 2,
        ..limits()
    })
    .await;
    let mut clients = [server.connect().await, server.connect().await];
    for client in &mut clients {
        client.get("/").await;
    }
    for _ in 0..50 {
        let mut refused = server.connect().await;
        let response = refused.read_response().await;
        let head = response.to_ascii_lowercase();
        assert!(
            response.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
            "{response}"
        );
        assert!(
            response.ends_with("\r\n\r\ntoo many connections"),
            "{response}"
        );
        assert!(head.contains("\r\nretry-after: 1\r\n"), "{response}");
        assert!(head.contains("\r\nconnection: close\r\n"), "{response}");
        assert_eq!(refused.read_to_end().await, "");
    }
    // So does a client that is already sending, instead of a reset.
    for _ in 0..50 {
        let mut refused = server.connect().await;
        let _ = refused.0.write_all(&[b'x'; 100_000]).await;
        assert_eq!(status(&refused.read_response().await), "503");
    }
    assert_eq!(status(&clients[1].get("/").await), "200");
    let [first, _second] = clients;
    drop(first);
    let start = Instant::now();
    while status(&server.get("/").await) != "200" {
        assert!(start.elapsed() < LONG);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_idle_and_dripping_connections_do_not_block_others() {
    let server = TestServer::start(ServerLimits {
        header_timeout: LONG,
        ..limits()
    })
    .await;
    let mut idle = Vec::new();
    for _ in 0..1000 {
        idle.push(server.connect().await);
    }
    let mut dripping = Vec::new();
    for _ in 0..200 {
        dripping.push(server.connect().await);
    }
    for _ in 0..10 {
        for client in &mut dripping {
            client.send("G").await;
        }
        let response = timeout(LONG, server.get("/")).await;
        assert_eq!(status(&response.unwrap()), "200");
    }
    assert_eq!(status(&idle[999].get("/").await), "200");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn early_refusal_reaches_a_client_that_is_still_sending() {
    let server = TestServer::start(limits()).await;
    let part = vec![0; 1 << 20];
    for megabytes in [1, 4, 32] {
        for _ in 0..30 {
            let mut client = server.connect().await;
            let length = megabytes << 20;
            client
                .send(&format!(
                    "POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"
                ))
                .await;
            // It reads the response only after it has sent everything.
            for _ in 0..megabytes {
                client.0.write_all(&part).await.unwrap();
            }
            let response = client.read_response().await;
            assert_eq!(status(&response), "413", "{response}");
            assert_eq!(client.read_to_end().await, "");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn early_refusal_ends_an_endless_upload() {
    let server = TestServer::start(limits()).await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (reader, mut writer) = stream.into_split();
    let upload = tokio::spawn(async move {
        let head = "POST /refuse HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        writer.write_all(head.as_bytes()).await.unwrap();
        let part = [b"10000\r\n".to_vec(), vec![0; 1 << 16], b"\r\n".to_vec()].concat();
        while writer.write_all(&part).await.is_ok() {}
    });
    let mut client = RawClient(tokio::io::join(reader, tokio::io::sink()));
    assert_eq!(status(&client.read_response().await), "413");
    timeout(LONG, upload).await.unwrap().unwrap();
    server.stop().await;
}

#[tokio::test]
async fn malformed_heads_are_rejected() {
    let server = TestServer::start(limits()).await;
    let many: String = (0..500).map(|n| format!("A{n}: b\r\n")).collect();
    let heads = [
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        "\0\0\0\0\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nno colon\r\n\r\n".to_owned(),
        "GET /\u{7f} HTTP/1.1\r\n\r\n".to_owned(),
        "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n".to_owned(),
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".to_owned(),
        "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n".to_owned(),
        format!("GET / HTTP/1.1\r\n{many}\r\n"),
        format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(1 << 20)),
        format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "a".repeat(1 << 20)),
        "\u{16}\u{3}\u{1}\0\u{5}hello\r\n\r\n".to_owned(),
    ];
    for head in heads {
        let shown: String = head.chars().take(60).collect();
        let mut client = server.connect().await;
        client.send(&head).await;
        let response = client.read_to_end().await;
        assert!(
            status(&response).starts_with('4'),
            "{shown:?}: {response:?}"
        );
    }
    // An HTTP/2 preface followed by garbage gets no response.
    let mut client = server.connect().await;
    client
        .send(&format!(
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{}",
            "x".repeat(1000)
        ))
        .await;
    client.read_to_end().await;
    drop(client);
    assert_eq!(status(&server.get("/").await), "200");
    server.stop().await;
}
