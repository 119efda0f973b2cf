//! A branch that a batch is going to move.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use crate::names::{BranchName, RefName};
use crate::repo::error::{Error, Result};
use crate::repo::ids::commit_id;
use crate::repo::lifecycle::open::Repository;
use crate::repo::publish::group_commit::{Outcome, Verdict};
use crate::repo::refs::lock::RefLock;

/// How long a batch waits for an outside git that holds a branch, while it keeps the others waiting.
pub(crate) const HELD_MAX: Duration = Duration::from_millis(100);

/// A branch in a batch.
pub(crate) struct Pending {
    pub branch: BranchName,
    /// Where it is, durably.
    pub old: Option<gix::ObjectId>,
    /// Where the changes so far move it.
    pub new: Option<gix::ObjectId>,
    pub outcome: Arc<Outcome>,
}

impl Pending {
    pub(crate) fn tip(&self) -> Option<gix::ObjectId> {
        self.new.or(self.old)
    }

    /// Moves the branch, which may be held already, and tells what came of it. A panic goes on when it is told.
    pub(crate) fn publish(&self, repository: &Repository, held: Option<Result<RefLock>>) {
        let name = RefName::from(self.branch.clone());
        let hold = || repository.hold_ref(&name, self.new, HELD_MAX);
        let moving = || {
            let held = held.unwrap_or_else(hold)?;
            repository.move_held(held, &name, self.old, self.new)
        };
        match panic::catch_unwind(AssertUnwindSafe(moving)) {
            Ok(moved) => self.outcome.tell(match moved {
                Ok(()) => Verdict::Published,
                Err(Error::Moved(_)) => Verdict::Again,
                Err(Error::Unconfirmed { source }) => Verdict::Unconfirmed(source),
                Err(error @ Error::Busy(_)) => Verdict::Held(Arc::new(error)),
                Err(error) => Verdict::Failed(Arc::new(error)),
            }),
            Err(panic) => {
                let now = repository.tip(&self.branch).ok().flatten();
                let is_where_it_was = now == self.old.map(|old| commit_id(&old));
                self.outcome.tell(match is_where_it_was {
                    true => Verdict::Again,
                    false => Verdict::Unconfirmed(Arc::new(Error::database(format!(
                        "move branch {}",
                        self.branch
                    ))("it panicked"))),
                });
                panic::resume_unwind(panic);
            }
        }
    }
}

/// A batch that a panic ends sends its changes back.
impl Drop for Pending {
    fn drop(&mut self) {
        self.outcome.tell(Verdict::Again);
    }
}
