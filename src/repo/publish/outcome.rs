//! How a batch reports the outcome to the threads whose changes it holds.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::repo::error::Error;

/// What became of the changes to one branch in a batch.
#[derive(Clone)]
pub(crate) enum Outcome {
    /// They are durable, and the branch was moved.
    Published,
    /// Nothing happened: they must be decided again.
    Retry,
    /// Nothing happened: an outside git holds the branch's lock file.
    Locked(Arc<Error>),
    /// Nothing happened, because of this error.
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
