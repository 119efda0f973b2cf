//! The timeout for the head of an HTTP/1 request.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

use super::connection_state::ConnectionState;

/// The timeout for an incomplete head once the server is shutting down.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(500);

/// The timer that hyper uses for the timeout of the heads of HTTP/1 requests.
///
/// hyper sets the timer as soon as the previous response is sent. At that time, the client of a kept-alive connection has not begun its
/// next request. So this timer starts only with the first byte of the next head; until then, only the idle timeout applies. On a new
/// connection, the timer starts at once.
pub(super) struct HeaderTimer {
    pub state: Arc<ConnectionState>,
}

impl Timer for HeaderTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        let is_first_request = self.state.requests() == 0;
        Box::pin(HeaderSleep {
            state: Arc::clone(&self.state),
            received_bytes_before: self.state.received_bytes(),
            duration,
            sleep: is_first_request.then(|| Box::pin(tokio::time::sleep(duration))),
            is_shortened: false,
        })
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.sleep(deadline.saturating_duration_since(Instant::now()))
    }
}

struct HeaderSleep {
    state: Arc<ConnectionState>,
    /// The number of bytes received on the connection before this head.
    received_bytes_before: u64,
    duration: Duration,
    /// The running timeout; `None` until the first byte of the head is received.
    sleep: Option<Pin<Box<tokio::time::Sleep>>>,
    is_shortened: bool,
}

impl Sleep for HeaderSleep {}

impl Future for HeaderSleep {
    type Output = ();

    /// Polls the timeout. While `sleep` is `None`, no waker needs to be registered: the socket wakes the task when it receives bytes, and
    /// hyper polls this timer after each attempt to read.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if this.state.is_shutting_down() && !this.is_shortened {
            this.is_shortened = true;
            this.duration = this.duration.min(SHUTDOWN_TIMEOUT);
            this.sleep = Some(Box::pin(tokio::time::sleep(this.duration)));
        }
        let has_begun = this.state.received_bytes() != this.received_bytes_before;
        if this.sleep.is_none() && has_begun {
            this.sleep = Some(Box::pin(tokio::time::sleep(this.duration)));
        }
        match &mut this.sleep {
            Some(sleep) => sleep.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}
