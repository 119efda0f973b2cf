//! The state of maintenance: when each task ran, how long it took, and whether it failed.
//!
//! The state is stored in `ROOT/wasmstore/maintenance.json`, so that it survives a restart and all servers of a store share it. It may be
//! lost: if the file is missing or damaged, the servers behave as if no task had run yet. Times are in milliseconds since 1970-01-01 UTC.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// The delay before a retry after the first failed attempt. It doubles with each further failure, up to the interval of the task.
const RETRY_DELAY: Duration = Duration::from_secs(60);

/// The state of all maintenance tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MaintenanceState {
    /// The state of the scheduled garbage collection.
    pub gc: TaskState,
    /// The state of the scheduled verification of the store.
    pub verify: TaskState,
}

/// The state of one maintenance task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskState {
    /// The time when the task was first scheduled, in milliseconds since 1970-01-01 UTC. The first interval begins at this time.
    since_ms: Option<u64>,
    /// The time when the last attempt started or, if it failed, the time when it failed. The delay before a retry is measured from here,
    /// because an attempt may wait long for a lock before it fails.
    tried_ms: Option<u64>,
    /// The time of the last successful run, scheduled or requested by a user, in milliseconds since 1970-01-01 UTC.
    pub success_ms: Option<u64>,
    /// The time from which the interval is measured, in milliseconds since 1970-01-01 UTC, if a user requested the last successful run.
    /// Otherwise `None`: the interval is then measured from the last success.
    scheduled_ms: Option<u64>,
    /// The duration of the last successful run.
    pub duration_ms: Option<u64>,
    /// The number of faults that the last verification found. Malformed metadata is not included. `None` for garbage collection.
    pub faults: Option<u64>,
    /// The number of bytes that the last garbage collection freed; `None` for verification.
    pub freed_bytes: Option<u64>,
    /// The number of attempts since the last success, including a running one.
    attempts: u32,
    /// Whether the last attempt has not ended: the task is running, or the server was killed while it ran.
    is_open: bool,
}

/// The result of a successful run of a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TaskResult {
    pub faults: Option<u64>,
    pub freed_bytes: Option<u64>,
}

/// Returns the current time, in milliseconds since 1970-01-01 UTC.
pub(super) fn now_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    since_epoch.map_or(0, |since| since.as_millis() as u64)
}

impl TaskState {
    /// Records the start of the first interval, unless it is recorded already.
    pub(super) fn start_interval(&mut self, now_ms: u64) {
        self.since_ms.get_or_insert(now_ms);
    }

    /// Records the start of an attempt. Until the attempt succeeds, the next one is delayed as after a failure, because a server that is
    /// killed cannot record the failure.
    pub(super) fn record_start(&mut self, now_ms: u64) {
        self.tried_ms = Some(now_ms);
        self.attempts = self.attempts.saturating_add(1);
        self.is_open = true;
    }

    /// Records that the attempt failed.
    pub(super) fn record_failure(&mut self, now_ms: u64) {
        self.tried_ms = Some(now_ms);
        self.is_open = false;
    }

    /// Records that the attempt succeeded.
    pub(super) fn record_success(&mut self, now_ms: u64, result: TaskResult) {
        self.success_ms = Some(now_ms);
        self.scheduled_ms = None;
        self.duration_ms = self.tried_ms.map(|tried_ms| now_ms.abs_diff(tried_ms));
        self.faults = result.faults;
        self.freed_bytes = result.freed_bytes;
        self.attempts = 0;
        self.is_open = false;
    }

    /// Records the success of an attempt that a user requested. It does not postpone the next scheduled run: the schedule may squash the
    /// history, which the user's run may have kept.
    pub(super) fn record_requested(&mut self, now_ms: u64, result: TaskResult) {
        self.scheduled_ms = self.scheduled_ms.or(self.success_ms).or(self.since_ms);
        let scheduled_ms = self.scheduled_ms;
        self.record_success(now_ms, result);
        self.scheduled_ms = scheduled_ms;
    }

