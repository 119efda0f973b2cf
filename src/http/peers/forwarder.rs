//! Forwards requests to the last writer, the server that has changed the bucket most recently.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use reqwest::redirect::Policy;
use tokio::time::timeout;
use tokio_rustls::rustls::crypto::ring;

use super::origin::GENERATION;
use super::outgoing_request::{OutgoingRequest, forwarded_headers};
use crate::names::ServerUrl;
use crate::store::chain;

/// The timeout for connecting to another server.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
/// The time without a response after which the forwarder checks whether the other server is alive. It repeats the check at this interval.
/// A response takes longer than this if the bucket is slow or many writes wait.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// The timeout of such a check.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);
/// The longest wait for the response of a server that is alive. A server that does not get a response from the bucket needs up to 20 s until
/// it fails, while another server may reach the bucket.
const RESPONSE_MAX: Duration = Duration::from_secs(6);
/// The timeout for a small response body, whose head was received.
const BODY_TIMEOUT: Duration = Duration::from_millis(1500);
/// How long forwarding to a server is paused after the server was found dead. Until then, another server has become the last writer.
const PAUSE: Duration = Duration::from_secs(2);
/// The largest response body that is received completely before it is passed on, in bytes. Until this server has passed on a part of the
/// response, it can still handle the request itself.
const BUFFERED_BYTES_MAX: u64 = 64 << 10;
/// How long an idle connection is kept open.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// The outcome of forwarding a request.
pub(in crate::http) enum Forwarded {
    /// The other server has handled the request, with this response.
    Response(Response),
    /// The other server has refused the request with this status. The other server has not handled the request and will not handle it
    /// later.
    Refused(StatusCode),
    /// The connection to the other server failed, so the other server does not have the request. The text is the error.
    NotSent(String),
    /// It is unknown whether the other server has handled the request or will handle it later.
    Unknown(Doubt),
}

/// Why the outcome of a forwarded request is unknown. The text is the error.
pub(in crate::http) enum Doubt {
    /// The other server is alive, but its response is late or is an error.
    Alive(String),
    /// The other server does not respond to a check either, or is another program.
    Dead(String),
}

/// How many requests were forwarded since the server started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::http) struct ForwardCounts {
    /// The number of requests that the other server handled.
    pub ok: u64,
    /// The number of requests that the other server refused or did not receive, or whose outcome is unknown.
    pub failed: u64,
}

/// The client for requests to other servers. It keeps connections open for later requests.
pub(in crate::http) struct Forwarder {
    client: reqwest::Client,
    /// The URLs of the servers to which no request is forwarded for now, each with the time at which the pause ends.
    paused: Mutex<HashMap<String, Instant>>,
    ok: AtomicU64,
    failed: AtomicU64,
}

impl Forwarder {
    /// Creates the client; `None` if the system's certificates cannot be read.
    pub fn new() -> Option<Self> {
        // Installs the process-wide crypto provider that reqwest uses. This fails if another part of the process has already installed a
        // provider. reqwest then uses that provider, so the error is ignored.
        let _ = ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .redirect(Policy::none())
            .no_proxy()
            .build();
        let client = client
            .inspect_err(
                |error| tracing::error!(%error, "cannot forward requests to other servers"),
            )
            .ok()?;
        Some(Self {
            client,
            paused: Mutex::default(),
            ok: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        })
    }

