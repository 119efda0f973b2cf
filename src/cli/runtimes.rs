//! The threads of a server: those that answer, and those that make changes and let the others go first.

use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::{Error, Result};
use crate::store::{ThreadPriority, lower_thread_priority};

/// How long work on the store that outlives its request may go on at the end. What is cut then is as after a crash: whole or
/// not there.
const WORK_GRACE: Duration = Duration::from_secs(5);

/// The threads of a server.
pub(super) struct Threads {
    answers: Runtime,
    changes: Runtime,
}

impl Threads {
    /// Makes them ready.
    pub fn new() -> Result<Self> {
        let answers = Builder::new_multi_thread().enable_all().build();
        // Nothing but what blocks is done there.
        let mut changes = Builder::new_current_thread();
        let changes = changes
            .on_thread_start(|| lower_thread_priority(ThreadPriority::BelowReads))
            .build();
        Ok(Self {
            answers: answers.map_err(Error::Runtime)?,
            changes: changes.map_err(Error::Runtime)?,
        })
    }

    /// The SIGHUPs from now on, which end nothing any more.
    ///
    /// # Errors
    /// The system grants none.
    pub fn hangups(&self) -> Result<Signal> {
        let _entered = self.answers.enter();
        signal(SignalKind::hangup()).map_err(Error::Runtime)
    }

    /// Those on which changes are made.
    pub fn changes(&self) -> Handle {
        self.changes.handle().clone()
    }

    /// Serves until that ends, and waits for what still works on the store.
    pub fn run<T>(self, serving: impl Future<Output = T>) -> T {
        let served = self.answers.block_on(serving);
        let deadline = Instant::now() + WORK_GRACE;
        for runtime in [self.changes, self.answers] {
            runtime.shutdown_timeout(deadline.saturating_duration_since(Instant::now()));
        }
        served
    }
}
