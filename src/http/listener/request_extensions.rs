//! The extensions that the listener adds to every request, and the extension of responses that it evaluates.

use std::future::Future;
use std::net::SocketAddr;

use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// The other end of the connection on which a request was received. The listener adds it to every request as an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The address of the client, or of the proxy in front of this server; `None` for a connection to a Unix socket.
    pub address: Option<SocketAddr>,
    /// Whether the connection is encrypted.
    pub is_tls: bool,
}

/// Delays the end of a shutdown for work that continues after the response, such as a WebSocket. The listener adds it to every request as
/// an extension.
///
/// A shutdown waits until every clone of the guard is dropped, but no longer than
/// [`shutdown_grace`](crate::config::ServerLimits::shutdown_grace). To notice the shutdown, the work must watch the token that was passed
/// to [`Server::serve`](super::Server::serve).
#[derive(Clone, Debug)]
pub struct ShutdownGuard {
    pub(super) abort: CancellationToken,
    pub(super) _token: TaskTrackerToken,
}

impl ShutdownGuard {
    /// Runs a future to its end. If the grace period of a shutdown ends first, drops the future and returns `None`.
    pub async fn run<F: Future>(self, future: F) -> Option<F::Output> {
        self.abort.run_until_cancelled(future).await
    }
}

/// A mark on a response that holds no memory of the memory budget while it is sent. So the client may read the response slowly even while
/// other requests wait for memory. A handler adds the mark to the response as an extension.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct HoldsNoMemory;
