//! Interruption by SIGINT or SIGTERM: the current operation finishes first, so that the stores can be deleted.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};

use crate::Result;

static IS_INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Fails once the run was interrupted.
pub fn check() -> io::Result<()> {
    if IS_INTERRUPTED.load(Ordering::Relaxed) {
        Err(io::Error::other("interrupted"))
    } else {
        Ok(())
    }
}

/// Runs `work`, which must call [`check`] regularly.
pub fn interruptible(work: impl FnOnce() -> Result<()> + Send + 'static) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let mut terminated = signal(SignalKind::terminate())?;
        let mut work = tokio::task::spawn_blocking(work);
        tokio::select! {
            result = &mut work => return result?,
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated.recv() => {}
        }
        IS_INTERRUPTED.store(true, Ordering::Relaxed);
        work.await?
    })
}
