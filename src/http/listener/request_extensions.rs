//! The extensions that the listener adds to every request, and the extension that it reads from responses.

use std::future::Future;
use std::net::SocketAddr;

use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// The origin of a request. It is an extension of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The address of the client, or of the proxy in front of this server; `None` for the client of a Unix socket.
    pub address: Option<SocketAddr>,
    /// Whether the connection is encrypted.
    pub is_tls: bool,
}

/// Delays the end of a shutdown for work that outlives its request, such as a WebSocket. It is an extension of every request.
///
/// A shutdown waits, no longer than [`shutdown_grace`](crate::config::ServerLimits::shutdown_grace), until every clone is
/// dropped. The holder learns of the shutdown from the token that was given to [`Server::serve`](super::Server::serve).
#[derive(Clone, Debug)]
pub struct ShutdownGuard {
    pub(super) abort: CancellationToken,
    pub(super) _token: TaskTrackerToken,
}

impl ShutdownGuard {
    /// Runs a future to its end; drops it and returns `None` if the shutdown grace passes first.
    pub async fn run<F: Future>(self, future: F) -> Option<F::Output> {
        self.abort.run_until_cancelled(future).await
    }
}

/// The response holds no memory of the budget while it is sent, so its client may read it as slowly as it likes while other requests wait
/// for memory. It is an extension of a response.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct HoldsNoMemory;
