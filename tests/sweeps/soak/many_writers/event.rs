//! What one operation came to, and when: what workers hand to those who judge.

use serde::{Deserialize, Serialize};

use crate::soak::chain::Value;

#[derive(Debug, Serialize, Deserialize)]
pub struct Event {
    /// On a clock that all processes share.
    pub began_ns: u64,
    pub ended_ns: u64,
    pub branch: String,
    pub path: String,
    pub what: What,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum What {
    /// A change that made a commit of its own.
    Wrote { value: Value, commit: String },
    /// What was there as of a commit.
    Read { value: Value, commit: String },
    /// The condition did not hold, or nothing was there.
    Refused,
    /// Others were faster for too long.
    Busy(String),
    /// What must not be.
    Failed(String),
}

/// The time since some moment, the same one for all processes.
pub fn now_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
