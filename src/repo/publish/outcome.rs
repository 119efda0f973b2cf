//! The outcome of a batch, and how threads wait for the outcome of their changes.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::repo::error::Error;

/// The outcome of a batch's changes to one branch.
#[derive(Clone)]
pub(crate) enum Outcome {
    /// The changes are durable, and the branch was moved.
    Published,
    /// The branch was not moved: the changes must be decided again.
    Retry,
    /// The branch was not moved, because another git process holds its lock file.
    Locked(Arc<Error>),
    /// The branch was not moved, because of this error.
    Failed(Arc<Error>),
    /// The branch was moved, but it is unknown whether that survives a power cut.
    Unconfirmed(Arc<Error>),
}

/// An outcome that threads wait for.
#[derive(Default)]
pub(crate) struct PendingOutcome {
    outcome: Mutex<Option<Outcome>>,
    changed: Condvar,
}

impl PendingOutcome {
    /// Sets the outcome and wakes every waiting thread. Only the first outcome counts.
    pub(crate) fn set(&self, outcome: Outcome) {
        let mut current = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        current.get_or_insert(outcome);
        self.changed.notify_all();
    }

    /// Waits for the outcome.
    pub(crate) fn wait(&self) -> Outcome {
        let mut current = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(outcome) = &*current {
                return outcome.clone();
            }
            current = self
                .changed
                .wait(current)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}
