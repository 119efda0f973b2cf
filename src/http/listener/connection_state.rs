//! What goes on on a connection, as its parts tell each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What goes on on one connection. The service writes it down, the socket reads it to judge whether the client is waited for.
#[derive(Debug)]
pub(in crate::http) struct Activity {
    start: Instant,
    /// Bytes that came from the client. The socket counts them.
    received_bytes: AtomicU64,
    /// Requests that came, whether they are answered or not.
    requests: AtomicU64,
    /// Requests whose answer is not yet handed over in full.
    open: AtomicUsize,
    /// Those of them that wait for the server.
    working: AtomicUsize,
    /// When the server last stopped working on one, in milliseconds after `start`.
    worked_until_ms: AtomicU64,
    is_upgraded: AtomicBool,
    is_stopping: AtomicBool,
    is_at_rest: AtomicBool,
}

/// One request and its answer, from the head of the one to the last byte of the other. Dropping it ends it.
#[derive(Debug)]
pub(in crate::http) struct Exchange {
    activity: Arc<Activity>,
    is_working: bool,
}

impl Activity {
    /// Nothing has happened yet.
    pub(in crate::http) fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            received_bytes: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            working: AtomicUsize::new(0),
            worked_until_ms: AtomicU64::new(0),
            is_upgraded: AtomicBool::new(false),
            is_stopping: AtomicBool::new(false),
            is_at_rest: AtomicBool::new(false),
        })
    }

    /// Counts bytes that came from the client.
    pub(in crate::http) fn received(&self, count: usize) {
        self.received_bytes
            .fetch_add(count as u64, Ordering::Relaxed);
    }

    /// How many bytes came from the client so far.
    pub(in crate::http) fn received_bytes(&self) -> u64 {
        self.received_bytes.load(Ordering::Relaxed)
    }

    /// How many requests came so far.
    pub(in crate::http) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Notes that the server ends the connection of its own accord. If no request is being answered, then no answer can get
    /// lost by closing at once.
    pub(in crate::http) fn stop(&self) {
        let is_idle = self.open.load(Ordering::Relaxed) == 0;
        self.is_at_rest.store(is_idle, Ordering::Relaxed);
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Whether the server ends the connection.
    pub(in crate::http) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    /// Whether the server ended the connection while no request was being answered.
    pub(in crate::http) fn is_at_rest(&self) -> bool {
        self.is_at_rest.load(Ordering::Relaxed)
    }

    /// Whether some request waits for the server, and not for the client.
    pub(in crate::http) fn is_working(&self) -> bool {
        // Pairs with the release in `Exchange::waits`: whoever sees nobody working sees until when.
        self.working.load(Ordering::Acquire) > 0
    }

    /// When the server last stopped working on a request.
    pub(in crate::http) fn worked_until(&self) -> Instant {
        self.start + Duration::from_millis(self.worked_until_ms.load(Ordering::Relaxed))
    }

    /// Notes that the connection speaks another protocol from now on.
    pub(in crate::http) fn upgrade(&self) {
        self.is_upgraded.store(true, Ordering::Relaxed);
    }

    /// Whether the connection speaks another protocol than HTTP.
    pub(in crate::http) fn is_upgraded(&self) -> bool {
        self.is_upgraded.load(Ordering::Relaxed)
    }
}

impl Exchange {
    /// Begins: the server works.
    pub(in crate::http) fn begin(activity: &Arc<Activity>) -> Self {
        activity.requests.fetch_add(1, Ordering::Relaxed);
        activity.open.fetch_add(1, Ordering::Relaxed);
        let mut exchange = Self {
            activity: Arc::clone(activity),
            is_working: false,
        };
        exchange.works();
        exchange
    }

    /// Says that the next step is the server's.
    pub(in crate::http) fn works(&mut self) {
        if !self.is_working {
            self.is_working = true;
            self.activity.working.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Says that the next step is the client's.
    pub(in crate::http) fn waits(&mut self) {
        if self.is_working {
            self.is_working = false;
            let now_ms = u64::try_from(self.activity.start.elapsed().as_millis());
            let now_ms = now_ms.unwrap_or(u64::MAX);
            self.activity
                .worked_until_ms
                .store(now_ms, Ordering::Relaxed);
            self.activity.working.fetch_sub(1, Ordering::Release);
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.waits();
        self.activity.open.fetch_sub(1, Ordering::Relaxed);
    }
}
