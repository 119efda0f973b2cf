//! The state of one connection, shared by its socket, its timers and the service that answers its requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The state of one connection. The HTTP service updates it; the socket and the timers read it to decide whether the server is
/// waiting for the client.
#[derive(Debug)]
pub(super) struct ConnectionState {
    start: Instant,
    /// The number of bytes received from the client, counted by the socket.
    received_bytes: AtomicU64,
    /// The number of requests received, answered or not.
    requests: AtomicU64,
    /// The number of open requests: those whose response has not been handed over in full.
    open_requests: AtomicUsize,
    /// The number of open requests whose next step is the server's.
    server_turns: AtomicUsize,
    /// When a request last made progress, in milliseconds after `start`.
    last_progress_ms: AtomicU64,
    is_http2: AtomicBool,
    is_upgraded: AtomicBool,
    is_shutting_down: AtomicBool,
    was_idle_at_shutdown: AtomicBool,
}

/// A request and its response, from the request's head to the last byte of the response. Dropping it ends the exchange.
#[derive(Debug)]
pub(super) struct Exchange {
    state: Arc<ConnectionState>,
    is_server_turn: bool,
}

impl ConnectionState {
    /// Returns the state of a connection on which nothing has happened yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            received_bytes: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            open_requests: AtomicUsize::new(0),
            server_turns: AtomicUsize::new(0),
            last_progress_ms: AtomicU64::new(0),
            is_http2: AtomicBool::new(false),
            is_upgraded: AtomicBool::new(false),
            is_shutting_down: AtomicBool::new(false),
            was_idle_at_shutdown: AtomicBool::new(false),
        })
    }

    /// Counts bytes received from the client.
    pub fn add_received(&self, count: usize) {
        self.received_bytes
            .fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Returns the number of bytes received from the client so far.
    pub fn received_bytes(&self) -> u64 {
        self.received_bytes.load(Ordering::Relaxed)
    }

    /// Returns the number of requests received so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Returns whether a request is open: its response has not been handed over in full.
    pub fn has_open_requests(&self) -> bool {
        self.open_requests.load(Ordering::Relaxed) > 0
    }

    /// Records that the server is closing the connection. If no request is open now, the socket can be closed at once without
    /// losing a response.
    pub fn begin_shutdown(&self) {
        let is_idle = !self.has_open_requests();
        self.was_idle_at_shutdown.store(is_idle, Ordering::Relaxed);
        self.is_shutting_down.store(true, Ordering::Relaxed);
    }

    /// Returns whether the server is closing the connection.
    pub fn is_shutting_down(&self) -> bool {
        self.is_shutting_down.load(Ordering::Relaxed)
    }

    /// Returns whether no request was open when the server began to close the connection.
    pub fn was_idle_at_shutdown(&self) -> bool {
        self.was_idle_at_shutdown.load(Ordering::Relaxed)
    }

    /// Returns whether the next step of some request is the server's, not the client's.
    pub fn is_server_turn(&self) -> bool {
        // Pairs with the release in `Exchange::set_client_turn`: a thread that reads 0 here also sees the time stored before.
        self.server_turns.load(Ordering::Acquire) > 0
    }

    /// Records progress of a request: the server finished a step of it, or a part of its body was received.
    pub fn record_progress(&self) {
        let elapsed_ms = self.start.elapsed().as_millis();
        let elapsed_ms = u64::try_from(elapsed_ms).unwrap_or(u64::MAX);
        self.last_progress_ms.store(elapsed_ms, Ordering::Relaxed);
    }

    /// Returns when a request last made progress.
    pub fn last_progress(&self) -> Instant {
        self.start + Duration::from_millis(self.last_progress_ms.load(Ordering::Relaxed))
    }

    /// Records that the connection speaks HTTP/2.
    pub fn set_http2(&self) {
        self.is_http2.store(true, Ordering::Relaxed);
    }

    /// Returns whether the connection is known to speak HTTP/2: its first request was received.
    pub fn is_http2(&self) -> bool {
        self.is_http2.load(Ordering::Relaxed)
    }

    /// Records that the connection has switched to another protocol.
    pub fn set_upgraded(&self) {
        self.is_upgraded.store(true, Ordering::Relaxed);
    }

    /// Returns whether the connection has switched from HTTP to another protocol.
    pub fn is_upgraded(&self) -> bool {
        self.is_upgraded.load(Ordering::Relaxed)
    }
}

impl Exchange {
    /// Begins an exchange whose first step is the server's.
    pub fn begin(state: &Arc<ConnectionState>) -> Self {
        state.requests.fetch_add(1, Ordering::Relaxed);
        state.open_requests.fetch_add(1, Ordering::Relaxed);
        let mut exchange = Self {
            state: Arc::clone(state),
            is_server_turn: false,
        };
        exchange.set_server_turn();
        exchange
    }

    /// Records that the next step is the server's.
    pub fn set_server_turn(&mut self) {
        if !self.is_server_turn {
            self.is_server_turn = true;
            self.state.server_turns.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Records that the next step is the client's.
    pub fn set_client_turn(&mut self) {
        if self.is_server_turn {
            self.is_server_turn = false;
            self.state.record_progress();
            self.state.server_turns.fetch_sub(1, Ordering::Release);
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.set_client_turn();
        self.state.open_requests.fetch_sub(1, Ordering::Relaxed);
    }
}
