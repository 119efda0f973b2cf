//! The maintenance tasks: garbage collection and verification.

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
    /// Collects garbage, and logs the result.
    pub(super) fn run_gc_task(&self, change: &Change, history: History) -> Result<TaskResult> {
        let summary = self.gc(change, history)?.value;
        let (removed, freed_bytes) = (summary.removed, summary.freed_bytes);
        tracing::info!(removed, freed_bytes, "gc is done");
        Ok(TaskResult::from(&summary))
    }

    /// Verifies the store and logs the faults. Returns the number of faults, not including malformed metadata.
    pub(super) fn run_verify_task(&self) -> Result<TaskResult> {
        // Lowers the priority: verification hashes and validates everything, and holds no lock for which a write waits.
        repo::lower_thread_priority(repo::ThreadPriority::Background);
        let (mut faults, mut listed) = (0, 0);
        let mut report = |finding| {
            if let Finding::Fault(fault) = finding {
                listed += 1;
                // Does not count malformed metadata: it can only be corrected by rewriting the history, and must not cause an alert after
                // each run.
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
