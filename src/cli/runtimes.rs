//! The tokio runtimes of a server, which own its threads.

use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::{Error, Result};
use crate::store::{ThreadPriority, lower_thread_priority};

/// How long a stopping server waits for work on the store that is still running although its request has ended. Work that is not finished
/// then is interrupted, with the same effect as a crash: each write is complete or absent.
const WORK_GRACE: Duration = Duration::from_secs(5);

/// The runtimes of a server. Writes have a runtime of their own, whose threads have a lower priority, so that they do not slow down reads.
pub(super) struct Runtimes {
    requests: Runtime,
    writes: Runtime,
}

impl Runtimes {
    /// Creates the runtimes.
    pub fn new() -> Result<Self> {
        let requests = Builder::new_multi_thread().enable_all().build();
        // Only blocking tasks run on this runtime, and they have threads of their own.
        let mut writes = Builder::new_current_thread();
        let writes = writes
            .on_thread_start(|| lower_thread_priority(ThreadPriority::BelowReads))
            .build();
        Ok(Self {
            requests: requests.map_err(Error::Runtime)?,
            writes: writes.map_err(Error::Runtime)?,
        })
    }

    /// Installs a handler for SIGHUP, and returns the stream of these signals. From then on, SIGHUP does not end the process.
    ///
    /// # Errors
    /// The operating system cannot install the handler.
    pub fn hangups(&self) -> Result<Signal> {
        let _entered = self.requests.enter();
        signal(SignalKind::hangup()).map_err(Error::Runtime)
    }

    /// Returns a handle to the runtime for writes.
    pub fn writes(&self) -> Handle {
        self.writes.handle().clone()
    }

    /// Runs the server until it stops. Then waits, for at most [`WORK_GRACE`], for work on the store that is still running.
    pub fn run<T>(self, server: impl Future<Output = T>) -> T {
        let result = self.requests.block_on(server);
        let deadline = Instant::now() + WORK_GRACE;
        for runtime in [self.writes, self.requests] {
            runtime.shutdown_timeout(deadline.saturating_duration_since(Instant::now()));
        }
        result
    }
}
