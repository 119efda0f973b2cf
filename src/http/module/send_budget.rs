//! Memory for large modules: what is read of them at a time has a limit.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use crate::http::blocking::busy;
use crate::http::error::Result;
use crate::http::state::App;
use crate::names::ModuleHash;
use crate::store::{self, Module, Store};

/// Modules up to this size, in bytes, are read without asking whether there is memory for them.
pub(in crate::http) const SMALL_BYTES_MAX: u64 = 1 << 20;

/// A large module in memory.
pub(in crate::http) struct Held {
    module: Module,
    _memory: OwnedSemaphorePermit,
}

/// The large modules that are being sent: all who ask for the same one share it.
#[derive(Default)]
pub(in crate::http) struct Large(Mutex<HashMap<ModuleHash, Weak<Held>>>);

impl Large {
    /// A module that somebody is being sent, and what keeps it in memory.
    pub fn get(&self, hash: ModuleHash) -> Option<(Module, Option<Arc<Held>>)> {
        let held = self.held().get(&hash)?.upgrade()?;
        Some((held.module.clone(), Some(held)))
    }

    /// Keeps a module in memory as long as it is being sent; one that is there already goes before it.
    pub fn keep(
        &self,
        module: Module,
        memory: OwnedSemaphorePermit,
    ) -> (Module, Option<Arc<Held>>) {
        let mut all = self.held();
        all.retain(|_, held| held.strong_count() > 0);
        if let Some(held) = all.get(&module.hash).and_then(Weak::upgrade) {
            return (held.module.clone(), Some(held));
        }
        let held = Arc::new(Held {
            module: module.clone(),
            _memory: memory,
        });
        all.insert(module.hash, Arc::downgrade(&held));
        (module, Some(held))
    }

    fn held(&self) -> MutexGuard<'_, HashMap<ModuleHash, Weak<Held>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

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
