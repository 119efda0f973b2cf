//! A place among the connections.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::metrics::{CONNECTIONS, Counted};

/// One of the connections that there may be at a time. Dropping it gives it back.
pub(in crate::http) struct Place {
    _open: Counted,
    _permit: OwnedSemaphorePermit,
}

/// All the places.
pub(in crate::http) struct Places {
    free: Arc<Semaphore>,
}

impl Places {
    /// So many places.
    pub(in crate::http) fn new(count: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// Takes a place, if there is one.
    pub(in crate::http) fn take(&self) -> Option<Place> {
        let permit = Arc::clone(&self.free).try_acquire_owned().ok()?;
        Some(Place {
            _open: Counted::one_of(CONNECTIONS),
            _permit: permit,
        })
    }
}
