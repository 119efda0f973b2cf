//! What mirrors need of a store's folder: a lock for each, and a configuration that survives.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::names::MirrorName;
use crate::repo::error::Result;
use crate::repo::fs::{sync_dir, sync_file};
use crate::repo::locks::Guard;
use crate::repo::parts::Parts;

/// Nobody else pushes to that mirror. Dropping it releases.
#[derive(Debug)]
pub struct MirrorLock {
    _guard: Guard,
}

/// Takes the lock of a mirror; `None` if others hold it until `limit` has passed.
pub(crate) fn lock(
    parts: &Parts,
    name: &MirrorName,
    limit: Duration,
) -> Result<Option<MirrorLock>> {
    let guard = parts.locks.mirror(name, Instant::now() + limit)?;
    Ok(guard.map(|_guard| MirrorLock { _guard }))
}

/// The folder for what is known of mirrors, `ROOT/wasmstore/mirrors`; who holds a lock of one has created it.
pub(crate) fn dir(own_dir: &Path) -> PathBuf {
    own_dir.join("mirrors")
}

/// Makes durable what git wrote to the configuration.
pub(crate) fn sync_config(root: &Path) -> Result<()> {
    sync_file(&root.join("config"))?;
    sync_dir(root)
}
