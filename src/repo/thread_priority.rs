//! Threads with a lower scheduling priority.

/// A scheduling priority below the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadPriority {
    /// For threads that write: lower than the priority of threads that serve reads.
    BelowReads,
    /// For work that no client waits for: lower than all other priorities.
    Background,
}

/// Lowers the priority of this thread, and of threads that it starts, with nice(2). Only Linux has a nice value per thread (sched(7)); on
/// other systems this does nothing.
pub fn lower_thread_priority(priority: ThreadPriority) {
    #[cfg(target_os = "linux")]
    {
        // A thread with nice 0 gets three times the processor time of a thread with nice 5, and nine times the time of a thread with nice
        // 10.
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
