//! HTTP/2 over plain TCP with prior knowledge: what differs from HTTP/1.

use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use wasmstore::config::ServerLimits;

use super::test_server::{BIG_BYTES, LONG, TestServer, status};

/// The idle timeout.
const IDLE_TIMEOUT: Duration = Duration::from_secs(1);

pub type Sender = SendRequest<Full<Bytes>>;

fn limits() -> ServerLimits {
    ServerLimits {
        idle_timeout: IDLE_TIMEOUT,
        shutdown_grace: LONG,
        ..ServerLimits::default()
    }
}

/// Connects. The returned task ends with the connection.
pub async fn connect(server: &TestServer) -> (Sender, JoinHandle<hyper::Result<()>>) {
    let io = TokioIo::new(server.connect().await.0);
    let (sender, connection) = handshake(TokioExecutor::new(), io).await.unwrap();
    (sender, tokio::spawn(connection))
}

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let head = [0, 0, payload.len() as u8, kind, flags, 0, 0, 0, stream];
    [&head, payload].concat()
}

pub fn request(path: &str) -> Request<Full<Bytes>> {
    let request = Request::get(format!("http://localhost{path}"));
    request.body(Full::default()).unwrap()
}

async fn text(response: Response<Incoming>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn slow_handlers_and_slow_bodies_are_not_cut() {
    let server = TestServer::start(limits()).await;
    let (mut sender, _connection) = connect(&server).await;
    let slow = [
        sender.send_request(request("/slow/2000")),
        sender.send_request(request("/slow/10")),
    ];
    for response in slow {
        assert_eq!(text(response.await.unwrap()).await, "slow");
    }
    let response = sender.send_request(request("/slow-body/2000")).await;
    assert_eq!(text(response.unwrap()).await, "slow");
    server.stop().await;
}

#[tokio::test]
async fn idle_connection_is_closed_although_it_answers_pings() {
    let server = TestServer::start(limits()).await;
    let (sender, unused) = connect(&server).await;
    let (mut used, connection) = connect(&server).await;
    used.send_request(request("/")).await.unwrap();
    let _ = timeout(LONG, unused).await.unwrap().unwrap();
    let _ = timeout(LONG, connection).await.unwrap().unwrap();
    drop((sender, used));
    server.stop().await;
}

#[tokio::test]
async fn client_that_does_not_read_a_stream_is_cut_although_it_answers_pings() {
    let server = TestServer::start(limits()).await;
    let (mut sender, connection) = connect(&server).await;
    // The connection is read, the stream is not: its flow-control window stays closed.
    let response = sender.send_request(request("/big")).await.unwrap();
    let _ = timeout(LONG, connection).await.unwrap().unwrap();
    assert!(response.into_body().collect().await.is_err());
    server.stop().await;
}

#[tokio::test]
async fn client_that_does_not_read_is_cut_although_the_server_works_for_it() {
    let server = TestServer::start(ServerLimits {
        connections_max: 1,
        ..limits()
    })
    .await;
    let mut client = server.connect().await;
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    // The flow-control windows never close, so that only the socket blocks.
    bytes.extend(frame(4, 0, 0, &[0, 4, 0x40, 0, 0, 0]));
    bytes.extend(frame(8, 0, 0, &[0x40, 0, 0, 0]));
    for (stream, path) in [(1, "/slow/600000"), (3, "/big")] {
        let path = [&[0x04, path.len() as u8], path.as_bytes()].concat();
        let host = [&[0x01, 1], b"a" as &[u8]].concat();
        let head = [&[0x82, 0x86], &path[..], &host].concat();
        bytes.extend(frame(1, 5, stream, &head));
    }
    client.0.write_all(&bytes).await.unwrap();
    // The client does not read.
    assert_eq!(status(&server.get("/").await), "503");
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
    let server = TestServer::start(limits()).await;
    let (mut sender, _connection) = connect(&server).await;
    let response = sender.send_request(request("/big")).await.unwrap();
    let mut body = response.into_body();
    let (mut bytes, mut pause_at) = (0, 0);
    while let Some(frame) = timeout(LONG, body.frame()).await.unwrap() {
        bytes += frame.unwrap().into_data().unwrap().len();
        if bytes >= pause_at {
            pause_at += BIG_BYTES / 10;
            sleep(IDLE_TIMEOUT / 4).await;
        }
    }
    assert_eq!(bytes, BIG_BYTES);
    server.stop().await;
}

#[tokio::test]
async fn early_refusal_reaches_a_client_that_is_still_sending() {
    let server = TestServer::start(limits()).await;
    let (mut sender, _connection) = connect(&server).await;
    for _ in 0..30 {
        let upload = Request::post("http://localhost/refuse");
        let upload = upload.body(Full::from(vec![0; 4 << 20])).unwrap();
        let response = sender.send_request(upload).await.unwrap();
        assert_eq!(response.status(), 413);
    }
    server.stop().await;
}

#[tokio::test]
async fn shutdown_lets_requests_end_and_closes_idle_connections() {
    let server = TestServer::start(ServerLimits {
        idle_timeout: LONG,
        ..limits()
    })
    .await;
    let (_idle_sender, idle) = connect(&server).await;
    let (mut sender, connection) = connect(&server).await;
    let response = tokio::spawn(sender.send_request(request("/held")));
    server.held_request_started().await;
    server.shutdown.cancel();
    timeout(LONG, idle).await.unwrap().unwrap().unwrap();
    server.release_held_request();
    let response = response.await.unwrap().unwrap();
    assert_eq!(text(response).await, "held");
    assert!(sender.send_request(request("/")).await.is_err());
    timeout(LONG, connection).await.unwrap().unwrap().unwrap();
    server.stop().await;
}

#[tokio::test]
async fn requests_are_aborted_after_the_grace() {
    let server = TestServer::start(ServerLimits {
        shutdown_grace: Duration::from_millis(300),
        ..limits()
    })
    .await;
    let (mut sender, _connection) = connect(&server).await;
    let response = tokio::spawn(sender.send_request(request("/held")));
    server.held_request_started().await;
    server.stop().await;
    assert!(timeout(LONG, response).await.unwrap().unwrap().is_err());
}

#[tokio::test]
async fn heads_above_the_limit_get_431() {
    let server = TestServer::start(limits()).await;
    let (mut sender, _connection) = connect(&server).await;
    let mut large = request("/");
    for n in 0..200 {
        let name = axum::http::HeaderName::try_from(format!("a{n}")).unwrap();
        let value = "b".repeat(1000).parse().unwrap();
        large.headers_mut().insert(name, value);
    }
    match sender.send_request(large).await {
        Ok(response) => assert_eq!(response.status(), 431),
        // The client itself may refuse to send such a head.
        Err(error) => assert!(!error.is_parse(), "{error}"),
    }
    let (mut sender, _connection) = connect(&server).await;
    let response = sender.send_request(request("/")).await.unwrap();
    assert_eq!(response.status(), 200);
    server.stop().await;
}
