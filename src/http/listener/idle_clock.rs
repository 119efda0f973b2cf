//! When a client was waited for long enough.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::connection_state::Activity;

/// What has to go over the wire, either way, to count as a sign of life, in bytes. HTTP/2's pings are less than that in all:
/// they are answered by the client's library also when the client itself has stopped reading.
const SIGN_OF_LIFE_BYTES: usize = 1 << 10;

/// The clock that runs while a connection waits for its client.
///
/// It stands still while the server works on a request, however long that takes, unless the client does not take what is
/// written to it. It starts anew when the server has done its part, and whenever bytes go over the wire in either direction:
/// [`SIGN_OF_LIFE_BYTES`] of them, or a single one once the connection is upgraded. How fast the body of a request must
/// come is not judged here: while a handler waits for it, the server counts as working.
pub(in crate::http) struct IdleClock {
    timeout: Duration,
    activity: Arc<Activity>,
    /// When there was the last sign of life.
    alive_at: Instant,
    /// What went over the wire since.
    moved_bytes: usize,
    is_write_blocked: bool,
    /// Wakes the task when it is time to look again. It is not set anew for each byte.
    look: Pin<Box<Sleep>>,
}

impl IdleClock {
    /// Starts the clock.
    pub(in crate::http) fn new(timeout: Duration, activity: Arc<Activity>) -> Self {
        Self {
            timeout,
            activity,
            alive_at: Instant::now(),
            moved_bytes: 0,
            is_write_blocked: false,
            look: Box::pin(tokio::time::sleep(timeout)),
        }
    }

    /// Notes bytes that went over the wire.
    pub(in crate::http) fn moved(&mut self, count: usize) {
        self.moved_bytes = self.moved_bytes.saturating_add(count);
        let enough = if self.activity.is_upgraded() {
            1
        } else {
            SIGN_OF_LIFE_BYTES
        };
        if self.moved_bytes >= enough {
            self.moved_bytes = 0;
            self.alive_at = Instant::now();
        }
    }

    /// Notes whether the last write could not go on because the client takes nothing.
    pub(in crate::http) fn write_blocked(&mut self, is_blocked: bool) {
        self.is_write_blocked = is_blocked;
    }

    /// Is ready once the client was waited for in vain, and wakes the task then.
    pub(in crate::http) fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.look.as_mut().poll(cx));
            let now = Instant::now();
            let since = if self.activity.is_working() && !self.is_write_blocked {
                now
            } else {
                self.alive_at.max(self.activity.worked_until().into())
            };
            let deadline = since + self.timeout;
            if deadline <= now {
                return Poll::Ready(());
            }
            self.look.as_mut().reset(deadline);
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

    #[tokio::test]
    async fn work_stops_the_clock_unless_the_client_takes_nothing() {
        let activity = Activity::new();
        let mut clock = IdleClock::new(SHORT, Arc::clone(&activity));
        let exchange = Exchange::begin(&activity);
        assert!(!expires(&mut clock).await);
        clock.write_blocked(true);
        assert!(expires(&mut clock).await);
        clock.write_blocked(false);
        assert!(!expires(&mut clock).await);
        drop(exchange);
        assert!(expires(&mut clock).await);
    }

    #[tokio::test]
    async fn only_a_sign_of_life_starts_it_anew() {
        let activity = Activity::new();
        let mut clock = IdleClock::new(SHORT * 2, Arc::clone(&activity));
        for count in [SIGN_OF_LIFE_BYTES, 1] {
            for _ in 0..10 {
                tokio::time::sleep(SHORT / 2).await;
                clock.moved(count);
            }
            let is_alive = count == SIGN_OF_LIFE_BYTES;
            let now = std::future::poll_fn(|cx| Poll::Ready(clock.poll_expired(cx))).await;
            assert_eq!(now.is_pending(), is_alive);
        }
        activity.upgrade();
        clock.moved(1);
        let now = std::future::poll_fn(|cx| Poll::Ready(clock.poll_expired(cx))).await;
        assert!(now.is_pending());
    }
}
