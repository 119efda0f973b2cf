//! The server: binds the listening sockets, runs the accept loops, and shuts down.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::acceptor::Acceptor;
use super::address::{BoundAddress, ListenAddress};
use super::client_socket::ClientSocket;
use super::listening_socket::ListeningSocket;
use super::tls::Tls;
use crate::budget::ByteBudget;
use crate::config::ServerLimits;

/// How long an accept loop pauses after accept(2) has failed. Most often, it fails because too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a shutdown waits for aborted tasks to drop their values.
const ABORT_TIMEOUT: Duration = Duration::from_secs(1);

/// A server that has bound one or more sockets, but does not serve connections yet.
#[derive(Debug)]
pub struct Server {
    sockets: Vec<ListeningSocket>,
    addresses: Vec<BoundAddress>,
    memory: ByteBudget,
}

impl Server {
    /// Binds a socket to each address. For a host name, binds the first of its IP addresses that can be bound.
    ///
    /// # Errors
    ///
    /// The first address that cannot be bound, and the reason.
    pub async fn bind(addresses: &[ListenAddress]) -> Result<Self, (ListenAddress, io::Error)> {
        let mut bound = Vec::new();
        for address in addresses {
            let socket = ListeningSocket::bind(address).await;
            bound.push(socket.map_err(|error| (address.clone(), error))?);
        }
        Ok(bound.into_iter().collect())
    }

    /// Wraps sockets that are already bound, such as those that a service manager passes.
    ///
    /// # Errors
    ///
    /// If a socket cannot be used.
    pub fn from_sockets(
        tcp: Vec<std::net::TcpListener>,
        unix: Vec<std::os::unix::net::UnixListener>,
    ) -> io::Result<Self> {
        let tcp = tcp.into_iter().map(ListeningSocket::from_tcp);
        let unix = unix.into_iter().map(ListeningSocket::from_unix);
        tcp.chain(unix).collect()
    }

    /// Sets the memory budget. While requests wait for memory, clients that stop reading are disconnected before the idle timeout.
    #[must_use]
    pub fn with_memory(self, memory: ByteBudget) -> Self {
        Self { memory, ..self }
    }

    /// Returns the bound addresses.
    pub fn addresses(&self) -> &[BoundAddress] {
        &self.addresses
    }

    /// Serves until `shutdown` is cancelled, and then until the requests in progress have ended.
    ///
    /// A shutdown closes the listening sockets at once, and each connection as soon as its open requests are answered. An upgraded
    /// connection stays open while a [`ShutdownGuard`](super::ShutdownGuard) exists for it. Connections and tasks that remain after
    /// [`shutdown_grace`](ServerLimits::shutdown_grace) are aborted. If this future is dropped, all connections and tasks are aborted at
    /// once.
    ///
    /// Every request has a [`Peer`](super::Peer) and a [`ShutdownGuard`](super::ShutdownGuard) as extensions.
    pub async fn serve(
        self,
        app: Router,
        tls: Option<Tls>,
        limits: &ServerLimits,
        shutdown: CancellationToken,
    ) {
        let abort = CancellationToken::new();
        let _abort_on_drop = abort.clone().drop_guard();
        let certificate = tls.map(|tls| tls.watch_files(abort.clone()));
        let acceptor = Arc::new(Acceptor::new(
            app,
            certificate,
            (*limits, self.memory),
            shutdown,
            abort,
        ));
        let loops = self.sockets.into_iter();
        let loops = loops.map(|socket| socket.accept_until_shutdown(&acceptor));
        join_all(loops).await;
        acceptor.shut_down(ABORT_TIMEOUT).await;
    }
}

impl FromIterator<(ListeningSocket, BoundAddress)> for Server {
    fn from_iter<I: IntoIterator<Item = (ListeningSocket, BoundAddress)>>(bound: I) -> Self {
        let (sockets, addresses) = bound.into_iter().unzip();
        Self {
            sockets,
            addresses,
            memory: ByteBudget::default(),
        }
    }
}

impl ListeningSocket {
    /// Accepts connections until the server shuts down. The listening socket is closed when this function returns.
    async fn accept_until_shutdown(self, acceptor: &Arc<Acceptor>) {
        loop {
            let accepted = acceptor
                .shutdown
                .run_until_cancelled(self.accept_next())
                .await;
            match accepted {
                Some(Ok((socket, address))) => Arc::clone(acceptor).accept(socket, address),
                Some(Err(error)) => {
                    tracing::warn!(%error, "cannot accept connections");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
                None => return,
            }
        }
    }

    async fn accept_next(&self) -> io::Result<(ClientSocket, Option<SocketAddr>)> {
        loop {
            match self.accept().await {
                // The client closed the connection before it was accepted. The next accept can succeed at once, so there is no pause.
                Err(error) if is_client_gone(&error) => {}
                result => return result,
            }
        }
    }
}

fn is_client_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}
