//! HTTP/2, over plain TCP by prior knowledge: what differs from HTTP/1.

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

use super::served::{BIG_BYTES, LONG, Served, status};

const SHORT: Duration = Duration::from_millis(400);

type Sender = SendRequest<Full<Bytes>>;

fn limits() -> ServerLimits {
    ServerLimits {
        idle_timeout: SHORT,
        shutdown_grace: LONG,
        ..ServerLimits::default()
    }
}

/// Connects. The task ends with the connection.
async fn connect(served: &Served) -> (Sender, JoinHandle<hyper::Result<()>>) {
    let io = TokioIo::new(served.connect().await.0);
    let (sender, connection) = handshake(TokioExecutor::new(), io).await.unwrap();
    (sender, tokio::spawn(connection))
}

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let head = [0, 0, payload.len() as u8, kind, flags, 0, 0, 0, stream];
    [&head, payload].concat()
}

fn request(path: &str) -> Request<Full<Bytes>> {
    let request = Request::get(format!("http://localhost{path}"));
    request.body(Full::default()).unwrap()
}

async fn text(response: Response<Incoming>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn slow_handlers_and_slow_bodies_are_not_cut() {
    let served = Served::start(limits()).await;
    let (mut sender, _connection) = connect(&served).await;
    let slow = [
        sender.send_request(request("/slow/1000")),
        sender.send_request(request("/slow/10")),
    ];
    for response in slow {
        assert_eq!(text(response.await.unwrap()).await, "slow");
    }
    let response = sender.send_request(request("/slow-body/1000")).await;
    assert_eq!(text(response.unwrap()).await, "slow");
    served.stop().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_although_it_answers_pings() {
    let served = Served::start(limits()).await;
    let (sender, fresh) = connect(&served).await;
    let (mut used, connection) = connect(&served).await;
    used.send_request(request("/")).await.unwrap();
    let _ = timeout(LONG, fresh).await.unwrap().unwrap();
    let _ = timeout(LONG, connection).await.unwrap().unwrap();
    drop((sender, used));
    served.stop().await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut_although_it_answers_pings() {
    let served = Served::start(limits()).await;
    let (mut sender, connection) = connect(&served).await;
    // The connection goes on reading, the stream does not: its window stays shut.
    let response = sender.send_request(request("/big")).await.unwrap();
    let _ = timeout(LONG, connection).await.unwrap().unwrap();
    assert!(response.into_body().collect().await.is_err());
    served.stop().await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut_although_the_server_works_for_it() {
    let served = Served::start(ServerLimits {
        connections_max: 1,
        ..limits()
    })
    .await;
    let mut client = served.connect().await;
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    // Windows that never shut: only the socket is in the way.
    bytes.extend(frame(4, 0, 0, &[0, 4, 0x40, 0, 0, 0]));
    bytes.extend(frame(8, 0, 0, &[0x40, 0, 0, 0]));
    for (stream, path) in [(1, "/slow/600000"), (3, "/big")] {
        let path = [&[0x04, path.len() as u8], path.as_bytes()].concat();
        let host = [&[0x01, 1], b"a" as &[u8]].concat();
        let head = [&[0x82, 0x86], &path[..], &host].concat();
        bytes.extend(frame(1, 5, stream, &head));
    }
    client.0.write_all(&bytes).await.unwrap();
    // It reads nothing.
    assert_eq!(status(&served.get("/").await), "503");
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
    let served = Served::start(limits()).await;
    let (mut sender, _connection) = connect(&served).await;
    let response = sender.send_request(request("/big")).await.unwrap();
    let mut body = response.into_body();
    let (mut bytes, mut pause_at) = (0, 0);
    while let Some(frame) = timeout(LONG, body.frame()).await.unwrap() {
        bytes += frame.unwrap().into_data().unwrap().len();
        if bytes >= pause_at {
            pause_at += BIG_BYTES / 10;
            sleep(SHORT / 4).await;
        }
    }
    assert_eq!(bytes, BIG_BYTES);
    served.stop().await;
}

#[tokio::test]
async fn an_early_refusal_reaches_a_client_that_still_sends() {
    let served = Served::start(limits()).await;
    let (mut sender, _connection) = connect(&served).await;
    for _ in 0..30 {
        let upload = Request::post("http://localhost/refuse");
        let upload = upload.body(Full::from(vec![0; 4 << 20])).unwrap();
        let response = sender.send_request(upload).await.unwrap();
        assert_eq!(response.status(), 413);
    }
    served.stop().await;
}

#[tokio::test]
async fn the_stop_lets_requests_end_and_idle_connections_go() {
    let served = Served::start(ServerLimits {
        idle_timeout: LONG,
        ..limits()
    })
    .await;
    let (_idle_sender, idle) = connect(&served).await;
    let (mut sender, connection) = connect(&served).await;
    let response = tokio::spawn(sender.send_request(request("/slow/1000")));
    sleep(Duration::from_millis(300)).await;
    served.shutdown.cancel();
    timeout(LONG, idle).await.unwrap().unwrap().unwrap();
    let response = response.await.unwrap().unwrap();
    assert_eq!(text(response).await, "slow");
    assert!(sender.send_request(request("/")).await.is_err());
    timeout(LONG, connection).await.unwrap().unwrap().unwrap();
    served.stop().await;
}

#[tokio::test]
async fn a_request_is_cut_when_the_grace_is_over() {
    let served = Served::start(ServerLimits {
        shutdown_grace: Duration::from_millis(300),
        ..limits()
    })
    .await;
    let (mut sender, _connection) = connect(&served).await;
    let response = tokio::spawn(sender.send_request(request("/slow/600000")));
    sleep(Duration::from_millis(100)).await;
    served.stop().await;
    assert!(timeout(LONG, response).await.unwrap().unwrap().is_err());
}

#[tokio::test]
async fn heads_have_a_limit() {
    let served = Served::start(limits()).await;
    let (mut sender, _connection) = connect(&served).await;
    let mut large = request("/");
    for n in 0..200 {
        let name = axum::http::HeaderName::try_from(format!("a{n}")).unwrap();
        let value = "b".repeat(1000).parse().unwrap();
        large.headers_mut().insert(name, value);
    }
    match sender.send_request(large).await {
        Ok(response) => assert_eq!(response.status(), 431),
        // The client itself may see that it asks for too much.
        Err(error) => assert!(!error.is_parse(), "{error}"),
    }
    let (mut sender, _connection) = connect(&served).await;
    let response = sender.send_request(request("/")).await.unwrap();
    assert_eq!(response.status(), 200);
    served.stop().await;
}
