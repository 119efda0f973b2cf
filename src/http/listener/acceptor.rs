//! The way in: each connection is given its place, its encryption and its task, or is turned away.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::Connection;
use super::connection_service::Service;
use super::connection_state::Activity;
use super::hyper_config::{self, Spawner};
use super::permits::Places;
use super::request_extensions::{Hold, Peer};
use super::tls::Certificate;
use crate::config::ServerLimits;
use crate::http::metrics::CONNECTIONS_REFUSED;

/// What a client is told for whom there is no place. It is written before a request was read.
const NO_PLACE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 20\r\n\
    Cache-Control: no-store\r\n\
    Retry-After: 1\r\n\
    Connection: close\r\n\
    \r\n\
    too many connections";

/// How many clients are told so at a time; one more is just dropped.
const REFUSALS_MAX: usize = 64;

/// What all connections of a server share.
pub(in crate::http) struct Door {
    app: Router,
    certificate: Option<Certificate>,
    limits: ServerLimits,
    places: Places,
    refusals: Arc<Semaphore>,
    /// Everything that the server waits for when it stops.
    tasks: TaskTracker,
    /// Cancelled when no new work is to begin.
    pub(in crate::http) shutdown: CancellationToken,
    /// Cancelled when what still runs is to be dropped.
    cut: CancellationToken,
}

impl Door {
    /// Without a certificate connections are not encrypted.
    pub(in crate::http) fn new(
        app: Router,
        certificate: Option<Certificate>,
        limits: ServerLimits,
        shutdown: CancellationToken,
        cut: CancellationToken,
    ) -> Self {
        Self {
            app,
            certificate,
            limits,
            places: Places::new(limits.connections_max),
            refusals: Arc::new(Semaphore::new(REFUSALS_MAX)),
            tasks: TaskTracker::new(),
            shutdown,
            cut,
        }
    }

    /// Takes in a connection, or turns it away. It never waits.
    pub(in crate::http) fn admit(self: Arc<Self>, socket: TcpStream, address: SocketAddr) {
        let Some(place) = self.places.take() else {
            return self.turn_away(socket);
        };
        let activity = Activity::new();
        let connection = Connection::new(socket, self.limits.idle_timeout, &activity, Some(place));
        let peer = Peer {
            // A client that speaks IPv4 to an IPv6 socket is shown as what it is.
            address: SocketAddr::new(address.ip().to_canonical(), address.port()),
            is_tls: self.certificate.is_some(),
        };
        let cut = self.cut.clone();
        let tasks = self.tasks.clone();
        tasks.spawn(cut.run_until_cancelled_owned(self.attend(connection, peer, activity)));
    }

    /// Tells a client that there is no place, if it can be told at once.
    fn turn_away(&self, socket: TcpStream) {
        metrics::counter!(CONNECTIONS_REFUSED).increment(1);
        if self.certificate.is_some() {
            return;
        }
        let Ok(permit) = Arc::clone(&self.refusals).try_acquire_owned() else {
            return;
        };
        let activity = Activity::new();
        let mut connection = Connection::new(socket, self.limits.header_timeout, &activity, None);
        let refusal = async move {
            let _permit = permit;
            // An empty send buffer takes these few bytes at once. If not, nobody is there to read them.
            if connection.write_all(NO_PLACE).await.is_ok() {
                let _ = connection.shutdown().await;
            }
        };
        self.tasks
            .spawn(self.shutdown.clone().run_until_cancelled_owned(refusal));
    }

    /// Sees a connection through to its end.
    async fn attend(self: Arc<Self>, connection: Connection, peer: Peer, activity: Arc<Activity>) {
        let Some(certificate) = &self.certificate else {
            return self.serve(connection, peer, activity).await;
        };
        let handshake = tokio::time::timeout(
            self.limits.header_timeout,
            certificate.acceptor().accept(connection),
        );
        match self.shutdown.run_until_cancelled(handshake).await {
            Some(Ok(Ok(stream))) => self.serve(stream, peer, activity).await,
            Some(Ok(Err(error))) => {
                tracing::debug!(%error, client = %peer.address, "a TLS handshake failed");
            }
            Some(Err(_)) => {
                tracing::debug!(client = %peer.address, "a TLS handshake took too long")
            }
            None => {}
        }
    }

    /// Speaks HTTP until the connection ends.
    async fn serve<I>(&self, io: I, peer: Peer, activity: Arc<Activity>)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let spawner = Spawner(self.tasks.clone());
        let builder = hyper_config::builder(spawner, &self.limits, &activity);
        let service = Service {
            app: self.app.clone(),
            peer,
            hold: Hold {
                cut: self.cut.clone(),
                _token: self.tasks.token(),
            },
            activity: Arc::clone(&activity),
        };
        let served = builder.serve_connection_with_upgrades(TokioIo::new(io), service);
        let mut served = std::pin::pin!(served);
        let result = match self.shutdown.run_until_cancelled(served.as_mut()).await {
            Some(result) => result,
            None => {
                activity.stop();
                served.as_mut().graceful_shutdown();
                served.await
            }
        };
        if let Err(error) = result {
            tracing::debug!(?error, client = %peer.address, "a connection broke off");
        }
    }

    /// Waits until all connections have ended, but no longer than the grace, and cuts the rest.
    pub(in crate::http) async fn close(&self, cut_time: Duration) {
        self.tasks.close();
        let grace = tokio::time::timeout(self.limits.shutdown_grace, self.tasks.wait());
        if grace.await.is_err() {
            tracing::warn!(
                tasks = self.tasks.len(),
                "the grace is over: what still runs is cut"
            );
            self.cut.cancel();
            let _ = tokio::time::timeout(cut_time, self.tasks.wait()).await;
        }
    }
}
