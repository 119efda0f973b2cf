//! The server: a bound socket, the loop that accepts, and the stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::acceptor::Door;
use super::tls::Tls;
use crate::config::ServerLimits;

/// How long nothing is accepted after the system refused to: most often, files are open up to its limit.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long what was cut may take to drop what it holds.
const CUT_TIME: Duration = Duration::from_secs(1);

/// A bound socket that does not serve yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Binds a port of an address, or of the first address of a name that can be bound. Port 0 is any that is free.
    ///
    /// # Errors
    ///
    /// If the name cannot be resolved, or nothing can be bound.
    pub async fn bind(host: &str, port: u16) -> io::Result<Self> {
        // As in a URL, an IPv6 address may stand in brackets.
        let bare = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(host);
        Self::listening(TcpListener::bind((bare, port)).await?)
    }

    /// Takes over a socket that somebody else bound.
    ///
    /// # Errors
    ///
    /// If its address cannot be told.
    pub fn listening(listener: TcpListener) -> io::Result<Self> {
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// The address that is bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` is cancelled, and then until what runs has ended.
    ///
    /// A stop closes the socket at once, and each connection as soon as its present requests are answered. What is left after
    /// [`shutdown_grace`](ServerLimits::shutdown_grace), and everything if this future is dropped, is cut. Upgraded
    /// connections are waited for while something holds their [`Hold`](super::Hold).
    ///
    /// Every request carries a [`Peer`](super::Peer) and a [`Hold`](super::Hold) as extensions.
    pub async fn serve(
        self,
        app: Router,
        tls: Option<Tls>,
        limits: &ServerLimits,
        shutdown: CancellationToken,
    ) {
        let cut = CancellationToken::new();
        let _cut_at_the_end = cut.clone().drop_guard();
        let certificate = tls.map(|tls| tls.keep_fresh(cut.clone()));
        let door = Arc::new(Door::new(app, certificate, *limits, shutdown, cut));
        self.accept(&door).await;
        door.close(CUT_TIME).await;
    }

    /// Lets connections in until the server is to stop. The listening socket is closed when this returns.
    async fn accept(self, door: &Arc<Door>) {
        loop {
            let accepted = door.shutdown.run_until_cancelled(self.next()).await;
            match accepted {
                Some(Ok((socket, address))) => Arc::clone(door).admit(socket, address),
                Some(Err(error)) => {
                    tracing::warn!(%error, "no connection can be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
                None => return,
            }
        }
    }

    async fn next(&self) -> io::Result<(TcpStream, SocketAddr)> {
        loop {
            match self.listener.accept().await {
                // The client left before its turn came: that is nobody's fault.
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
