//! What a request is told about its connection.

use std::future::Future;
use std::net::SocketAddr;

use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Where a request comes from. It is an extension of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The client's address, or that of the proxy before us.
    pub address: SocketAddr,
    /// Whether the connection is encrypted.
    pub is_tls: bool,
}

/// Keeps the server from stopping under what outlives its request: an upgraded connection, a WebSocket.
///
/// It is an extension of every request. The server waits, no longer than
/// [`shutdown_grace`](crate::config::ServerLimits::shutdown_grace), until every clone is dropped. Whoever holds one learns of
/// the stop by the token that was given to [`Server::serve`](super::Server::serve).
#[derive(Clone, Debug)]
pub struct Hold {
    pub(in crate::http) cut: CancellationToken,
    pub(in crate::http) _token: TaskTrackerToken,
}

impl Hold {
    /// Runs a future to its end, or gives `None` when the server's grace is over first: the future is dropped then.
    pub async fn run<F: Future>(self, future: F) -> Option<F::Output> {
        self.cut.run_until_cancelled(future).await
    }
}
