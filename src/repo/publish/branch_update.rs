//! A branch that a batch is going to move.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use crate::names::{BranchName, RefName};
use crate::repo::error::{Error, Result};
use crate::repo::ids::commit_id;
use crate::repo::publish::outcome::{Outcome, PendingOutcome};
use crate::repo::refs::lock::RefLock;
use crate::repo::refs::store::RefStore;

/// How long a batch waits for a branch's lock file while another git process holds it. All changes of the batch wait that long.
pub(crate) const LOCKED_MAX: Duration = Duration::from_millis(100);

/// The update of one branch in a batch.
pub(crate) struct BranchUpdate {
    pub branch: BranchName,
    /// The branch's durable tip.
    pub old: Option<gix::ObjectId>,
    /// The branch's tip after the changes that were decided so far; `None` if none of them moves the branch.
    pub new: Option<gix::ObjectId>,
    pub outcome: Arc<PendingOutcome>,
}

impl BranchUpdate {
    /// Returns the tip on which the next change is decided.
    pub(crate) fn tip(&self) -> Option<gix::ObjectId> {
        self.new.or(self.old)
    }

    /// Takes the branch's lock file.
    pub(crate) fn lock(&self, refs: &RefStore) -> Result<RefLock> {
        refs.lock(&self.branch.clone().into(), self.new, LOCKED_MAX)
    }

    /// Moves the branch and sets the outcome. `lock` is the branch's lock file if the caller has already tried to take it. If
    /// moving the branch panics, the panic continues after the outcome was set.
    pub(crate) fn publish(&self, refs: &RefStore, lock: Option<Result<RefLock>>) {
        let name = RefName::from(self.branch.clone());
        let swap = || {
            let lock = lock.unwrap_or_else(|| self.lock(refs))?;
            refs.swap_locked(lock, &name, self.old, self.new)
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
                let now = refs.tip(&self.branch).ok().flatten();
                let is_unmoved = now == self.old.map(|old| commit_id(&old));
                self.outcome.set(if is_unmoved {
                    Outcome::Retry
                } else {
                    let action = format!("move branch {}", self.branch);
                    Outcome::Unconfirmed(Arc::new(Error::database(action)("it panicked")))
                });
                panic::resume_unwind(panic);
            }
        }
    }
}

impl Drop for BranchUpdate {
    /// Lets waiting changes be decided again if a panic ended the batch before it set an outcome.
    fn drop(&mut self) {
        self.outcome.set(Outcome::Retry);
    }
}
