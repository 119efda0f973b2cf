//! A server on a free port with a few routes that behave in telling ways, and a client that speaks plain bytes.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::extract::{Extension, Path};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use futures_util::stream;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use wasmstore::config::ServerLimits;
use wasmstore::http::{Peer, Server, ShutdownGuard, Tls};

/// Far longer than anything takes that works.
pub const LONG: Duration = Duration::from_secs(20);

pub const BIG_BYTES: usize = 64 << 20;

/// A server that runs.
pub struct Served {
    pub address: SocketAddr,
    pub shutdown: CancellationToken,
    pub task: JoinHandle<()>,
}

impl Served {
    pub async fn start(limits: ServerLimits) -> Self {
        Self::start_with(limits, None).await
    }

    pub async fn start_with(limits: ServerLimits, tls: Option<Tls>) -> Self {
        let server = Server::bind("127.0.0.1", 0).await.unwrap();
        let address = server.address();
        let shutdown = CancellationToken::new();
        let token = shutdown.clone();
        let task = tokio::spawn(async move {
            let app = app(token.clone());
            server.serve(app, tls, &limits, token).await;
        });
        Self {
            address,
            shutdown,
            task,
        }
    }

    pub async fn connect(&self) -> Client<TcpStream> {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    /// Asks for a page over a new connection.
    pub async fn get(&self, path: &str) -> String {
        self.connect().await.get(path).await
    }

    /// Stops it and waits for its end.
    pub async fn stop(self) {
        self.shutdown.cancel();
        timeout(LONG, self.task).await.unwrap().unwrap();
    }
}

/// A client on one connection.
pub struct Client<S>(pub S);

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Asks for a page and keeps the connection.
    pub async fn get(&mut self, path: &str) -> String {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"))
            .await;
        self.answer().await
    }

    /// An answer that tells its length.
    pub async fn answer(&mut self) -> String {
        timeout(LONG, self.read_answer()).await.unwrap()
    }

    async fn read_answer(&mut self) -> String {
        let mut text = Vec::new();
        while !text.ends_with(b"\r\n\r\n") {
            text.push(self.0.read_u8().await.unwrap());
        }
        let head = String::from_utf8(text).unwrap();
        let length = head
            .to_ascii_lowercase()
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ").map(str::to_owned))
            .map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.unwrap();
        head + &String::from_utf8(body).unwrap()
    }

    /// What comes until the connection ends, however it ends.
    pub async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        let end = timeout(LONG, self.0.read_to_end(&mut bytes)).await;
        end.expect("the connection stays open").ok();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// The status of an answer.
pub fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

fn app(shutdown: CancellationToken) -> axum::Router {
    axum::Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/peer", get(peer))
        .route("/slow/{ms}", get(slow))
        .route("/slow-body/{ms}", get(slow_body))
        .route("/big", get(|| async { Bytes::from(vec![0; BIG_BYTES]) }))
        .route("/refuse", post(|| async { StatusCode::PAYLOAD_TOO_LARGE }))
        .route("/length", post(length))
        .route("/socket", get(socket))
        .layer(Extension(shutdown))
}

async fn peer(Extension(peer): Extension<Peer>) -> String {
    format!("{} {}", peer.address, peer.is_tls)
}

async fn slow(Path(ms): Path<u64>) -> &'static str {
    sleep(Duration::from_millis(ms)).await;
    "slow"
}

/// A head at once, and a body after a while.
async fn slow_body(Path(ms): Path<u64>) -> Body {
    Body::from_stream(stream::once(async move {
        sleep(Duration::from_millis(ms)).await;
        Ok::<_, Infallible>("slow")
    }))
}

async fn length(body: Body) -> String {
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    bytes.len().to_string()
}

/// Echoes, and says goodbye when the server stops.
async fn socket(
    Extension(shutdown): Extension<CancellationToken>,
    Extension(hold): Extension<ShutdownGuard>,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade.on_upgrade(|mut socket| async move {
        let talk = async {
            while let Some(message) = shutdown.run_until_cancelled(socket.recv()).await {
                let Some(Ok(message)) = message else { return };
                if message.to_text().is_ok_and(|text| text == "stay") {
                    std::future::pending::<()>().await;
                }
                let _ = socket.send(message).await;
            }
            sleep(Duration::from_millis(300)).await;
            let _ = socket.send(Message::text("goodbye")).await;
            let _ = socket.send(Message::Close(None)).await;
        };
        hold.run(talk).await;
    })
}
