//! From the asynchronous server into the synchronous store: the one place where they meet.

use std::panic;
use std::sync::Arc;

use axum::http::StatusCode;
use metrics::{Gauge, gauge};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::timeout;

use super::error::{Failure, Result};
use super::metrics::QUEUE_DEPTH;
use super::state::App;
use crate::store::Store;

impl App {
    /// Asks the store for what is in memory, but for the few bytes of a ref: that takes less time than to go where it may block.
    pub fn at_once<T>(&self, look: impl FnOnce(&Store) -> T) -> T {
        look(&self.store)
    }

    /// Reads the store where it may block, in its turn.
    ///
    /// # Errors
    /// 503 if its turn does not come in time; what `work` returns.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.cross(&self.reading, work).await
    }

    /// Changes the store where it may block, in its turn. Once begun it runs to its end, even if the client leaves.
    ///
    /// # Errors
    /// 503 if its turn does not come in time; what `work` returns.
    pub async fn run_change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.cross(&self.changing, work).await
    }

    async fn cross<T: Send + 'static>(
        &self,
        places: &Arc<Semaphore>,
        work: impl FnOnce(&Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let place = self.place(places).await?;
        let store = Arc::clone(&self.store);
        let span = tracing::Span::current();
        let done = spawn_blocking(move || {
            let _place = place;
            span.in_scope(|| work(&store))
        });
        done.await.unwrap_or_else(resume)
    }

    async fn place(&self, places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit> {
        if let Ok(place) = Arc::clone(places).try_acquire_owned() {
            return Ok(place);
        }
        let queue = gauge!(QUEUE_DEPTH);
        queue.increment(1);
        let _leave = Leave(&queue);
        let place = timeout(self.limits.request_wait, Arc::clone(places).acquire_owned());
        match place.await {
            Ok(place) => Ok(place.expect("BUG: nobody closes the semaphore")),
            Err(_) => Err(busy()),
        }
    }
}

/// Takes a request out of the count of those that wait, also if its client leaves meanwhile.
struct Leave<'g>(&'g Gauge);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

/// 503 for want of a place.
pub(super) fn busy() -> Failure {
    let detail = "the server is busy; try again";
    Failure::new(StatusCode::SERVICE_UNAVAILABLE, detail)
}

/// A panic of the work is the request's.
fn resume<T>(error: JoinError) -> T {
    match error.try_into_panic() {
        Ok(panic) => panic::resume_unwind(panic),
        Err(error) => unreachable!("BUG: nobody aborts the work: {error}"),
    }
}
