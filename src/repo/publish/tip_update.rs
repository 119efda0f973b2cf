//! A branch, or `refs/oci/records`, that a batch is going to move.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use gix::refs::Target;

use crate::names::RefName;
use crate::repo::error::{Error, Result};
use crate::repo::publish::outcome::{Outcome, PendingOutcome};
use crate::repo::refs::lock::RefLock;
use crate::repo::refs::store::RefStore;

/// How long a batch waits for a ref's lock file while another git process holds it. All changes of the batch wait that long.
pub(crate) const LOCKED_MAX: Duration = Duration::from_millis(100);

/// The update of one ref in a batch.
pub(crate) struct TipUpdate {
    pub name: RefName,
    /// The ref's durable tip; `None` if the ref does not exist.
    pub old: Option<gix::ObjectId>,
    /// The ref's tip after the changes that were decided so far; `None` if none of them moves the ref.
    pub new: Option<gix::ObjectId>,
    /// Whether one of the changes also moves `refs/oci/records`. If `refs/oci/records` could not be moved, this ref is not moved, either.
    pub needs_oci: bool,
    pub outcome: Arc<PendingOutcome>,
}

impl TipUpdate {
    /// Returns the tip on which the next change is decided.
    pub(crate) fn tip(&self) -> Option<gix::ObjectId> {
        self.new.or(self.old)
    }

    /// Takes the ref's lock file.
    pub(crate) fn lock(&self, refs: &RefStore) -> Result<RefLock> {
        refs.lock(&self.name, self.new, LOCKED_MAX)
    }

    /// Moves the ref and sets the outcome. `lock` is the ref's lock file if the caller has already tried to take it. If moving the ref
    /// panics, the panic continues after the outcome was set.
    pub(crate) fn publish(&self, refs: &RefStore, lock: Option<Result<RefLock>>) {
        let swap = || {
            let lock = lock.unwrap_or_else(|| self.lock(refs))?;
            refs.swap_locked(lock, &self.name, self.old, self.new)
        };
        match panic::catch_unwind(AssertUnwindSafe(swap)) {
            Ok(swapped) => self.outcome.set(match swapped {
                Ok(()) => Outcome::Published,
                Err(Error::Moved(_)) => Outcome::Retry,
                Err(Error::Unconfirmed { source }) => Outcome::Unconfirmed(source),
                Err(error @ Error::Busy(_)) => Outcome::Locked(Arc::new(error)),
                Err(error) => Outcome::Failed(Arc::new(error)),
            }),
            Err(panic) => {
                let now = refs.target(&self.name.to_string()).ok().flatten();
                let is_unmoved = now == self.old.map(Target::Object);
                self.outcome.set(if is_unmoved {
                    Outcome::Retry
                } else {
                    let action = format!("move {}", self.name);
                    Outcome::Unconfirmed(Arc::new(Error::database(action)("it panicked")))
                });
                panic::resume_unwind(panic);
            }
        }
    }
}

impl Drop for TipUpdate {
    /// Lets waiting changes be decided again if a panic ended the batch before it set an outcome.
    fn drop(&mut self) {
        self.outcome.set(Outcome::Retry);
    }
}
