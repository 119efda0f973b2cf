//! Being told to stop: the run ends with what is under way, so that all that was made can be removed.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};

use crate::Result;

static IS_INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Fails once the run was interrupted.
pub fn check() -> io::Result<()> {
    match IS_INTERRUPTED.load(Ordering::Relaxed) {
        true => Err(io::Error::other("interrupted")),
        false => Ok(()),
    }
}

/// Runs `work`, which has to [`check`] now and then whether it may go on.
pub fn interruptible(work: impl FnOnce() -> Result<()> + Send + 'static) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let mut terminated = signal(SignalKind::terminate())?;
        let mut work = tokio::task::spawn_blocking(work);
        tokio::select! {
            ended = &mut work => return ended?,
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated.recv() => {}
        }
        IS_INTERRUPTED.store(true, Ordering::Relaxed);
        work.await?
    })
}
