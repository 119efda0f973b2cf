//! The outcome of publishing a batch, for which the threads of its changes wait.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::repo::error::Error;

/// The outcome of a batch for one ref and the changes that move it.
#[derive(Clone)]
pub(crate) enum Outcome {
    /// The changes are durable, and the ref was moved.
    Published,
    /// The ref was not moved, because it had changed. The changes must be decided again.
    Retry,
    /// The ref was not moved, because another git process holds its lock file.
    Locked(Arc<Error>),
    /// The ref was not moved, because of this error.
    Failed(Arc<Error>),
    /// The ref was moved, but maybe not durably: a power cut may undo it.
    Unconfirmed(Arc<Error>),
}

impl From<Error> for Outcome {
    /// Converts the error of a ref update to an outcome.
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
    /// Returns the outcome of a change whose refs have these outcomes: the worst of them. The list in the code is ordered from best to
    /// worst.
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

/// An outcome that is set later, and that threads wait for.
#[derive(Default)]
pub(crate) struct PendingOutcome {
    outcome: Mutex<Option<Outcome>>,
    changed: Condvar,
}

impl PendingOutcome {
    /// Sets the outcome and wakes all waiting threads. Has no effect if the outcome was set before.
    pub(crate) fn set(&self, outcome: Outcome) {
        let mut current = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        current.get_or_insert(outcome);
        self.changed.notify_all();
    }

    /// Waits until the outcome is set, and returns it.
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
