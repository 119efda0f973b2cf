//! Maintenance on schedule: collecting garbage and verifying the store, in the background of a server.
//!
//! One after the other, on one thread, and by one server of a store at a time. When it was done stands with the store: a server that
//! is started again does not begin anew, and one that is killed in the middle has nothing to tidy up.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use super::runner::Keeping;
use super::state::MaintenanceState;
use crate::repo::{self, Fault};
use crate::store::error::Result;
use crate::store::gc::History;
use crate::store::open::{Change, Store};
use crate::store::verify::{DerivedFaults, Finding};

/// How long nothing is done after the start, unless it is to be done more often: a server that ends at once, over and over, is not
/// to be busy with this.
const START_DELAY: Duration = Duration::from_secs(60);

/// By what part of its time something may be later, at random: servers that were started together are not to do it together.
const JITTER: f64 = 0.1;

/// How many faults of one check are told in the log one by one.
const FAULTS_TOLD_MAX: u64 = 100;

/// What is done to a store from time to time, and how often.
#[derive(Clone, Debug, Default)]
pub struct MaintenanceSchedule {
    /// How often garbage is collected, and what of the history then. The change says which branch is squashed, and by whom.
    pub gc: Option<(Duration, Change, History)>,
    /// How often the store is verified.
    pub verify: Option<Duration>,
}

impl Store {
    /// Does what is on the schedule when its time has come, for as long as the process lives.
    pub fn run_maintenance(&self, mut schedule: MaintenanceSchedule) -> ! {
        let all = [
            schedule.gc.as_mut().map(|(every, ..)| every),
            schedule.verify.as_mut(),
        ];
        let mut delay = START_DELAY;
        for every in all.into_iter().flatten() {
            delay = delay.min(*every);
            *every = every.mul_f64(1.0 + JITTER * random_part());
        }
        Keeping::to(schedule, self).begin_after(delay.mul_f64((1.0 + random_part()) / 2.0));
    }

    /// What is known of maintenance on schedule, by whichever server it was done.
    pub fn maintenance_state(&self) -> MaintenanceState {
        serde_json::from_slice(&self.repo.maintenance_notes()).unwrap_or_default()
    }

    /// Collects garbage; returns no faults.
    pub(in crate::store) fn collect_on_schedule(
        &self,
        change: &Change,
        history: History,
    ) -> Result<Option<u64>> {
        let collected = self.gc(change, history)?;
        let (removed, freed_bytes) = (collected.removed, collected.freed_bytes);
        tracing::info!(removed, freed_bytes, "gc is done");
        Ok(None)
    }

    /// Verifies all of it, and logs what is wrong; returns how much that is.
    pub(in crate::store) fn verify_on_schedule(&self) -> Result<Option<u64>> {
        // It hashes and validates everything, and holds nothing that a change waits for.
        repo::lower_thread_priority(repo::ThreadPriority::Background);
        let mut faults = 0;
        let mut report = |finding| {
            if let Finding::Fault(fault) = finding {
                faults += 1;
                if faults <= FAULTS_TOLD_MAX {
                    tell(&fault);
                }
            }
        };
        let checked = self.verify(DerivedFaults::Report, &mut report, &mut || {})?;
        if faults > FAULTS_TOLD_MAX {
            tracing::error!("there are more faults: `wasmstore verify` prints all");
        }
        tracing::info!(
            refs = checked.refs,
            commits = checked.commits,
            trees = checked.trees,
            modules = checked.modules,
            faults,
            "verify is done"
        );
        Ok(Some(faults))
    }
}

fn tell(fault: &Fault) {
    let Fault {
        subject,
        location,
        reason,
    } = fault;
    match location {
        Some(at) => {
            tracing::error!(subject, path = at.path, commit = %at.commit, reason, "verify found a fault");
        }
        None => tracing::error!(subject, reason, "verify found a fault"),
    }
}

/// A random number from 0 to 1.
fn random_part() -> f64 {
    // A hasher is made with random keys.
    let random = RandomState::new().build_hasher().finish();
    (random >> 11) as f64 / (1_u64 << 53) as f64
}
