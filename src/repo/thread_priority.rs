//! Threads with a lower scheduling priority.

/// How low the priority of a thread is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadPriority {
    /// Below threads that serve reads: for writes.
    BelowReads,
    /// Below all others: for work that no client waits for.
    Background,
}

/// Lowers the priority of this thread, and of threads that it starts, with nice(2). The nice value belongs to a single thread on Linux
/// only (sched(7)); on other systems this does nothing.
pub fn lower_thread_priority(priority: ThreadPriority) {
    #[cfg(target_os = "linux")]
    {
        // A thread at 0 gets three times the processor time of one at 5, and nine times that of one at 10.
        let niceness = match priority {
            ThreadPriority::BelowReads => 5,
            ThreadPriority::Background => 10,
        };
        if let Err(error) = rustix::process::setpriority_process(None, niceness) {
            tracing::debug!(%error, "failed to lower the thread priority");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = priority;
}
