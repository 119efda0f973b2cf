//! Records of operations: their outcome and their time. Workers write them, and `check.rs` checks them.

use serde::{Deserialize, Serialize};

use crate::soak::first_parent::PathValue;

/// The record of one operation.
#[derive(Debug, Serialize, Deserialize)]
pub struct Event {
    /// The start, on a clock that all processes share.
    pub began_ns: u64,
    pub ended_ns: u64,
    pub branch: String,
    pub path: String,
    pub outcome: Outcome,
}

/// The outcome of an operation.
#[derive(Debug, Serialize, Deserialize)]
pub enum Outcome {
    /// A change that made its own commit.
    Wrote { value: PathValue, commit: String },
    /// The value that was read, as of a commit.
    Read { value: PathValue, commit: String },
    /// The precondition did not hold, or the module does not exist.
    Rejected,
    /// The retries ended at the deadline, because other writers were faster.
    Busy(String),
    /// An error that must not happen.
    Failed(String),
}

/// Returns the monotonic time, which is the same in all processes.
pub fn now_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
