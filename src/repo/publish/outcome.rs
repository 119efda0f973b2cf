//! The outcome of a batch, and how threads wait for the outcome of their changes.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::repo::error::Error;

/// The outcome of a batch's changes to one ref.
#[derive(Clone)]
pub(crate) enum Outcome {
    /// The changes are durable, and the branch was moved.
    Published,
    /// The ref was not moved: the changes must be decided again.
    Retry,
    /// The ref was not moved, because another git process holds its lock file.
    Locked(Arc<Error>),
    /// The ref was not moved, because of this error.
    Failed(Arc<Error>),
    /// The ref was moved, but it is unknown whether that survives a power cut.
    Unconfirmed(Arc<Error>),
}

impl From<Error> for Outcome {
    /// Returns the outcome of an update that failed with this error.
    fn from(error: Error) -> Self {
        match error {
            Error::Moved(_) => Self::Retry,
            Error::Unconfirmed { source } => Self::Unconfirmed(source),
            error @ Error::Busy(_) => Self::Locked(Arc::new(error)),
            error => Self::Failed(Arc::new(error)),
        }
    }
}

impl Outcome {
    /// Returns the outcome of a change whose refs have these outcomes. The worst of them counts; the list below orders them from the best
    /// to the worst.
    pub(crate) fn of_all(outcomes: impl Iterator<Item = Self>) -> Self {
        outcomes
            .max_by_key(|outcome| match outcome {
                Self::Published => 0,
                Self::Retry => 1,
                Self::Locked(_) => 2,
                Self::Failed(_) => 3,
                Self::Unconfirmed(_) => 4,
            })
            .unwrap_or(Self::Published)
    }
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
