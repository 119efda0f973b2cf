//! The idle timeout of a connection.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::connection_state::ConnectionState;

/// How many bytes must be transferred within one idle timeout, in either direction, to prove that the client of an HTTP/1 connection is
/// active.
const ACTIVE_BYTES_MIN: usize = 1 << 10;

/// A clock that runs while a connection waits for its client.
///
/// It stops while the server works on a request, however long that takes, unless the client does not accept the bytes that are
/// written to it. It restarts when the server has done its step, and when the client proves to be active.
///
/// - Over HTTP/1, by [`ACTIVE_BYTES_MIN`] bytes in either direction.
/// - Over HTTP/2, by a part of a body: the server has handed over another part of a response, because there was room for it, or has
///   received a part of a request. Bytes prove nothing, because any number of pings and other control frames may be among them, which
///   the client's library sends and answers even when the client itself has stopped reading.
/// - On an upgraded connection, by a single byte.
///
/// Before its first request, a connection is not active. The clock does not limit how slowly a request's body may arrive: while a handler
/// waits for the body, it is the server's turn.
pub(super) struct IdleClock {
    timeout: Duration,
    state: Arc<ConnectionState>,
    /// When the client last proved to be active.
    last_active: Instant,
    /// The number of bytes transferred since `last_active`.
    transferred_bytes: usize,
    is_write_blocked: bool,
    /// Wakes the task for the next check. It is not reset for each byte, as that would be too expensive.
    next_check: Pin<Box<Sleep>>,
}

impl IdleClock {
    /// Starts the clock.
    pub fn new(timeout: Duration, state: Arc<ConnectionState>) -> Self {
        Self {
            timeout,
            state,
            last_active: Instant::now(),
            transferred_bytes: 0,
            is_write_blocked: false,
            next_check: Box::pin(tokio::time::sleep(timeout)),
        }
    }

    /// Records bytes that were sent or received.
    pub fn add_transferred(&mut self, count: usize) {
        if self.state.is_http2() || self.state.requests() == 0 {
            return;
        }
        self.transferred_bytes = self.transferred_bytes.saturating_add(count);
        let bytes_min = if self.state.is_upgraded() {
            1
        } else {
            ACTIVE_BYTES_MIN
        };
        if self.transferred_bytes >= bytes_min {
            self.transferred_bytes = 0;
            self.last_active = Instant::now();
        }
    }

    /// Records whether the last write blocked because the client does not read.
    pub fn set_write_blocked(&mut self, is_blocked: bool) {
        self.is_write_blocked = is_blocked;
    }

    /// Becomes ready, and wakes the task, when the client has been idle for the timeout.
    pub fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.next_check.as_mut().poll(cx));
            let now = Instant::now();
            let idle_since = if self.state.is_server_turn() && !self.is_write_blocked {
                now
            } else {
                self.last_active.max(self.state.last_progress().into())
            };
            let deadline = idle_since + self.timeout;
            if deadline <= now {
                return Poll::Ready(());
            }
            self.next_check.as_mut().reset(deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::listener::connection_state::Exchange;

    const SHORT: Duration = Duration::from_millis(50);

    async fn expires(clock: &mut IdleClock) -> bool {
        let expired = std::future::poll_fn(|cx| clock.poll_expired(cx));
        tokio::time::timeout(SHORT * 4, expired).await.is_ok()
    }

    async fn poll_once(clock: &mut IdleClock) -> Poll<()> {
        std::future::poll_fn(|cx| Poll::Ready(clock.poll_expired(cx))).await
    }

    #[tokio::test]
    async fn clock_stops_on_the_servers_turn_unless_a_write_is_blocked() {
        let state = ConnectionState::new();
        let mut clock = IdleClock::new(SHORT, Arc::clone(&state));
        let exchange = Exchange::begin(&state);
        assert!(!expires(&mut clock).await);
        clock.set_write_blocked(true);
        assert!(expires(&mut clock).await);
        clock.set_write_blocked(false);
        assert!(!expires(&mut clock).await);
        drop(exchange);
        assert!(expires(&mut clock).await);
    }

    #[tokio::test]
    async fn only_an_active_client_restarts_the_clock() {
        let state = ConnectionState::new();
        drop(Exchange::begin(&state));
        let mut clock = IdleClock::new(SHORT * 2, Arc::clone(&state));
        for count in [ACTIVE_BYTES_MIN, 1] {
            for _ in 0..10 {
                tokio::time::sleep(SHORT / 2).await;
                clock.add_transferred(count);
            }
            let is_active = count == ACTIVE_BYTES_MIN;
            assert_eq!(poll_once(&mut clock).await.is_pending(), is_active);
        }
        state.set_upgraded();
        clock.add_transferred(1);
        assert!(poll_once(&mut clock).await.is_pending());
    }

    #[tokio::test]
    async fn bytes_prove_nothing_over_http2_or_before_a_request() {
        let state = ConnectionState::new();
        let mut clock = IdleClock::new(SHORT, Arc::clone(&state));
        tokio::time::sleep(SHORT).await;
        clock.add_transferred(1 << 20);
        assert!(poll_once(&mut clock).await.is_ready());
        drop(Exchange::begin(&state));
        state.set_http2();
        let mut clock = IdleClock::new(SHORT, Arc::clone(&state));
        tokio::time::sleep(SHORT * 2).await;
        clock.add_transferred(1 << 20);
        assert!(poll_once(&mut clock).await.is_ready());
        state.record_progress();
        assert!(poll_once(&mut clock).await.is_pending());
    }
}
