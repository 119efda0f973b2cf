//! From the asynchronous server into the synchronous store: the one place where they meet.

use std::panic;
use std::sync::Arc;

use axum::http::StatusCode;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;
use tokio::time::timeout;

use crate::http::error::{Failure, Result};
use crate::http::metrics::{Counted, QUEUE_DEPTH};
use crate::http::state::App;
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
        self.in_turn(&self.reading, &Handle::current(), work).await
    }

    /// Changes the store where it may block, in its turn. Once begun it runs to its end, even if the client leaves.
    ///
    /// # Errors
    /// 503 if its turn does not come in time; what `work` returns.
    pub async fn run_change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let threads = self.changes.clone().unwrap_or_else(Handle::current);
        self.in_turn(&self.changing, &threads, work).await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        places: &Arc<Semaphore>,
        threads: &Handle,
        work: impl FnOnce(&Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let place = self.place(places).await?;
        let done = cross(&self.store, place, threads, work).await;
        done.unwrap_or_else(resume)
    }

    /// Waits for one of the places.
    ///
    /// # Errors
    /// 503 if none becomes free in time.
    pub async fn place(&self, places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit> {
        if let Ok(place) = Arc::clone(places).try_acquire_owned() {
            return Ok(place);
        }
        let _waiting = Counted::one_of(QUEUE_DEPTH);
        let place = timeout(self.limits.request_wait, Arc::clone(places).acquire_owned());
        match place.await {
            Ok(place) => Ok(place.expect("BUG: nobody closes the semaphore")),
            Err(_) => Err(busy()),
        }
    }
}

/// Does `work` on the store on `threads`, where it may block. `place` is given back when it is done, though who asked for it may
/// have left.
///
/// # Errors
/// `work` panicked.
pub(in crate::http) async fn cross<T: Send + 'static>(
    store: &Arc<Store>,
    place: OwnedSemaphorePermit,
    threads: &Handle,
    work: impl FnOnce(&Store) -> T + Send + 'static,
) -> Result<T, JoinError> {
    let store = Arc::clone(store);
    let span = tracing::Span::current();
    let done = threads.spawn_blocking(move || {
        let _place = place;
        span.in_scope(|| work(&store))
    });
    done.await
}

/// Does what may block and nobody waits for, or at once where there is no server any more.
pub(in crate::http) fn aside(work: impl FnOnce() + Send + 'static) {
    match Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(work)),
        Err(_) => work(),
    }
}

/// 503 for want of a place.
pub(in crate::http) fn busy() -> Failure {
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
