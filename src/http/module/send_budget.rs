//! The memory for large modules in responses.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::config::ServerLimits;
use crate::http::error::{Failure, Result};
use crate::names::ModuleHash;
use crate::store::Module;

/// Modules up to this size, in bytes, are read without a permit.
pub(in crate::http) const SMALL_BYTES_MAX: u64 = 1 << 20;

/// Limits the memory that large modules occupy while they are sent, and shares each module among its responses.
pub(in crate::http) struct SendBudget {
    /// One permit per KiB.
    kib: Arc<Semaphore>,
    bytes_max: u64,
    /// How long a request waits for memory.
    wait: Duration,
    /// The large modules that are being sent.
    modules: Mutex<HashMap<ModuleHash, Weak<BudgetedModule>>>,
}

/// A large module in memory and the memory that is reserved for it.
pub(in crate::http) struct BudgetedModule {
    module: Module,
    _memory: OwnedSemaphorePermit,
}

impl SendBudget {
    /// Creates a budget of [`sending_bytes_max`](ServerLimits::sending_bytes_max) bytes.
    pub fn new(limits: &ServerLimits) -> Self {
        let kib = usize::try_from(limits.sending_bytes_max >> 10).unwrap_or(usize::MAX);
        Self {
            kib: Arc::new(Semaphore::new(kib.min(Semaphore::MAX_PERMITS))),
            bytes_max: limits.sending_bytes_max,
            wait: limits.request_wait,
            modules: Mutex::default(),
        }
    }

    /// Waits for the memory to read a module of this size. A small module needs none.
    ///
    /// # Errors
    /// 503 if the memory does not become available in time.
    pub async fn reserve_if_large(&self, size_bytes: u64) -> Result<Option<OwnedSemaphorePermit>> {
        if size_bytes > SMALL_BYTES_MAX {
            self.reserve(size_bytes).await.map(Some)
        } else {
            Ok(None)
        }
    }

    /// Waits for the memory to read a large module. A module that exceeds the whole budget gets all of it, so no other large module
    /// is in memory at the same time.
    ///
    /// # Errors
    /// 503 if the memory does not become available in time.
    pub async fn reserve(&self, size_bytes: u64) -> Result<OwnedSemaphorePermit> {
        let kib = u32::try_from(size_bytes.min(self.bytes_max) >> 10).unwrap_or(u32::MAX);
        let memory = Arc::clone(&self.kib).acquire_many_owned(kib);
        match timeout(self.wait, memory).await {
            Ok(memory) => Ok(memory.expect("BUG: the semaphore is never closed")),
            Err(_) => Err(Failure::busy()),
        }
    }

    /// Returns the module if it is being sent, with the handle that keeps its memory reserved.
    pub fn get(&self, hash: ModuleHash) -> Option<(Module, Option<Arc<BudgetedModule>>)> {
        let sent = self.modules().get(&hash)?.upgrade()?;
        Some((sent.module.clone(), Some(sent)))
    }

    /// Shares a module with later requests until its last response is sent. If another request has shared it before, returns
    /// that copy.
    pub fn share(
        &self,
        module: Module,
        memory: OwnedSemaphorePermit,
    ) -> (Module, Option<Arc<BudgetedModule>>) {
        let mut modules = self.modules();
        modules.retain(|_, sent| sent.strong_count() > 0);
        if let Some(sent) = modules.get(&module.hash).and_then(Weak::upgrade) {
            return (sent.module.clone(), Some(sent));
        }
        let sent = Arc::new(BudgetedModule {
            module: module.clone(),
            _memory: memory,
        });
        modules.insert(module.hash, Arc::downgrade(&sent));
        (module, Some(sent))
    }

    fn modules(&self) -> MutexGuard<'_, HashMap<ModuleHash, Weak<BudgetedModule>>> {
        self.modules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