    /// Returns how many requests were forwarded.
    pub fn counts(&self) -> ForwardCounts {
        ForwardCounts {
            ok: self.ok.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }

    /// Returns whether requests may be forwarded to this server now.
    pub fn may_forward_to(&self, server: &ServerUrl) -> bool {
        let paused = self.lock_paused();
        paused
            .get(&server.at(""))
            .is_none_or(|until| *until <= Instant::now())
    }

    /// Sends a request to a server, and counts and logs the outcome. If the server is dead, forwards no further requests to it for
    /// [`PAUSE`]. A slow response is no reason for that: if this server made the writes instead, the two servers would compete, and most of
    /// their swaps would fail.
    pub async fn forward(&self, server: &ServerUrl, request: OutgoingRequest) -> Forwarded {
        let forwarded = self.send(server, request).await;
        match &forwarded {
            Forwarded::Response(_) => self.ok.fetch_add(1, Ordering::Relaxed),
            Forwarded::Refused(status) => {
                let status = status.as_u16();
                tracing::warn!(%server, status, "the last writer refused a request; this server handles it");
                self.failed.fetch_add(1, Ordering::Relaxed)
            }
            Forwarded::Unknown(Doubt::Alive(error)) => {
                tracing::warn!(%server, error, "the last writer did not respond to a request; this server handles it");
                self.failed.fetch_add(1, Ordering::Relaxed)
            }
            Forwarded::NotSent(error) => {
                tracing::warn!(%server, error, "cannot connect to the last writer; this server handles its requests");
                if !self.is_alive(server).await {
                    self.pause(server);
                }
                self.failed.fetch_add(1, Ordering::Relaxed)
            }
            Forwarded::Unknown(Doubt::Dead(error)) => {
                tracing::warn!(%server, error, "the last writer does not respond; this server handles its requests");
                self.pause(server);
                self.failed.fetch_add(1, Ordering::Relaxed)
            }
        };
        forwarded
    }

    async fn send(&self, server: &ServerUrl, request: OutgoingRequest) -> Forwarded {
        let outgoing = self
            .client
            .request(request.method, request.url)
            .headers(request.headers)
            .body(request.body);
        let response = match self.await_response(server, outgoing.send()).await {
            Ok(Ok(response)) => response,
            // Removes the URL from the error, because the log line already has it.
            Ok(Err(error)) if error.is_connect() => {
                return Forwarded::NotSent(chain(&error.without_url()));
            }
            // One closed connection does not mean that the server is dead.
            Ok(Err(error)) => {
                let error = chain(&error.without_url());
                return Forwarded::Unknown(match self.is_alive(server).await {
                    true => Doubt::Alive(error),
                    false => Doubt::Dead(error),
                });
            }
            Err(doubt) => return Forwarded::Unknown(doubt),
        };
        let is_from_server = response.headers().contains_key(GENERATION);
        match response.status() {
            // This server has accepted the request, so the other server has different keys or host names.
            status @ (StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::TOO_MANY_REQUESTS) => Forwarded::Refused(status),
            // The response is not from a server of this store, but from another program at this URL, or from a proxy between the servers.
            status if !is_from_server => {
                let status = status.as_u16();
                Forwarded::Unknown(Doubt::Dead(format!(
                    "a response with status {status} that is not from wasmstore"
                )))
            }
            // Nothing was changed, for a reason that this server need not have: no connection to the bucket, or no space.
            status @ (StatusCode::SERVICE_UNAVAILABLE | StatusCode::INSUFFICIENT_STORAGE) => {
                Forwarded::Refused(status)
            }
            // For example, the other server did not get the result of its swap.
            StatusCode::INTERNAL_SERVER_ERROR => {
                Forwarded::Unknown(Doubt::Alive("a response with status 500".to_owned()))
            }
            _ => receive(response).await,
        }
    }

    /// Waits for a response as long as the server is alive, but not longer than [`RESPONSE_MAX`].
    async fn await_response<T>(
        &self,
        server: &ServerUrl,
        response: impl Future<Output = T>,
    ) -> Result<T, Doubt> {
        let begun = Instant::now();
        let mut response = pin!(response);
        while begun.elapsed() < RESPONSE_MAX {
            if let Ok(response) = timeout(CHECK_INTERVAL, &mut response).await {
                return Ok(response);
            }
            let is_alive = tokio::select! {
                response = &mut response => return Ok(response),
                is_alive = self.is_alive(server) => is_alive,
            };
            if !is_alive {
                return Err(Doubt::Dead("no response, not even to a check".to_owned()));
            }
        }
        Err(Doubt::Alive("no response in time".to_owned()))
    }

    /// Returns whether a server of a bucket responds at this URL.
    async fn is_alive(&self, server: &ServerUrl) -> bool {
        let check = self.client.get(server.at("/healthz")).send();
        let response = timeout(CHECK_TIMEOUT, check).await;
        response.is_ok_and(|response| {
            response.is_ok_and(|response| response.headers().contains_key(GENERATION))
        })
    }

    fn pause(&self, server: &ServerUrl) {
        let now = Instant::now();
        let mut paused = self.lock_paused();
        paused.retain(|_, until| *until > now);
        paused.insert(server.at(""), now + PAUSE);
    }

    fn lock_paused(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Receives a response. A large body is not received completely, but passed on while it is received.
async fn receive(response: reqwest::Response) -> Forwarded {
    let status = response.status();
    let headers = forwarded_headers(response.headers());
    let length = response.content_length();
    let body = if length.is_some_and(|length| length <= BUFFERED_BYTES_MAX) {
        match timeout(BODY_TIMEOUT, response.bytes()).await {
            Ok(Ok(bytes)) => Body::from(bytes),
            Ok(Err(error)) => {
                return Forwarded::Unknown(Doubt::Alive(chain(&error.without_url())));
            }
            Err(_) => {
                let error = "the response is incomplete".to_owned();
                return Forwarded::Unknown(Doubt::Alive(error));
            }
        }
    } else {
        Body::new(reqwest::Body::from(response))
    };
    let mut passed = Response::new(body);
    *passed.status_mut() = status;
    *passed.headers_mut() = headers;
    Forwarded::Response(passed)
}

#[cfg(test)]
mod tests;
