//! Threads that let others go first.

/// How far a thread steps back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// Behind whoever waits for an answer to a read: a change.
    Reads,
    /// Behind everybody: what nobody waits for.
    All,
}

/// Has the system prefer other threads to this one and to those that it starts, where the processors are busy: nice(2). That is a
/// thread's own on Linux alone (sched(7)); elsewhere nothing is done.
pub fn step_back(behind: Behind) {
    #[cfg(target_os = "linux")]
    {
        // Of two that always have something to do, one at 0 gets three times as much as one at 5, and nine times as one at 10.
        let niceness = match behind {
            Behind::Reads => 5,
            Behind::All => 10,
        };
        if let Err(error) = rustix::process::setpriority_process(None, niceness) {
            tracing::debug!(%error, "the priority cannot be lowered");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = behind;
}
