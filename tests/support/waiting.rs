//! Waiting for something that another process does.

use std::time::{Duration, Instant};

/// Far longer than any step takes, even on a slow machine.
pub const LONG: Duration = Duration::from_secs(30);

/// Waits until a condition holds. `what` says in a failure what did not happen.
#[track_caller]
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < LONG, "did not happen: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
