//! Clients that read too slowly while other requests wait for memory. The idle timeout is longer than the tests.

use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt as _;
use tokio::time::{sleep, timeout};
use wasmstore::budget::{ByteBudget, Charge};
use wasmstore::config::ServerLimits;

use super::http2::{connect, request};
use super::test_server::{LONG, TestServer, bind, status};

/// A server of one connection at a time, whose memory is used up and waited for.
async fn server_with_waiting_request() -> (TestServer, Charge) {
    let memory = ByteBudget::new(1);
    let held = memory.try_charge(1).unwrap();
    tokio::spawn(memory.wait(1));
    while memory.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    let server = bind("127.0.0.1:0").await.with_memory(memory);
    let limits = ServerLimits {
        connections_max: 1,
        idle_timeout: LONG * 10,
        ..ServerLimits::default()
    };
    (TestServer::serve(server, limits, None), held)
}

/// Waits until the server has closed its only connection.
async fn permit_is_free(server: &TestServer) {
    let start = Instant::now();
    while status(&server.get("/").await) != "200" {
        assert!(start.elapsed() < LONG);
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn unread_http2_stream_is_cut_although_others_are_read() {
    let (server, _held) = server_with_waiting_request().await;
    let (mut sender, connection) = connect(&server).await;
    let unread = sender.send_request(request("/big")).await.unwrap();
    let start = Instant::now();
    while let Ok(response) = sender.send_request(request("/")).await {
        assert_eq!(response.status(), 200);
        assert!(start.elapsed() < LONG, "the connection stays open");
        sleep(Duration::from_millis(100)).await;
    }
    let _ = timeout(LONG, connection).await.unwrap().unwrap();
    drop(unread);
    server.stop().await;
}

#[tokio::test]
async fn http1_response_that_is_read_in_small_parts_is_cut() {
    let (server, _held) = server_with_waiting_request().await;
    let mut client = server.connect().await;
    client.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let trickle = async {
        let mut part = [0; 1 << 10];
        while client.0.read_exact(&mut part).await.is_ok() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        () = trickle => {}
        () = permit_is_free(&server) => {}
    }
    drop(client);
    permit_is_free(&server).await;
    server.stop().await;
}
