//! The state of one connection, which the socket, the timers and the HTTP service of the connection share.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::exchange_clock::ExchangeClock;

/// The state of one connection. The HTTP service updates it; the socket and the timers read it to decide whether the server is
/// waiting for the client.
#[derive(Debug)]
pub(super) struct ConnectionState {
    start: Instant,
    /// The number of bytes received from the client, counted by the socket.
    received_bytes: AtomicU64,
    /// The number of requests received, whether they are answered or not.
    requests: AtomicU64,
    /// The clocks of the open requests, by the number of the exchange (a request and its response). A request is open until its response is
    /// sent in full.
    exchanges: Mutex<BTreeMap<u64, ExchangeClock>>,
    /// When a request last made progress, in milliseconds after `start`.
    last_progress_ms: AtomicU64,
    is_http2: AtomicBool,
    is_upgraded: AtomicBool,
    is_shutting_down: AtomicBool,
    was_idle_at_shutdown: AtomicBool,
}

impl ConnectionState {
    /// Returns the state of a new connection.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            received_bytes: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            exchanges: Mutex::default(),
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

    /// Returns whether a request is open: the server has received it, but has not sent its response in full.
    pub fn has_open_requests(&self) -> bool {
        !self.exchanges().is_empty()
    }

    /// Adds an open request, and returns its id. If other requests wait for memory, the client may stop reading the response for at most
    /// `stall_max`.
    pub fn begin_exchange(&self, stall_max: Duration) -> u64 {
        let id = self.requests.fetch_add(1, Ordering::Relaxed);
        self.exchanges().insert(id, ExchangeClock::new(stall_max));
        id
    }

    /// Calls `change` with the clock of an open request and the current time, and returns its result. If the request has ended, does
    /// nothing and returns the default value of `T`.
    pub fn update_exchange<T: Default>(
        &self,
        id: u64,
        change: impl FnOnce(&mut ExchangeClock, tokio::time::Instant) -> T,
    ) -> T {
        let mut exchanges = self.exchanges();
        let clock = exchanges.get_mut(&id);
        clock.map_or_else(T::default, |clock| {
            change(clock, tokio::time::Instant::now())
        })
    }

    /// Removes an open request.
    pub fn end_exchange(&self, id: u64) {
        let mut exchanges = self.exchanges();
        // If it is the server's turn, the server has just finished its last step. This progress must be recorded before the request is
        // removed. Otherwise the idle timeout would briefly count from an earlier time.
        let is_server_turn = |clock: &ExchangeClock| clock.is_server_turn();
        if exchanges.get(&id).is_some_and(is_server_turn) {
            self.record_progress();
        }
        exchanges.remove(&id);
    }

    fn exchanges(&self) -> MutexGuard<'_, BTreeMap<u64, ExchangeClock>> {
        self.exchanges
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that the server starts to close the connection, and whether a request is open now. If no request is open, the socket can be
    /// closed at once without losing a response.
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

    /// Returns whether some open request waits for the server and not for the client.
    pub fn is_server_turn(&self) -> bool {
        self.exchanges().values().any(ExchangeClock::is_server_turn)
    }

    /// Returns whether the client has used up its time to read the response to some request.
    pub fn has_late_client(&self, now: tokio::time::Instant) -> bool {
        self.exchanges().values().any(|clock| clock.is_late(now))
    }

    /// Records that a request made progress: the server finished a step, a part of the request body was received, or a part of the
    /// response was sent.
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

    /// Returns whether the connection speaks HTTP/2. That is known only after the first request was received.
    pub fn is_http2(&self) -> bool {
        self.is_http2.load(Ordering::Relaxed)
    }

    /// Records that the connection has switched from HTTP to another protocol.
    pub fn set_upgraded(&self) {
        self.is_upgraded.store(true, Ordering::Relaxed);
    }

    /// Returns whether the connection has switched from HTTP to another protocol.
    pub fn is_upgraded(&self) -> bool {
        self.is_upgraded.load(Ordering::Relaxed)
    }
}
