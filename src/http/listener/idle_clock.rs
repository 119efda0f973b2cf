//! The idle timeout of a connection.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::connection_state::ConnectionState;
use crate::budget::ByteBudget;

/// How many bytes must be transferred within one idle timeout, sent and received together, to show that the client of an HTTP/1 connection
/// is active.
const ACTIVE_BYTES_MIN: usize = 1 << 10;

/// How often the server checks whether the client of an open request reads too slowly.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// A clock that measures how long a connection waits for its client.
///
/// The clock stops while the server works on a request, however long that takes, unless the client does not accept the bytes that are
/// written to it. It starts again from zero when the server finishes a step, and when the client shows that it is active. How the client
/// shows this depends on the protocol:
///
/// - HTTP/1: [`ACTIVE_BYTES_MIN`] bytes, sent and received together.
/// - HTTP/2: a received part of a request body, or a sent part of a response body. Other bytes show nothing. They may be pings and other
///   control frames, which the client's library sends and answers even when the client itself has stopped reading.
/// - An upgraded connection: a single byte, sent or received.
///
/// While requests wait for memory, a connection also expires when its client reads one of the responses too slowly; see
/// [`ExchangeClock`](super::exchange_clock::ExchangeClock). This is because a client that does not read must not block other clients. It is
/// not enough that the client reads other responses on the same connection, because each response holds its own memory.
///
/// Before the first request, bytes do not show that the client is active. The clock does not limit how slowly a request body arrives: while
/// a handler waits for the body, it counts as the server's turn.
pub(super) struct IdleClock {
    timeout: Duration,
    /// The interval between two checks: [`CHECK_INTERVAL`], except in tests.
    check_interval: Duration,
    state: Arc<ConnectionState>,
    memory: ByteBudget,
    /// When the client last showed that it is active.
    last_active: Instant,
    /// The number of bytes transferred since `last_active`.
    transferred_bytes: usize,
    is_write_blocked: bool,
    /// Whether the next check is at most [`CHECK_INTERVAL`] away, because a request is open.
    is_watched: bool,
    /// Wakes the task at the time of the next check. The timer is not reset for each transferred byte, because resetting it is expensive.
    next_check: Pin<Box<Sleep>>,
}

impl IdleClock {
    /// Starts the clock of a new connection.
    pub fn new(timeout: Duration, state: Arc<ConnectionState>, memory: ByteBudget) -> Self {
        Self {
            timeout,
            check_interval: CHECK_INTERVAL,
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

    /// Becomes ready when the client has been idle for the timeout, or when it reads too slowly while requests wait for memory. Until then,
    /// wakes the task for the next check.
    pub fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_watched && self.state.has_open_requests() {
            self.is_watched = true;
            let check = Instant::now() + self.timeout.min(self.check_interval);
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
            let deadline = idle_since + self.timeout;
            if deadline <= now || (self.memory.waiting() > 0 && self.state.has_late_client(now)) {
                return Poll::Ready(());
            }
            self.is_watched = self.state.has_open_requests();
            let next_check = if self.is_watched {
                deadline.min(now + self.check_interval)
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
    use crate::http::listener::exchange::Exchange;

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
        let exchange = Exchange::begin(&state, SHORT);
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
        drop(Exchange::begin(&state, SHORT));
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
        drop(Exchange::begin(&state, SHORT));
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
            clock.check_interval = SHORT;
            let exchanges = [(); 2].map(|()| Exchange::begin(&state, SHORT));
            if is_stalled {
                // In the other exchange, it is still the server's turn, but that makes no difference.
                exchanges[0].end_part(1);
            }
            let mut waiting = memory.wait(1);
            let mut poll_wait =
                |cx: &mut Context<'_>| Poll::Ready(Pin::new(&mut waiting).poll(cx).is_pending());
            if has_waiting {
                assert!(std::future::poll_fn(&mut poll_wait).await);
            }
            assert_eq!(expires(&mut clock).await, is_stalled && has_waiting);
            drop(exchanges);
        }
    }
}
