//! The maintenance tasks.

use super::state::TaskResult;
use crate::repo::{self, FaultSeverity, StoreFault};
use crate::store::change::Change;
use crate::store::error::Result;
use crate::store::gc::History;
use crate::store::open::Store;
use crate::store::verify::{DerivedFaults, Finding};

/// The maximum number of faults that one verification logs.
const LOGGED_FAULTS_MAX: u64 = 100;

impl Store {
    /// Collects garbage.
    pub(super) fn run_gc_task(&self, change: &Change, history: History) -> Result<TaskResult> {
        let summary = self.gc(change, history)?;
        let (removed, freed_bytes) = (summary.removed, summary.freed_bytes);
        tracing::info!(removed, freed_bytes, "gc is done");
        Ok(TaskResult::from(&summary))
    }

    /// Verifies the store and logs the faults; returns the number of faults that are damage.
    pub(super) fn run_verify_task(&self) -> Result<TaskResult> {
        // Verification hashes and validates everything, and holds no lock that a write waits for. So it can run at low priority.
        repo::lower_thread_priority(repo::ThreadPriority::Background);
        let (mut faults, mut listed) = (0, 0);
        let mut report = |finding| {
            if let Finding::Fault(fault) = finding {
                listed += 1;
                // Malformed metadata is not counted: it cannot be corrected without a new history, and must not cause an alert each time.
                faults += u64::from(fault.severity == FaultSeverity::Damage);
                if listed <= LOGGED_FAULTS_MAX {
                    log_fault(&fault);
                }
            }
        };
        let checked = self.verify(DerivedFaults::Report, &mut report, &mut || {})?;
        if listed > LOGGED_FAULTS_MAX {
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
        Ok(TaskResult {
            faults: Some(faults),
            freed_bytes: None,
        })
    }
}

fn log_fault(fault: &StoreFault) {
    let StoreFault {
        subject,
        location,
        reason,
        severity,
    } = fault;
    match location {
        _ if *severity == FaultSeverity::Metadata => {
            tracing::warn!(subject, reason, "verify found malformed metadata");
        }
        Some(location) => {
            tracing::error!(subject, path = location.path, commit = %location.commit, reason, "verify found a fault");
        }
        None => tracing::error!(subject, reason, "verify found a fault"),
    }
}
