//! Limits the concurrent work: a request waits for a permit or for memory before its work starts on a blocking thread.

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::budget::Charge;
use crate::http::blocking::{acquire, resume_panic, run_blocking};
use crate::http::commit_header::ChangeHeaders;
use crate::http::error::{Failure, Result};
use crate::http::metrics::{COMMITS, GaugeGuard, QUEUE_DEPTH};
use crate::http::state::App;
use crate::store::{Published, Store};

impl App {
    /// Calls `read` on the calling thread, which is an async thread. `read` may use only data in memory and read a ref, which is a file of
    /// a few bytes. Both take less time than a switch to a blocking thread.
    pub fn run_inline<T>(&self, read: impl FnOnce(&Store) -> T) -> T {
        read(&self.store)
    }

    /// Runs `read` on a blocking thread once a permit is available.
    ///
    /// # Errors
    /// 503 if no permit becomes available in time; the error of `read`.
    pub async fn run_read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = self.acquire(&self.read_permits).await?;
        self.run_with_permit(permit, read).await
    }

    /// Runs `read` like [`run_read`](Self::run_read), but at most one long read per core runs at the same time. Further long reads would
    /// take CPU time from the threads that serve all connections.
    ///
    /// # Errors
    /// As for [`run_read`](Self::run_read).
    pub async fn run_long_read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.run_long_read_within(self.limits.request_wait, read)
            .await
    }

    /// Runs `read` like [`run_long_read`](Self::run_long_read), but waits up to `wait` for each permit.
    ///
    /// # Errors
    /// As for [`run_read`](Self::run_read).
    pub async fn run_long_read_within<T: Send + 'static>(
        &self,
        wait: Duration,
        read: impl FnOnce(&Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let long_read_permit = acquire(&self.long_read_permits, wait).await?;
        let permit = acquire(&self.read_permits, wait).await?;
        self.run_with_permits(long_read_permit, permit, read).await
    }

    /// Runs `read` like [`run_long_read`](Self::run_long_read) if the permits are free. Otherwise returns `None` at once, without running
    /// `read`.
    pub async fn run_long_read_at_once<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Store) -> T + Send + 'static,
    ) -> Option<T> {
        let long_read_permit = Arc::clone(&self.long_read_permits).try_acquire_owned();
        let long_read_permit = long_read_permit.ok()?;
        let permit = Arc::clone(&self.read_permits).try_acquire_owned().ok()?;
        Some(self.run_with_permits(long_read_permit, permit, read).await)
    }

    async fn run_with_permits<T: Send + 'static>(
        &self,
        long_read_permit: OwnedSemaphorePermit,
        permit: OwnedSemaphorePermit,
        read: impl FnOnce(&Store) -> T + Send + 'static,
    ) -> T {
        let long_read = move |store: &Store| {
            let _permit = long_read_permit;
            read(store)
        };
        self.run_with_permit(permit, long_read).await
    }

    async fn run_with_permit<T: Send + 'static>(
        &self,
        permit: OwnedSemaphorePermit,
        read: impl FnOnce(&Store) -> T + Send + 'static,
    ) -> T {
        let result = run_blocking(&self.store, permit, &Handle::current(), read).await;
        result.unwrap_or_else(resume_panic)
    }

    /// Takes all permits for long reads, so that further long reads must wait.
    #[cfg(test)]
    pub fn take_all_long_read_permits(&self) -> OwnedSemaphorePermit {
        let permits = &self.long_read_permits;
        let all = u32::try_from(permits.available_permits()).unwrap();
        Arc::clone(permits).try_acquire_many_owned(all).unwrap()
    }

    /// Runs `write` on a blocking thread once a permit is available. Once `write` has started, it runs to its end even if the client
    /// disconnects.
    ///
    /// # Errors
    /// 503 if no permit becomes available in time; the error of `write`.
    pub async fn run_write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let threads = self.write_threads.clone().unwrap_or_else(Handle::current);
        let permit = self.acquire(&self.write_permits).await?;
        let result = run_blocking(&self.store, permit, &threads, write).await;
        result.unwrap_or_else(resume_panic)
    }

    /// Runs a write that may make a commit, and counts the commit in the metrics. Returns the response headers of the write, and the value
    /// that `write` returned.
    ///
    /// # Errors
    /// As for [`run_write`](Self::run_write).
    pub async fn publish<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Store) -> Result<Published<T>> + Send + 'static,
    ) -> Result<(ChangeHeaders, T)> {
        let published = self.run_write(write).await?;
        if published.has_moved {
            counter!(COMMITS).increment(1);
        }
        Ok((ChangeHeaders::from(&published), published.value))
    }

    /// Acquires one of `permits`. Waits for it up to [`request_wait`](crate::config::ServerLimits::request_wait).
    ///
    /// # Errors
    /// 503 if no permit becomes available in time.
    pub async fn acquire(&self, permits: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit> {
        acquire(permits, self.limits.request_wait).await
    }

    /// Charges `bytes` to the memory budget or, if the budget allows no charge of that size, the largest possible charge. Waits until that
    /// much memory is free. The caller must hold neither another charge nor a permit.
    ///
    /// # Errors
    /// 503 if the memory does not become free in time.
    pub async fn charge(&self, bytes: u64) -> Result<Charge> {
        self.charge_within(self.limits.request_wait, bytes).await
    }

    /// Charges like [`charge`](Self::charge), but waits up to `wait` for the memory.
    ///
    /// # Errors
    /// As for [`charge`](Self::charge).
    pub async fn charge_within(&self, wait: Duration, bytes: u64) -> Result<Charge> {
        let bytes = bytes.min(self.memory.largest());
        if let Ok(charge) = self.memory.try_charge(bytes) {
            return Ok(charge);
        }
        let _queued = GaugeGuard::increment(QUEUE_DEPTH);
        match timeout(wait, self.memory.wait(bytes)).await {
            Ok(charge) => Ok(charge?),
            Err(_) => Err(Failure::busy()),
        }
    }
}
