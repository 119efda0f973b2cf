//! What is known of maintenance on schedule: when it was done, how long it took, and whether it failed.
//!
//! It stands in `ROOT/wasmstore/maintenance.json`, so that it outlives a server and is shared by all servers of a store. It is
//! derived: where it is missing or damaged nothing was done yet. Times are in milliseconds since 1970.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// How long is waited after the first attempt that failed; then twice as long each time, up to the time between two runs.
const DELAY_FIRST: Duration = Duration::from_secs(60);

/// What is known of all maintenance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MaintenanceState {
    /// Collecting garbage.
    pub gc: TaskState,
    /// Verifying the store.
    pub verify: TaskState,
}

/// What is known of a kind of maintenance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskState {
    /// Since when it is to be done.
    since_ms: Option<u64>,
    /// When it was begun for the last time, or failed: it may fail only after it has waited for others for long.
    tried_ms: Option<u64>,
    /// When it was done for the last time.
    pub success_ms: Option<u64>,
    /// How long that took.
    pub duration_ms: Option<u64>,
    /// How many faults were found then; of collecting, `None`.
    pub faults: Option<u64>,
    /// How often it was begun and not done since then.
    attempts: u32,
    /// Whether the last attempt runs, or was cut.
    is_open: bool,
}

/// Now.
pub(in crate::store) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

impl TaskState {
    /// Notes that it is to be done from now on, unless it was before.
    pub(in crate::store) fn expect(&mut self, now_ms: u64) {
        self.since_ms.get_or_insert(now_ms);
    }

    /// Notes that it begins. It counts as failed until it is done: who is killed meanwhile notes nothing any more.
    pub(in crate::store) fn begin(&mut self, now_ms: u64) {
        self.tried_ms = Some(now_ms);
        self.attempts = self.attempts.saturating_add(1);
        self.is_open = true;
    }

    /// Notes that what was begun has failed.
    pub(in crate::store) fn fail(&mut self, now_ms: u64) {
        self.tried_ms = Some(now_ms);
        self.is_open = false;
    }

    /// Notes that what was begun is done.
    pub(in crate::store) fn end(&mut self, now_ms: u64, faults: Option<u64>) {
        self.success_ms = Some(now_ms);
        self.duration_ms = self.tried_ms.map(|tried_ms| now_ms.abs_diff(tried_ms));
        self.faults = faults;
        self.attempts = 0;
        self.is_open = false;
    }

    /// How often it has failed since it was done.
    pub fn failures(&self) -> u32 {
        self.attempts - u32::from(self.is_open && self.attempts > 0)
    }

    /// How long to wait until it is to be done, that often. A clock that was set back counts as one that went on.
    pub(in crate::store) fn wait(&self, now_ms: u64, every: Duration) -> Duration {
        let since = |time_ms: u64| Duration::from_millis(now_ms.abs_diff(time_ms));
        let Some(last_ms) = self.success_ms.or(self.since_ms) else {
            return every;
        };
        let regular = every.saturating_sub(since(last_ms));
        let (Some(tried_ms), 1..) = (self.tried_ms, self.attempts) else {
            return regular;
        };
        let doubled = DELAY_FIRST * (1 << (self.attempts - 1).min(16));
        regular.max(doubled.min(every).saturating_sub(since(tried_ms)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn ms(time: Duration) -> u64 {
        time.as_millis() as u64
    }

    #[test]
    fn it_is_due_when_the_time_since_it_was_done_has_passed() {
        let mut chore = TaskState::default();
        assert_eq!(chore.wait(0, DAY), DAY, "never at once");
        chore.expect(0);
        chore.expect(ms(HOUR));
        assert_eq!(chore.wait(ms(HOUR), DAY), 23 * HOUR);
        assert_eq!(chore.wait(ms(2 * DAY), DAY), Duration::ZERO);
        chore.begin(ms(2 * DAY));
        chore.end(ms(2 * DAY + HOUR), Some(3));
        assert_eq!(chore.wait(ms(3 * DAY), DAY), HOUR);
        assert_eq!((chore.duration_ms, chore.faults), (Some(ms(HOUR)), Some(3)));
        let text = serde_json::to_string(&chore).unwrap();
        assert_eq!(serde_json::from_str::<TaskState>(&text).unwrap(), chore);
    }

    #[test]
    fn what_fails_or_is_cut_is_tried_again_later_and_later() {
        let mut chore = TaskState::default();
        chore.expect(0);
        let mut now_ms = ms(DAY);
        let mut waits = Vec::new();
        for failures in 0..12 {
            chore.begin(now_ms);
            assert_eq!(chore.failures(), failures, "it runs");
            now_ms += ms(HOUR);
            chore.fail(now_ms);
            let wait = chore.wait(now_ms, HOUR);
            waits.push(wait.as_secs() / 60);
            now_ms += ms(wait);
            assert_eq!(chore.wait(now_ms, HOUR), Duration::ZERO);
        }
        assert_eq!(waits[..7], [1, 2, 4, 8, 16, 32, 60]);
        assert_eq!((waits[11], chore.failures()), (60, 12));
        chore.begin(now_ms);
        chore.end(now_ms, None);
        assert_eq!((chore.wait(now_ms, HOUR), chore.failures()), (HOUR, 0));
    }

    #[test]
    fn a_clock_that_was_set_back_puts_nothing_off_for_long() {
        let mut chore = TaskState::default();
        chore.expect(ms(90 * DAY));
        assert_eq!(chore.wait(0, DAY), Duration::ZERO);
    }
}
