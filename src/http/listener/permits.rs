//! The connection limit.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::metrics::{CONNECTIONS, GaugeGuard};

/// The permit for one open connection. When it is dropped, another connection can get it.
pub(super) struct ConnectionPermit {
    _counted: GaugeGuard,
    _permit: OwnedSemaphorePermit,
}

/// The permits for all connections of a server.
pub(super) struct ConnectionPermits {
    available: Arc<Semaphore>,
}

impl ConnectionPermits {
    /// Returns the permits for at most `count` connections at the same time.
    pub fn new(count: usize) -> Self {
        Self {
            available: Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// Takes a permit; returns `None` if all are in use.
    pub fn try_acquire(&self) -> Option<ConnectionPermit> {
        let permit = Arc::clone(&self.available).try_acquire_owned().ok()?;
        Some(ConnectionPermit {
            _counted: GaugeGuard::increment(CONNECTIONS),
            _permit: permit,
        })
    }
}
