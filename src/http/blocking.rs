//! Runs calls of the synchronous store for the asynchronous server.
//!
//! Everything in `http` is asynchronous; everything in [`store`](crate::store) and below is synchronous. Handlers make calls of the store
//! that may block only through this file. The exception is the check of the bucket (`bucket/generation.rs`), which must not hold a permit.

use std::panic;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;
use tokio::time::timeout;

use crate::http::error::{Failure, Result};
use crate::http::metrics::{GaugeGuard, QUEUE_DEPTH};
use crate::store::Store;

/// Runs `work` on a blocking thread of the runtime `threads`. Once `work` has started, it runs to its end even if the returned future is
/// dropped because the client disconnected. `permit` is released when `work` has ended.
///
/// # Errors
/// If `work` panicked.
pub(super) async fn run_blocking<T: Send + 'static>(
    store: &Arc<Store>,
    permit: OwnedSemaphorePermit,
    threads: &Handle,
    work: impl FnOnce(&Store) -> T + Send + 'static,
) -> Result<T, JoinError> {
    let store = Arc::clone(store);
    let span = tracing::Span::current();
    threads
        .spawn_blocking(move || {
            let _permit = permit;
            span.in_scope(|| work(&store))
        })
        .await
}

/// Starts `work`, which may block, on a blocking thread and does not wait for it. Outside of a tokio runtime, for example while a server is
/// dropped, runs `work` on the calling thread.
pub(super) fn run_detached(work: impl FnOnce() + Send + 'static) {
    match Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(work)),
        Err(_) => work(),
    }
}

/// Acquires a permit. While this waits, the request is counted in the metric for queued requests.
///
/// # Errors
/// 503 if no permit is released within `wait`.
pub(super) async fn acquire(
    permits: &Arc<Semaphore>,
    wait: Duration,
) -> Result<OwnedSemaphorePermit> {
    if let Ok(permit) = Arc::clone(permits).try_acquire_owned() {
        return Ok(permit);
    }
    let _queued = GaugeGuard::increment(QUEUE_DEPTH);
    match timeout(wait, Arc::clone(permits).acquire_owned()).await {
        Ok(permit) => Ok(permit.expect("BUG: the semaphore is never closed")),
        Err(_) => Err(Failure::busy()),
    }
}

/// Raises the panic of a blocking thread again, in the request that waits for that thread.
pub(super) fn resume_panic<T>(error: JoinError) -> T {
    match error.try_into_panic() {
        Ok(panic) => panic::resume_unwind(panic),
        Err(error) => unreachable!("BUG: the work is never aborted: {error}"),
    }
}
