//! The idle timeout of a connection.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::connection_state::ConnectionState;
use crate::budget::ByteBudget;

/// How many bytes must be transferred within one idle timeout, in either direction, to prove that the client of an HTTP/1 connection is
/// active.
const ACTIVE_BYTES_MIN: usize = 1 << 10;

/// How long a client may stall a response while other requests wait for memory.
const STALL_MAX: Duration = Duration::from_secs(5);

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
/// While requests wait for memory, a connection whose client stalls a response expires after [`STALL_MAX`] already: clients that do not read
/// must not keep others from being served.
///
/// Before its first request, a connection is not active. The clock does not limit how slowly a request's body may arrive: while a handler
/// waits for the body, it is the server's turn.
pub(super) struct IdleClock {
    timeout: Duration,
    /// [`STALL_MAX`], except in tests.
    stall_max: Duration,
    state: Arc<ConnectionState>,
    memory: ByteBudget,
    /// When the client last proved to be active.
    last_active: Instant,
    /// The number of bytes transferred since `last_active`.
    transferred_bytes: usize,
    is_write_blocked: bool,
    /// Whether the next check is within [`STALL_MAX`].
    is_watched: bool,
    /// Wakes the task for the next check. It is not reset for each byte, as that would be too expensive.
    next_check: Pin<Box<Sleep>>,
}

impl IdleClock {
    /// Starts the clock.
    pub fn new(timeout: Duration, state: Arc<ConnectionState>, memory: ByteBudget) -> Self {
        Self {
            timeout,
            stall_max: STALL_MAX,
            state,
            memory,
            is_watched: false,
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
        let has_response = self.state.has_open_requests();
        if has_response && !self.is_watched {
            self.is_watched = true;
            let check = Instant::now() + self.timeout.min(self.stall_max);
            self.next_check.as_mut().reset(check);
        }
        loop {
            ready!(self.next_check.as_mut().poll(cx));
            let now = Instant::now();
            let idle_since = if self.state.is_server_turn() && !self.is_write_blocked {
                now
            } else {
                self.last_active.max(self.state.last_progress().into())
            };
            let is_stalling = has_response && idle_since + self.stall_max <= now;
            let deadline = idle_since + self.timeout;
            if deadline <= now || (is_stalling && self.memory.waiting() > 0) {
                return Poll::Ready(());
            }
            self.is_watched = has_response;
            let next_check = if has_response {
                deadline.min(now + self.stall_max)
            } else {
                deadline
            };
            self.next_check.as_mut().reset(next_check);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::listener::connection_state::Exchange;

    const SHORT: Duration = Duration::from_millis(50);

    fn clock_of(timeout: Duration, state: &Arc<ConnectionState>) -> IdleClock {
        IdleClock::new(timeout, Arc::clone(state), ByteBudget::default())
    }

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
        let mut clock = clock_of(SHORT, &state);
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
        let mut clock = clock_of(SHORT * 2, &state);
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
        let mut clock = clock_of(SHORT, &state);
        tokio::time::sleep(SHORT).await;
        clock.add_transferred(1 << 20);
        assert!(poll_once(&mut clock).await.is_ready());
        drop(Exchange::begin(&state));
        state.set_http2();
        let mut clock = clock_of(SHORT, &state);
        tokio::time::sleep(SHORT * 2).await;
        clock.add_transferred(1 << 20);
        assert!(poll_once(&mut clock).await.is_ready());
        state.record_progress();
        assert!(poll_once(&mut clock).await.is_pending());
    }

    #[tokio::test]
    async fn stalled_response_expires_early_while_requests_wait_for_memory() {
        for (is_stalled, has_waiting) in [(true, true), (true, false), (false, true)] {
            let state = ConnectionState::new();
            let memory = ByteBudget::new(1000);
            let _held = memory.try_charge(1000).unwrap();
            let mut clock = IdleClock::new(SHORT * 100, Arc::clone(&state), memory.clone());
            clock.stall_max = SHORT;
            let mut exchange = Exchange::begin(&state);
            exchange.set_client_turn();
            let exchange = is_stalled.then_some(exchange);
            let mut waiting = memory.wait(1);
            let mut poll_wait =
                |cx: &mut Context<'_>| Poll::Ready(Pin::new(&mut waiting).poll(cx).is_pending());
            if has_waiting {
                assert!(std::future::poll_fn(&mut poll_wait).await);
            }
            assert_eq!(expires(&mut clock).await, is_stalled && has_waiting);
            drop(exchange);
        }
    }
}
