//! What mirrors need of a store's folder: a lock for each, and a configuration that survives.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::names::MirrorName;
use crate::repo::error::Result;
use crate::repo::fs::{sync_dir, sync_file};
use crate::repo::locks::Guard;
use crate::repo::repository::Repository;

/// Nobody else pushes to that mirror. Dropping it releases.
#[derive(Debug)]
pub struct MirrorLock {
    _guard: Guard,
}

impl Repository {
    /// Takes the lock of a mirror; `None` if others hold it until `limit` has passed.
    pub fn lock_mirror(&self, name: &MirrorName, limit: Duration) -> Result<Option<MirrorLock>> {
        let guard = self.parts.locks.mirror(name, Instant::now() + limit)?;
        Ok(guard.map(|_guard| MirrorLock { _guard }))
    }

    /// The folder for what is known of mirrors, `ROOT/wasmstore/mirrors`; who holds a lock of one has created it.
    pub fn mirrors_dir(&self) -> PathBuf {
        self.own_dir().join("mirrors")
    }

    /// Makes durable what git wrote to the configuration.
    pub fn flush_config(&self) -> Result<()> {
        sync_file(&self.root().join("config"))?;
        sync_dir(self.root())
    }
}
