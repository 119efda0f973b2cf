//! The edge: what clients may do, and what they may not, before a route is asked.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use wasmstore::config::ServerLimits;
use wasmstore::http::Server;

use super::served::{BIG_BYTES, Client, LONG, Served, status};

const SHORT: Duration = Duration::from_millis(400);

fn limits() -> ServerLimits {
    ServerLimits::default()
}

fn impatient() -> ServerLimits {
    ServerLimits {
        idle_timeout: SHORT,
        ..limits()
    }
}

#[tokio::test]
async fn port_zero_is_a_free_port() {
    let server = Server::bind("localhost", 0).await.unwrap();
    assert!(server.address().ip().is_loopback());
    assert_ne!(server.address().port(), 0);
    assert!(
        Server::bind("127.0.0.1", server.address().port())
            .await
            .is_err()
    );
    assert!(Server::bind("no such host", 0).await.is_err());
}

#[tokio::test]
async fn an_address_in_brackets_is_bound() {
    // Not every machine has IPv6.
    if TcpListener::bind("[::1]:0").await.is_ok() {
        let server = Server::bind("[::1]", 0).await.unwrap();
        assert!(server.address().is_ipv6());
    }
}

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let served = Served::start(limits()).await;
    let mut client = served.connect().await;
    for _ in 0..100 {
        let answer = client.get("/").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
    }
    served.stop().await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let served = Served::start(impatient()).await;
    let mut client = served.connect().await;
    let request = |path| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    client
        .send(&(request("/slow/900") + &request("/") + &request("/peer")))
        .await;
    assert!(client.answer().await.ends_with("slow"));
    assert!(client.answer().await.ends_with("hello"));
    assert!(client.answer().await.ends_with("false"));
    served.stop().await;
}

#[tokio::test]
async fn a_request_knows_its_client() {
    let served = Served::start(limits()).await;
    let mut client = served.connect().await;
    let address = client.0.local_addr().unwrap();
    let answer = client.get("/peer").await;
    assert!(
        answer.ends_with(&format!("\r\n\r\n{address} false")),
        "{answer}"
    );
    served.stop().await;
}

#[tokio::test]
async fn a_head_that_drips_is_cut_while_others_are_served() {
    let served = Served::start(ServerLimits {
        header_timeout: SHORT,
        ..limits()
    })
    .await;
    for first in ["", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"] {
        let mut slow = served.connect().await;
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
            assert_eq!(status(&served.get("/").await), "200");
            sleep(Duration::from_millis(20)).await;
        }
        assert!(cut, "after {:?}", start.elapsed());
    }
    served.stop().await;
}

#[tokio::test]
async fn a_kept_connection_may_idle_longer_than_a_head_may_take() {
    let served = Served::start(ServerLimits {
        header_timeout: Duration::from_millis(100),
        ..limits()
    })
    .await;
    let mut client = served.connect().await;
    for _ in 0..3 {
        assert_eq!(status(&client.get("/").await), "200");
        sleep(Duration::from_millis(400)).await;
    }
    served.stop().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let served = Served::start(impatient()).await;
    let mut fresh = served.connect().await;
    let mut used = served.connect().await;
    used.get("/").await;
    assert_eq!(fresh.rest().await, "");
    assert_eq!(used.rest().await, "");
    // The HTTP/2 preface may not drip forever either.
    let mut dripping = served.connect().await;
    let mut cut = false;
    for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n" {
        cut |= dripping.0.write_all(&[*byte]).await.is_err();
        sleep(Duration::from_millis(100)).await;
    }
    assert!(cut);
    served.stop().await;
}

#[tokio::test]
async fn a_used_connection_is_not_idle() {
    let served = Served::start(impatient()).await;
    let mut client = served.connect().await;
    for _ in 0..15 {
        assert_eq!(status(&client.get("/").await), "200");
        sleep(SHORT / 4).await;
    }
    served.stop().await;
}

#[tokio::test]
async fn a_slow_handler_is_not_cut() {
    let served = Served::start(impatient()).await;
    let mut client = served.connect().await;
    for _ in 0..2 {
        assert!(client.get("/slow/1000").await.ends_with("slow"));
    }
    client.send("GET /slow-body/1000 HTTP/1.0\r\n\r\n").await;
    assert!(client.rest().await.ends_with("slow"));
    drop(client);
    served.stop().await;
}

