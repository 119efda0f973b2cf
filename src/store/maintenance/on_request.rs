//! Runs maintenance tasks when a user asks for them, and records them in the same state as scheduled tasks.

use std::sync::Arc;
use std::thread;

use super::state::{MaintenanceState, TaskResult, now_ms};
use crate::repo::{self, MaintenanceLock, Published};
use crate::store::change::Change;
use crate::store::error::{Error, Result};
use crate::store::gc::{GcSummary, History};
use crate::store::open::Store;

impl Store {
    /// Collects garbage like [`gc`](Self::gc), and records the run.
    ///
    /// # Errors
    /// The errors of `gc`; another maintenance task of the store is running.
    pub fn gc_on_request(&self, change: &Change, history: History) -> Result<Published<GcSummary>> {
        let lock = self.lock_tasks()?;
        let before = self.maintenance_state();
        let begun = self.record(&lock, before.clone(), |state| {
            state.gc.record_start(now_ms());
        });
        let collected = self.gc(change, history);
        match &collected {
            Ok(collected) => self.record(&lock, begun, |state| {
                let result = TaskResult::from(&collected.value);
                state.gc.record_requested(now_ms(), result);
            }),
            // Restores the state, because the user sees the error. A failed request, such as one for an unknown branch, must not delay the
            // schedule.
            Err(_) => self.record(&lock, before, |_| {}),
        };
        collected
    }

    /// Starts to verify the store in a new thread. The thread logs the faults and records their number.
    ///
    /// # Errors
    /// This or another server of the store is running a maintenance task.
    pub fn verify_on_request(self: &Arc<Self>) -> Result<()> {
        let lock = self.lock_tasks()?;
        let state = self.maintenance_state();
        let begun = self.record(&lock, state, |state| state.verify.record_start(now_ms()));
        let store = Arc::clone(self);
        let verify = move || {
            let verified = store.run_verify_task();
            store.record(&lock, begun, |state| match verified {
                Ok(result) => state.verify.record_success(now_ms(), result),
                Err(error) => {
                    tracing::warn!(error = repo::chain(&error), "verify failed");
                    state.verify.record_failure(now_ms());
                }
            });
        };
        let spawned = thread::Builder::new()
            .name("verify".to_owned())
            .spawn(verify);
        spawned.map(drop).map_err(Error::Output)
    }

    fn lock_tasks(&self) -> Result<MaintenanceLock> {
        let busy = || repo::Error::Busy("a maintenance task is running".to_owned());
        Ok(self.repo.lock_maintenance()?.ok_or_else(busy)?)
    }

    /// Applies `change` to `state`, saves the state, and returns it. If the state cannot be saved, that is only logged.
    fn record(
        &self,
        lock: &MaintenanceLock,
        mut state: MaintenanceState,
        change: impl FnOnce(&mut MaintenanceState),
    ) -> MaintenanceState {
        change(&mut state);
        if let Err(error) = self.save_maintenance_state(lock, &state) {
            let error = repo::chain(&error);
            tracing::warn!(error, "could not save the state of maintenance");
        }
        state
    }
}

impl From<&GcSummary> for TaskResult {
    fn from(summary: &GcSummary) -> Self {
        Self {
            faults: None,
            freed_bytes: Some(summary.freed_bytes),
        }
    }
}
