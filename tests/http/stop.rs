//! The stop: what runs may end, within the grace; what idles ends at once.

use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use wasmstore::config::ServerLimits;

use super::served::{LONG, Served, status};

fn limits() -> ServerLimits {
    ServerLimits {
        shutdown_grace: LONG,
        ..ServerLimits::default()
    }
}

#[tokio::test]
async fn idle_connections_end_at_once() {
    let served = Served::start(limits()).await;
    let mut fresh = served.connect().await;
    let mut used = served.connect().await;
    used.get("/").await;
    let start = Instant::now();
    // Its clients do nothing about it.
    let address = served.address;
    served.stop().await;
    assert!(start.elapsed() < LONG / 2);
    assert_eq!(fresh.rest().await, "");
    assert_eq!(used.rest().await, "");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_head_that_drips_does_not_delay_the_stop() {
    let served = Served::start(ServerLimits {
        header_timeout: LONG,
        ..limits()
    })
    .await;
    let mut clients = [served.connect().await, served.connect().await];
    clients[1].get("/").await;
    for client in &mut clients {
        client.send("GET / HTTP/1.1\r\n").await;
    }
    sleep(Duration::from_millis(100)).await;
    let start = Instant::now();
    served.stop().await;
    assert!(start.elapsed() < LONG / 2);
}

#[tokio::test]
async fn a_running_request_ends_and_no_connection_is_accepted_meanwhile() {
    let served = Served::start(limits()).await;
    let mut client = served.connect().await;
    let answers = tokio::spawn(async move {
        let answer = client.get("/slow/1000").await;
        (answer, client.rest().await)
    });
    sleep(Duration::from_millis(300)).await;
    served.shutdown.cancel();
    sleep(Duration::from_millis(300)).await;
    assert!(TcpStream::connect(served.address).await.is_err());
    let (answer, rest) = timeout(LONG, answers).await.unwrap().unwrap();
    assert!(answer.ends_with("\r\n\r\nslow"), "{answer}");
    assert!(
        answer
            .to_ascii_lowercase()
            .contains("\r\nconnection: close\r\n")
    );
    assert_eq!(rest, "");
    served.stop().await;
}

#[tokio::test]
async fn a_request_is_cut_when_the_grace_is_over() {
    let served = Served::start(ServerLimits {
        shutdown_grace: Duration::from_millis(300),
        ..limits()
    })
    .await;
    let mut client = served.connect().await;
    client
        .send("GET /slow/600000 HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    let mut body = served.connect().await;
    body.send("GET /slow-body/600000 HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    assert_eq!(status(&body.answer().await), "200");
    served.stop().await;
    assert_eq!(client.rest().await, "");
    assert_eq!(body.rest().await, "");
}

#[tokio::test]
async fn a_server_that_is_dropped_cuts_all() {
    let served = Served::start(limits()).await;
    let mut client = served.connect().await;
    client
        .send("GET /slow/600000 HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    sleep(Duration::from_millis(100)).await;
    served.task.abort();
    assert_eq!(client.rest().await, "");
}

async fn socket(
    served: &Served,
) -> tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<TcpStream>> {
    let url = format!("ws://{}/socket", served.address);
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(
        socket.next().await.unwrap().unwrap(),
        Message::text("hello")
    );
    socket
}

#[tokio::test]
async fn an_upgraded_connection_says_goodbye() {
    let served = Served::start(limits()).await;
    let mut socket = socket(&served).await;
    let messages = tokio::spawn(async move {
        let last = socket.next().await.unwrap().unwrap();
        (last, socket.next().await.unwrap().unwrap())
    });
    served.stop().await;
    let (last, close) = messages.await.unwrap();
    assert_eq!(last, Message::text("goodbye"));
    assert!(close.is_close());
}

#[tokio::test]
async fn an_upgraded_connection_is_cut_when_the_grace_is_over() {
    let served = Served::start(ServerLimits {
        shutdown_grace: Duration::from_millis(300),
        ..limits()
    })
    .await;
    let mut socket = socket(&served).await;
    socket.send(Message::text("stay")).await.unwrap();
    sleep(Duration::from_millis(100)).await;
    served.stop().await;
    assert!(!matches!(socket.next().await, Some(Ok(_))));
}

#[tokio::test]
async fn an_upgraded_connection_keeps_its_place_and_its_clock() {
    let served = Served::start(ServerLimits {
        connections_max: 1,
        idle_timeout: Duration::from_millis(400),
        ..limits()
    })
    .await;
    let mut socket = socket(&served).await;
    for _ in 0..10 {
        sleep(Duration::from_millis(100)).await;
        socket.send(Message::text("x")).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("x"));
        assert_eq!(status(&served.get("/").await), "503");
    }
    // It falls silent.
    let end = timeout(LONG, socket.next()).await.unwrap();
    assert!(!matches!(end, Some(Ok(Message::Text(_)))));
    assert_eq!(status(&served.get("/").await), "200");
    served.stop().await;
}
