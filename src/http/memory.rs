//! Memory for large modules: what is read of them at a time has a limit.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::crossing::busy;
use super::error::Result;
use super::state::App;
use crate::store::{self, Store};

/// Modules up to this size, in bytes, are read without asking whether there is memory for them.
pub(super) const SMALL_BYTES_MAX: u64 = 1 << 20;

impl App {
    /// Waits until there is memory for a module that is going to be read, whose size `size_bytes` tells; none is needed for a
    /// small one. It is given back when the answer is dropped.
    pub async fn afford(
        &self,
        size_bytes: impl FnOnce(&Store) -> store::Result<u64> + Send + 'static,
    ) -> Result<Option<OwnedSemaphorePermit>> {
        let size_bytes = self.run(move |store| Ok(size_bytes(store)?)).await?;
        match size_bytes > SMALL_BYTES_MAX {
            true => self.memory(size_bytes).await.map(Some),
            false => Ok(None),
        }
    }

    /// Waits until there is memory for a large module. One that is larger than all of it is read when no other is.
    pub async fn memory(&self, size_bytes: u64) -> Result<OwnedSemaphorePermit> {
        let size_bytes = size_bytes.min(self.limits.sending_bytes_max);
        let kib = u32::try_from(size_bytes >> 10).unwrap_or(u32::MAX);
        let memory = Arc::clone(&self.large_bodies).acquire_many_owned(kib);
        match timeout(self.limits.request_wait, memory).await {
            Ok(memory) => Ok(memory.expect("BUG: nobody closes the semaphore")),
            Err(_) => Err(busy()),
        }
    }
}
