//! A server on a free port with a few routes that behave in particular ways, and a client that sends plain bytes.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
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
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use wasmstore::config::ServerLimits;
use wasmstore::http::{Peer, Server, ShutdownGuard, Tls};

/// A time limit that only a failing test reaches.
pub const LONG: Duration = Duration::from_secs(20);

/// The size of the body of `/big`: more than all buffers between the server and a client hold.
pub const BIG_BYTES: usize = 64 << 20;

/// Binds an address.
pub async fn bind(address: &str) -> Server {
    Server::bind(&[address.parse().unwrap()]).await.unwrap()
}

/// A running server.
pub struct TestServer {
    pub address: SocketAddr,
    pub shutdown: CancellationToken,
    pub task: JoinHandle<()>,
    held: Arc<HeldRequests>,
}

/// The requests to `/held`, which are answered when the test releases them.
struct HeldRequests {
    started: Semaphore,
    released: Semaphore,
}

impl TestServer {
    pub async fn start(limits: ServerLimits) -> Self {
        Self::start_with(limits, None).await
    }

    pub async fn start_with(limits: ServerLimits, tls: Option<Tls>) -> Self {
        Self::serve(bind("127.0.0.1:0").await, limits, tls)
    }

    pub fn serve(server: Server, limits: ServerLimits, tls: Option<Tls>) -> Self {
        let address = server.addresses()[0].tcp().unwrap();
        let shutdown = CancellationToken::new();
        let held = Arc::new(HeldRequests {
            started: Semaphore::new(0),
            released: Semaphore::new(0),
        });
        let app = app(shutdown.clone(), Arc::clone(&held));
        let token = shutdown.clone();
        let task = tokio::spawn(async move { server.serve(app, tls, &limits, token).await });
        Self {
            address,
            shutdown,
            task,
            held,
        }
    }

    pub async fn connect(&self) -> RawClient<TcpStream> {
        RawClient(TcpStream::connect(self.address).await.unwrap())
    }

    /// Requests a page over a new connection.
    pub async fn get(&self, path: &str) -> String {
        self.connect().await.get(path).await
    }

    /// Waits until the handler of `/held` has received a request.
    pub async fn held_request_started(&self) {
        let started = timeout(LONG, self.held.started.acquire()).await;
        started.expect("no request to /held").unwrap().forget();
    }

    /// Lets one request to `/held` be answered.
    pub fn release_held_request(&self) {
        self.held.released.add_permits(1);
    }

    /// Waits until the server accepts no more connections.
    pub async fn connections_refused(&self) {
        let refused = async {
            while TcpStream::connect(self.address).await.is_ok() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = timeout(LONG, refused).await;
        waited.expect("the server still accepts connections");
    }

    /// Shuts the server down and waits for its end.
    pub async fn stop(self) {
        self.shutdown.cancel();
        timeout(LONG, self.task).await.unwrap().unwrap();
    }
}

/// A client on one connection.
pub struct RawClient<S>(pub S);

impl<S: AsyncRead + AsyncWrite + Unpin> RawClient<S> {
    pub async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Requests a page and keeps the connection open.
    pub async fn get(&mut self, path: &str) -> String {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"))
            .await;
        self.read_response().await
    }

    /// Reads a response that has a `Content-Length`.
    pub async fn read_response(&mut self) -> String {
        timeout(LONG, self.read_head_and_body()).await.unwrap()
    }

    async fn read_head_and_body(&mut self) -> String {
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

    /// Reads until the connection ends, by a close or a reset.
    pub async fn read_to_end(&mut self) -> String {
        let mut bytes = Vec::new();
        let end = timeout(LONG, self.0.read_to_end(&mut bytes)).await;
        end.expect("the connection stays open").ok();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Returns the status of a response.
pub fn status(response: &str) -> &str {
    response.split(' ').nth(1).unwrap_or("none")
}

fn app(shutdown: CancellationToken, held_requests: Arc<HeldRequests>) -> axum::Router {
    axum::Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/peer", get(peer))
        .route("/slow/{ms}", get(slow))
        .route("/slow-body/{ms}", get(slow_body))
        .route("/held", get(held))
        .route("/big", get(|| async { Bytes::from(vec![0; BIG_BYTES]) }))
        .route("/refuse", post(|| async { StatusCode::PAYLOAD_TOO_LARGE }))
        .route("/length", post(length))
        .route("/socket", get(socket))
        .layer(Extension(shutdown))
        .layer(Extension(held_requests))
}

async fn peer(Extension(peer): Extension<Peer>) -> String {
    match peer.address {
        Some(address) => format!("{address} {}", peer.is_tls),
        None => format!("unix {}", peer.is_tls),
    }
}

async fn slow(Path(ms): Path<u64>) -> &'static str {
    sleep(Duration::from_millis(ms)).await;
    "slow"
}

/// Sends the head at once and the body after `ms`.
async fn slow_body(Path(ms): Path<u64>) -> Body {
    Body::from_stream(stream::once(async move {
        sleep(Duration::from_millis(ms)).await;
        Ok::<_, Infallible>("slow")
    }))
}

async fn held(Extension(held): Extension<Arc<HeldRequests>>) -> &'static str {
    held.started.add_permits(1);
    held.released.acquire().await.unwrap().forget();
    "held"
}

async fn length(body: Body) -> String {
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    bytes.len().to_string()
}

/// Echoes messages, and sends "goodbye" when the server shuts down. After the message "stay" it ignores the shutdown.
async fn socket(
    Extension(shutdown): Extension<CancellationToken>,
    Extension(guard): Extension<ShutdownGuard>,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade.on_upgrade(|mut socket| async move {
        let talk = async {
            while let Some(message) = shutdown.run_until_cancelled(socket.recv()).await {
                let Some(Ok(message)) = message else { return };
                let stays = message.to_text().is_ok_and(|text| text == "stay");
                let _ = socket.send(message).await;
                if stays {
                    std::future::pending::<()>().await;
                }
            }
            sleep(Duration::from_millis(300)).await;
            let _ = socket.send(Message::text("goodbye")).await;
            let _ = socket.send(Message::Close(None)).await;
        };
        guard.run(talk).await;
    })
}
