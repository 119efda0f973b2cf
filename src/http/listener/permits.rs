//! The connection limit.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::metrics::{CONNECTIONS, GaugeGuard};

/// The right to one of a limited number of connections, which ends when the permit is dropped.
pub(super) struct ConnectionPermit {
    _counted: GaugeGuard,
    _permit: OwnedSemaphorePermit,
}

/// The permits for all connections of a server.
pub(super) struct ConnectionPermits {
    available: Arc<Semaphore>,
}

impl ConnectionPermits {
    /// Returns permits for `count` connections at a time.
    pub fn new(count: usize) -> Self {
        Self {
            available: Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// Takes a permit; returns `None` when the limit is reached.
    pub fn try_acquire(&self) -> Option<ConnectionPermit> {
        let permit = Arc::clone(&self.available).try_acquire_owned().ok()?;
        Some(ConnectionPermit {
            _counted: GaugeGuard::increment(CONNECTIONS),
            _permit: permit,
        })
    }
}