    /// Returns the time when the last attempt began, in milliseconds since 1970-01-01 UTC, if the task is running or the server was killed
    /// while it ran.
    pub fn running_since_ms(&self) -> Option<u64> {
        self.tried_ms.filter(|_| self.is_open)
    }

    /// Returns the number of failures since the last success.
    pub fn failures(&self) -> u32 {
        self.attempts - u32::from(self.is_open && self.attempts > 0)
    }

    /// Returns the time until the task is due, if its interval is `interval`. Uses absolute time differences, so that the task is not
    /// postponed for long if the system clock is set back.
    pub(super) fn time_until_due(&self, now_ms: u64, interval: Duration) -> Duration {
        let since = |time_ms: u64| Duration::from_millis(now_ms.abs_diff(time_ms));
        let last_ms = self.scheduled_ms.or(self.success_ms);
        let Some(last_ms) = last_ms.or(self.since_ms) else {
            return interval;
        };
        let regular = interval.saturating_sub(since(last_ms));
        let (Some(tried_ms), 1..) = (self.tried_ms, self.attempts) else {
            return regular;
        };
        let doubled = RETRY_DELAY * (1 << (self.attempts - 1).min(16));
        regular.max(doubled.min(interval).saturating_sub(since(tried_ms)))
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
    fn a_task_is_due_one_interval_after_its_last_success() {
        let mut task = TaskState::default();
        assert_eq!(task.time_until_due(0, DAY), DAY, "not at once");
        task.start_interval(0);
        task.start_interval(ms(HOUR));
        assert_eq!(task.time_until_due(ms(HOUR), DAY), 23 * HOUR);
        assert_eq!(task.time_until_due(ms(2 * DAY), DAY), Duration::ZERO);
        task.record_start(ms(2 * DAY));
        let found = TaskResult {
            faults: Some(3),
            freed_bytes: None,
        };
        task.record_success(ms(2 * DAY + HOUR), found);
        assert_eq!(task.time_until_due(ms(3 * DAY), DAY), HOUR);
        assert_eq!((task.duration_ms, task.faults), (Some(ms(HOUR)), Some(3)));
        let text = serde_json::to_string(&task).unwrap();
        assert_eq!(serde_json::from_str::<TaskState>(&text).unwrap(), task);
    }

    #[test]
    fn what_a_user_runs_does_not_postpone_the_schedule() {
        let mut task = TaskState::default();
        task.start_interval(0);
        for hours in [1, 20, 30] {
            task.record_start(ms(hours * HOUR));
            task.record_requested(ms(hours * HOUR), TaskResult::default());
        }
        assert_eq!(task.success_ms, Some(ms(30 * HOUR)));
        assert_eq!(task.time_until_due(ms(23 * HOUR), DAY), HOUR);
        task.record_start(ms(DAY));
        task.record_success(ms(DAY), TaskResult::default());
        assert_eq!(task.time_until_due(ms(DAY), DAY), DAY);
    }

    #[test]
    fn failed_or_killed_attempts_are_retried_with_doubling_delays() {
        let mut task = TaskState::default();
        task.start_interval(0);
        let mut now_ms = ms(DAY);
        let mut waits = Vec::new();
        for failures in 0..12 {
            task.record_start(now_ms);
            assert_eq!(
                task.failures(),
                failures,
                "a running attempt is not a failure"
            );
            now_ms += ms(HOUR);
            task.record_failure(now_ms);
            let wait = task.time_until_due(now_ms, HOUR);
            waits.push(wait.as_secs() / 60);
            now_ms += ms(wait);
            assert_eq!(task.time_until_due(now_ms, HOUR), Duration::ZERO);
        }
        assert_eq!(waits[..7], [1, 2, 4, 8, 16, 32, 60]);
        assert_eq!((waits[11], task.failures()), (60, 12));
        task.record_start(now_ms);
        task.record_success(now_ms, TaskResult::default());
        assert_eq!(
            (task.time_until_due(now_ms, HOUR), task.failures()),
            (HOUR, 0)
        );
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_postpone_a_task_for_long() {
        let mut task = TaskState::default();
        task.start_interval(ms(90 * DAY));
        assert_eq!(task.time_until_due(0, DAY), Duration::ZERO);
    }
}
