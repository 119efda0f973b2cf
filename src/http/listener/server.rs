//! The server: binding the listening socket, the accept loop, and the shutdown.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::acceptor::Acceptor;
use super::tls::Tls;
use crate::config::ServerLimits;

/// How long the accept loop pauses after accept(2) has failed, most often because too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long aborted tasks may take to drop what they hold.
const ABORT_TIMEOUT: Duration = Duration::from_secs(1);

/// A bound socket on which no connection is served yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Binds a port of an address, or of the first address of a host name that can be bound. Port 0 selects a free port.
    ///
    /// # Errors
    ///
    /// If the name cannot be resolved, or none of its addresses can be bound.
    pub async fn bind(host: &str, port: u16) -> io::Result<Self> {
        // As in a URL, an IPv6 address may be enclosed in brackets.
        let host_without_brackets = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(host);
        Self::from_listener(TcpListener::bind((host_without_brackets, port)).await?)
    }

    /// Takes over a socket that is already bound.
    ///
    /// # Errors
    ///
    /// If its local address cannot be determined.
    pub fn from_listener(listener: TcpListener) -> io::Result<Self> {
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Returns the bound address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` is cancelled, then until the running requests have ended.
    ///
    /// A shutdown closes the listening socket at once, and each connection as soon as its open requests are answered. Connections
    /// and tasks that remain after [`shutdown_grace`](ServerLimits::shutdown_grace) are aborted; if this future is dropped, all of
    /// them are. The shutdown waits for upgraded connections while a [`ShutdownGuard`](super::ShutdownGuard) exists for them.
    ///
    /// Every request carries a [`Peer`](super::Peer) and a [`ShutdownGuard`](super::ShutdownGuard) as extensions.
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
        let acceptor = Arc::new(Acceptor::new(app, certificate, *limits, shutdown, abort));
        self.accept_until_shutdown(&acceptor).await;
        acceptor.shut_down(ABORT_TIMEOUT).await;
    }

    /// Accepts connections until the server shuts down. The listening socket is closed when this returns.
    async fn accept_until_shutdown(self, acceptor: &Arc<Acceptor>) {
        loop {
            let accepted = acceptor.shutdown.run_until_cancelled(self.accept()).await;
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

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        loop {
            match self.listener.accept().await {
                // The client closed the connection while it was queued. That is no reason to pause.
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
