//! The lock of each mirror, and the directory of the mirrors' state.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::names::MirrorName;
use crate::repo::error::Result;
use crate::repo::locks::Guard;
use crate::repo::parts::Parts;

/// The lock of a mirror. While it is held, no other process pushes to the mirror. Dropping it releases the lock.
#[derive(Debug)]
pub struct MirrorLock {
    _guard: Guard,
}

/// Takes the lock of a mirror; `None` if another process still holds it after `limit`.
pub(crate) fn lock(
    parts: &Parts,
    name: &MirrorName,
    limit: Duration,
) -> Result<Option<MirrorLock>> {
    let guard = parts.locks.mirror(name, Instant::now() + limit)?;
    Ok(guard.map(|_guard| MirrorLock { _guard }))
}

/// Returns the directory for the state of mirrors, `ROOT/wasmstore/mirrors`. It is created when a mirror is locked for the first
/// time.
pub(crate) fn dir(own_dir: &Path) -> PathBuf {
    own_dir.join("mirrors")
}
