//! The shutdown: running requests may end within the grace; idle connections are closed at once.

use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use wasmstore::config::ServerLimits;

use super::test_server::{LONG, TestServer, status};

fn limits() -> ServerLimits {
    ServerLimits {
        shutdown_grace: LONG,
        ..ServerLimits::default()
    }
}

#[tokio::test]
async fn idle_connections_are_closed_at_once() {
    let server = TestServer::start(limits()).await;
    let mut unused = server.connect().await;
    let mut used = server.connect().await;
    used.get("/").await;
    let start = Instant::now();
    // The clients do not close their side.
    let address = server.address;
    server.stop().await;
    assert!(start.elapsed() < LONG / 2);
    assert_eq!(unused.read_to_end().await, "");
    assert_eq!(used.read_to_end().await, "");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn incomplete_head_does_not_delay_the_shutdown() {
    let server = TestServer::start(ServerLimits {
        header_timeout: LONG,
        ..limits()
    })
    .await;
    let mut clients = [server.connect().await, server.connect().await];
    clients[1].get("/").await;
    for client in &mut clients {
        client.send("GET / HTTP/1.1\r\n").await;
    }
    sleep(Duration::from_millis(100)).await;
    let start = Instant::now();
    server.stop().await;
    assert!(start.elapsed() < LONG / 2);
}

#[tokio::test]
async fn running_request_ends_and_new_connections_are_refused() {
    let server = TestServer::start(limits()).await;
    let mut client = server.connect().await;
    let responses = tokio::spawn(async move {
        let response = client.get("/held").await;
        (response, client.read_to_end().await)
    });
    server.held_request_started().await;
    server.shutdown.cancel();
    server.connections_refused().await;
    assert!(!responses.is_finished());
    server.release_held_request();
    let (response, rest) = timeout(LONG, responses).await.unwrap().unwrap();
    assert!(response.ends_with("\r\n\r\nheld"), "{response}");
    assert!(
        response
            .to_ascii_lowercase()
            .contains("\r\nconnection: close\r\n")
    );
    assert_eq!(rest, "");
    server.stop().await;
}

#[tokio::test]
async fn requests_are_aborted_after_the_grace() {
    let server = TestServer::start(ServerLimits {
        shutdown_grace: Duration::from_millis(300),
        ..limits()
    })
    .await;
    let mut client = server.connect().await;
    client.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n").await;
    server.held_request_started().await;
    let mut body = server.connect().await;
    body.send("GET /slow-body/600000 HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    assert_eq!(status(&body.read_response().await), "200");
    server.stop().await;
    assert_eq!(client.read_to_end().await, "");
    assert_eq!(body.read_to_end().await, "");
}

#[tokio::test]
async fn dropping_the_server_aborts_its_requests() {
    let server = TestServer::start(limits()).await;
    let mut client = server.connect().await;
    client.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n").await;
    server.held_request_started().await;
    server.task.abort();
    assert_eq!(client.read_to_end().await, "");
}

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<TcpStream>>;

async fn open_socket(server: &TestServer) -> Socket {
    let url = format!("ws://{}/socket", server.address);
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    echo(&mut socket, "hello").await;
    socket
}

/// Sends a message and waits for its echo.
async fn echo(socket: &mut Socket, text: &str) {
    socket.send(Message::text(text)).await.unwrap();
    let echoed = timeout(LONG, socket.next()).await.unwrap();
    assert_eq!(echoed.unwrap().unwrap(), Message::text(text));
}

#[tokio::test]
async fn upgraded_connection_may_finish() {
    let server = TestServer::start(limits()).await;
    let mut socket = open_socket(&server).await;
    let messages = tokio::spawn(async move {
        let last = socket.next().await.unwrap().unwrap();
        (last, socket.next().await.unwrap().unwrap())
    });
    server.stop().await;
    let (last, close) = messages.await.unwrap();
    assert_eq!(last, Message::text("goodbye"));
    assert!(close.is_close());
}

#[tokio::test]
async fn upgraded_connection_is_aborted_after_the_grace() {
    let server = TestServer::start(ServerLimits {
        shutdown_grace: Duration::from_millis(300),
        ..limits()
    })
    .await;
    let mut socket = open_socket(&server).await;
    echo(&mut socket, "stay").await;
    server.stop().await;
    assert!(!matches!(socket.next().await, Some(Ok(_))));
}

#[tokio::test]
async fn upgraded_connection_keeps_its_permit_and_its_idle_timeout() {
    let idle_timeout = Duration::from_secs(2);
    let server = TestServer::start(ServerLimits {
        connections_max: 1,
        idle_timeout,
        ..limits()
    })
    .await;
    let mut socket = open_socket(&server).await;
    let start = Instant::now();
    while start.elapsed() < idle_timeout + idle_timeout / 4 {
        sleep(idle_timeout / 8).await;
        echo(&mut socket, "x").await;
        assert_eq!(status(&server.get("/").await), "503");
    }
    // Without further messages it is closed.
    let end = timeout(LONG, socket.next()).await.unwrap();
    assert!(!matches!(end, Some(Ok(Message::Text(_)))));
    assert_eq!(status(&server.get("/").await), "200");
    server.stop().await;
}