#[tokio::test]
async fn a_slow_upload_is_not_cut_here() {
    let served = Served::start(impatient()).await;
    let mut client = served.connect().await;
    client
        .send("POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n")
        .await;
    for _ in 0..4 {
        sleep(SHORT * 3 / 2).await;
        client.send("x").await;
    }
    assert!(client.answer().await.ends_with("\r\n\r\n4"));
    served.stop().await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut() {
    let served = Served::start(ServerLimits {
        connections_max: 1,
        ..impatient()
    })
    .await;
    let mut client = served.connect().await;
    client.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n").await;
    // Its place is free again without it having closed.
    let start = Instant::now();
    while status(&served.get("/").await) != "200" {
        assert!(start.elapsed() < LONG);
        sleep(Duration::from_millis(50)).await;
    }
    assert!(client.rest().await.len() < BIG_BYTES);
    served.stop().await;
}

#[tokio::test]
async fn a_client_that_takes_slowly_is_not_cut() {
    let served = Served::start(impatient()).await;
    let mut client = served.connect().await;
    client.send("GET /big HTTP/1.0\r\n\r\n").await;
    let mut part = vec![0; BIG_BYTES / 16];
    for _ in 0..16 {
        sleep(SHORT / 4).await;
        timeout(LONG, client.0.read_exact(&mut part))
            .await
            .unwrap()
            .unwrap();
    }
    assert!(!client.rest().await.is_empty());
    drop(client);
    served.stop().await;
}

#[tokio::test]
async fn one_connection_too_many_is_told_so() {
    let served = Served::start(ServerLimits {
        connections_max: 2,
        ..limits()
    })
    .await;
    let mut clients = [served.connect().await, served.connect().await];
    for client in &mut clients {
        client.get("/").await;
    }
    for _ in 0..50 {
        let mut refused = served.connect().await;
        let answer = refused.answer().await;
        let head = answer.to_ascii_lowercase();
        assert!(
            answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
            "{answer}"
        );
        assert!(answer.ends_with("\r\n\r\ntoo many connections"), "{answer}");
        assert!(head.contains("\r\nretry-after: 1\r\n"), "{answer}");
        assert!(head.contains("\r\nconnection: close\r\n"), "{answer}");
        assert_eq!(refused.rest().await, "");
    }
    // Also one that has asked already gets it, and no reset.
    for _ in 0..50 {
        let mut refused = served.connect().await;
        let _ = refused.0.write_all(&[b'x'; 100_000]).await;
        assert_eq!(status(&refused.answer().await), "503");
    }
    assert_eq!(status(&clients[1].get("/").await), "200");
    let [first, _second] = clients;
    drop(first);
    let start = Instant::now();
    while status(&served.get("/").await) != "200" {
        assert!(start.elapsed() < LONG);
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_idle_and_dripping_connections_stop_nobody() {
    let served = Served::start(ServerLimits {
        header_timeout: LONG,
        ..limits()
    })
    .await;
    let mut idle = Vec::new();
    for _ in 0..1000 {
        idle.push(served.connect().await);
    }
    let mut dripping = Vec::new();
    for _ in 0..200 {
        dripping.push(served.connect().await);
    }
    for _ in 0..10 {
        for client in &mut dripping {
            client.send("G").await;
        }
        let answer = timeout(Duration::from_secs(5), served.get("/")).await;
        assert_eq!(status(&answer.unwrap()), "200");
    }
    assert_eq!(status(&idle[999].get("/").await), "200");
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_refusal_reaches_a_client_that_still_sends() {
    let served = Served::start(limits()).await;
    let part = vec![0; 1 << 20];
    for megabytes in [1, 4, 32] {
        for _ in 0..30 {
            let mut client = served.connect().await;
            let length = megabytes << 20;
            client
                .send(&format!(
                    "POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"
                ))
                .await;
            // It looks at the answer only when it has sent all.
            for _ in 0..megabytes {
                client.0.write_all(&part).await.unwrap();
            }
            let answer = client.answer().await;
            assert_eq!(status(&answer), "413", "{answer}");
            assert_eq!(client.rest().await, "");
        }
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_refusal_ends_an_endless_upload() {
    let served = Served::start(limits()).await;
    let stream = TcpStream::connect(served.address).await.unwrap();
    let (reader, mut writer) = stream.into_split();
    let upload = tokio::spawn(async move {
        let head = "POST /refuse HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        writer.write_all(head.as_bytes()).await.unwrap();
        let part = [b"10000\r\n".to_vec(), vec![0; 1 << 16], b"\r\n".to_vec()].concat();
        while writer.write_all(&part).await.is_ok() {}
    });
    let mut client = Client(tokio::io::join(reader, tokio::io::sink()));
    assert_eq!(status(&client.answer().await), "413");
    timeout(LONG, upload).await.unwrap().unwrap();
    served.stop().await;
}

#[tokio::test]
async fn malformed_heads_are_refused() {
    let served = Served::start(limits()).await;
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
        let mut client = served.connect().await;
        client.send(&head).await;
        let answer = client.rest().await;
        assert!(status(&answer).starts_with('4'), "{shown:?}: {answer:?}");
    }
    // A preface of HTTP/2 with rubbish behind it is not HTTP at all.
    let mut client = served.connect().await;
    client
        .send(&format!(
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{}",
            "x".repeat(1000)
        ))
        .await;
    client.rest().await;
    drop(client);
    assert_eq!(status(&served.get("/").await), "200");
    served.stop().await;
}
