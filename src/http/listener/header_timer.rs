//! How long the head of an HTTP/1 request may take.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

use super::connection_state::Activity;

/// How long a head that has begun may still take when the server stops.
const STOP_TIME: Duration = Duration::from_millis(500);

/// The timer for the heads of HTTP/1 requests.
///
/// hyper starts its clock when the last answer is out. A client that keeps a connection for its next request has not begun
/// that yet, so here the clock starts with the first byte; until then the connection is merely idle. A new connection's
/// clock starts at once.
pub(in crate::http) struct HeadTimer {
    pub(in crate::http) activity: Arc<Activity>,
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        let is_first = self.activity.requests() == 0;
        Box::pin(HeadSleep {
            activity: Arc::clone(&self.activity),
            quiet_bytes: self.activity.received_bytes(),
            duration,
            sleep: is_first.then(|| Box::pin(tokio::time::sleep(duration))),
            is_shortened: false,
        })
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.sleep(deadline.saturating_duration_since(Instant::now()))
    }
}

struct HeadSleep {
    activity: Arc<Activity>,
    /// What had come when the connection became idle.
    quiet_bytes: u64,
    duration: Duration,
    /// Set when the head has begun.
    sleep: Option<Pin<Box<tokio::time::Sleep>>>,
    is_shortened: bool,
}

impl Sleep for HeadSleep {}

impl Future for HeadSleep {
    type Output = ();

    /// hyper polls this after each attempt to read, which is what wakes the task while there is no `sleep`.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if this.activity.is_stopping() && !this.is_shortened {
            this.is_shortened = true;
            this.duration = this.duration.min(STOP_TIME);
            this.sleep = Some(Box::pin(tokio::time::sleep(this.duration)));
        }
        let has_begun = this.activity.received_bytes() != this.quiet_bytes;
        if this.sleep.is_none() && has_begun {
            this.sleep = Some(Box::pin(tokio::time::sleep(this.duration)));
        }
        match &mut this.sleep {
            Some(sleep) => sleep.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}
