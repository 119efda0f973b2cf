//! The schedule of maintenance tasks.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use crate::store::change::Change;
use crate::store::gc::History;

/// How long no task runs after the start of a server, unless the interval of a task is shorter. The delay keeps a server that crashes and
/// restarts in a loop from spending its time on maintenance.
const START_DELAY: Duration = Duration::from_secs(60);

/// The maximum random extension of an interval, as a fraction of the interval. It keeps servers that were started together from running
/// tasks at the same time.
const JITTER: f64 = 0.1;

/// The maintenance tasks of a store and their intervals.
#[derive(Clone, Debug, Default)]
pub struct MaintenanceSchedule {
    /// The interval of garbage collection, and its parameters: the branch and the author, and what to do with the branch's history. `None`
    /// if garbage collection is not scheduled.
    pub gc: Option<(Duration, Change, History)>,
    /// The interval of verification; `None` if verification is not scheduled.
    pub verify: Option<Duration>,
}

impl MaintenanceSchedule {
    /// Extends each interval by a random time. Returns a random delay before the first task.
    pub(super) fn randomize(&mut self) -> Duration {
        let intervals = [
            self.gc.as_mut().map(|(interval, ..)| interval),
            self.verify.as_mut(),
        ];
        let mut delay = START_DELAY;
        for interval in intervals.into_iter().flatten() {
            delay = delay.min(*interval);
            *interval = interval.mul_f64(1.0 + JITTER * random_fraction());
        }
        delay.mul_f64((1.0 + random_fraction()) / 2.0)
    }
}

/// Returns a random number between 0 and 1.
fn random_fraction() -> f64 {
    // The standard library seeds each `RandomState` with random numbers.
    let random = RandomState::new().build_hasher().finish();
    (random >> 11) as f64 / (1_u64 << 53) as f64
}
