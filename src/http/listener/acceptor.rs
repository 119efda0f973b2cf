//! Accepts or refuses each new connection. An accepted connection gets a permit, TLS if configured, and a task.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::client_socket::ClientSocket;
use super::connection::Connection;
use super::connection_service::ConnectionService;
use super::connection_state::ConnectionState;
use super::hyper_config::{self, TrackedExecutor};
use super::permits::ConnectionPermits;
use super::request_extensions::{Peer, ShutdownGuard};
use super::tls::Certificate;
use crate::budget::ByteBudget;
use crate::config::ServerLimits;
use crate::http::metrics::CONNECTIONS_REFUSED;

/// The response to a client whose connection exceeds the connection limit. It is sent before a request is read.
const TOO_MANY_CONNECTIONS: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 20\r\n\
    Cache-Control: no-store\r\n\
    Retry-After: 1\r\n\
    Connection: close\r\n\
    \r\n\
    too many connections";

/// How many clients can be sent [`TOO_MANY_CONNECTIONS`] at the same time. The connections of further clients are closed without a
/// response.
const REFUSALS_MAX: usize = 64;

/// The state that all connections of a server share.
pub(super) struct Acceptor {
    app: Router,
    certificate: Option<Certificate>,
    limits: ServerLimits,
    memory: ByteBudget,
    permits: ConnectionPermits,
    refusals: Arc<Semaphore>,
    /// The tasks whose end a shutdown waits for.
    tasks: TaskTracker,
    /// Cancelled when the server must not accept further connections or requests.
    pub shutdown: CancellationToken,
    /// Cancelled when the tasks that still run must be aborted.
    abort: CancellationToken,
}

impl Acceptor {
    /// Returns an acceptor that serves `app`. Without a certificate, connections are not encrypted.
    pub fn new(
        app: Router,
        certificate: Option<Certificate>,
        (limits, memory): (ServerLimits, ByteBudget),
        shutdown: CancellationToken,
        abort: CancellationToken,
    ) -> Self {
        Self {
            app,
            certificate,
            limits,
            memory,
            permits: ConnectionPermits::new(limits.connections_max),
            refusals: Arc::new(Semaphore::new(REFUSALS_MAX)),
            tasks: TaskTracker::new(),
            shutdown,
            abort,
        }
    }

    /// Starts a task for a new connection, or refuses the connection if the connection limit is reached. Never waits.
    pub fn accept(self: Arc<Self>, socket: ClientSocket, address: Option<SocketAddr>) {
        let Some(permit) = self.permits.try_acquire() else {
            return self.refuse(socket);
        };
        let is_tls = self.is_tls(&socket);
        let state = ConnectionState::new();
        let connection = Connection::new(
            socket,
            self.limits.idle_timeout,
            (&state, &self.memory),
            Some(permit),
        );
        let peer = Peer {
            // On an IPv6 socket, the address of an IPv4 client is an IPv4-mapped address.
            address: address
                .map(|address| SocketAddr::new(address.ip().to_canonical(), address.port())),
            is_tls,
        };
        let abort = self.abort.clone();
        let tasks = self.tasks.clone();
        tasks.spawn(abort.run_until_cancelled_owned(self.run(connection, peer, state)));
    }

    /// Returns whether a connection uses TLS. A connection to a Unix socket does not: its data does not leave the machine, and proxies send
    /// plain HTTP to Unix sockets.
    fn is_tls(&self, socket: &ClientSocket) -> bool {
        self.certificate.is_some() && matches!(socket, ClientSocket::Tcp(_))
    }

    /// Sends a 503 response if the socket can take it at once, and closes the connection.
    fn refuse(&self, socket: ClientSocket) {
        metrics::counter!(CONNECTIONS_REFUSED).increment(1);
        // A response to a TLS client would need a handshake first. That is too expensive for a connection above the limit.
        if self.is_tls(&socket) {
            return;
        }
        let Ok(permit) = Arc::clone(&self.refusals).try_acquire_owned() else {
            return;
        };
        let state = ConnectionState::new();
        let mut connection = Connection::new(
            socket,
            self.limits.header_timeout,
            (&state, &self.memory),
            None,
        );
        let refusal = async move {
            let _permit = permit;
            // The send buffer is empty, so it accepts these few bytes at once. If the write fails, the client has disconnected.
            if connection.write_all(TOO_MANY_CONNECTIONS).await.is_ok() {
                let _ = connection.shutdown().await;
            }
        };
        self.tasks
            .spawn(self.shutdown.clone().run_until_cancelled_owned(refusal));
    }

    /// Runs a connection to its end: the TLS handshake, if TLS is configured, then HTTP.
    async fn run(self: Arc<Self>, connection: Connection, peer: Peer, state: Arc<ConnectionState>) {
        let Some(certificate) = self.certificate.as_ref().filter(|_| peer.is_tls) else {
            return self.serve(connection, peer, state).await;
        };
        let handshake = tokio::time::timeout(
            self.limits.header_timeout,
            certificate.acceptor().accept(connection),
        );
        match self.shutdown.run_until_cancelled(handshake).await {
            Some(Ok(Ok(stream))) => self.serve(stream, peer, state).await,
            Some(Ok(Err(error))) => {
                tracing::debug!(%error, client = ?peer.address, "a TLS handshake failed");
            }
            Some(Err(_)) => {
                tracing::debug!(client = ?peer.address, "a TLS handshake timed out")
            }
            None => {}
        }
    }

    /// Serves HTTP until the connection ends.
    async fn serve<I>(&self, io: I, peer: Peer, state: Arc<ConnectionState>)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let executor = TrackedExecutor(self.tasks.clone());
        let builder = hyper_config::builder(executor, &self.limits, &state);
        let service = ConnectionService {
            app: self.app.clone(),
            peer,
            guard: ShutdownGuard {
                abort: self.abort.clone(),
                _token: self.tasks.token(),
            },
            state: Arc::clone(&state),
        };
        let served = builder.serve_connection_with_upgrades(TokioIo::new(io), service);
        let mut served = std::pin::pin!(served);
        let result = match self.shutdown.run_until_cancelled(served.as_mut()).await {
            Some(result) => result,
            None => {
                state.begin_shutdown();
                served.as_mut().graceful_shutdown();
                served.await
            }
        };
        if let Err(error) = result {
            tracing::debug!(?error, client = ?peer.address, "a connection failed");
        }
    }

    /// Waits until all connections have ended. Aborts the connections that remain after the shutdown grace period, and then waits at most
    /// `abort_timeout` for them to end.
    pub async fn shut_down(&self, abort_timeout: Duration) {
        self.tasks.close();
        let grace = tokio::time::timeout(self.limits.shutdown_grace, self.tasks.wait());
        if grace.await.is_err() {
            tracing::warn!(
                tasks = self.tasks.len(),
                "the shutdown grace has passed; aborting the remaining tasks"
            );
            self.abort.cancel();
            let _ = tokio::time::timeout(abort_timeout, self.tasks.wait()).await;
        }
    }
}
