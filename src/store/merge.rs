//! Merges branches.

use super::change::Change;
use super::commit_messages as message;
use super::error::{Error, Result};
use super::open::Store;
use super::precondition::PreconditionSubject;
use crate::names::{BranchName, CommitId};
use crate::repo::{Decision, Merge, Published};

impl Store {
    /// Merges the branch `theirs` into the branch of `change`. Fast-forwards where possible; otherwise makes a commit with the parents
    /// [ours, theirs]. Returns the new tip.
    ///
    /// # Errors
    /// Unknown branch; both sides changed the same paths differently. Then nothing is changed.
    pub fn merge(&self, change: &Change, theirs: &BranchName) -> Result<Published<()>> {
        self.merge_at(change, theirs, None)
    }

    /// Merges like [`merge`](Self::merge). With `expected`, `theirs` must still be at that commit.
    ///
    /// # Errors
    /// As for [`merge`](Self::merge); [`Error::PreconditionFailed`] if `theirs` has moved.
    pub fn merge_at(
        &self,
        change: &Change,
        theirs: &BranchName,
        expected: Option<CommitId>,
    ) -> Result<Published<()>> {
        let txn = self.begin()?;
        self.publish(txn, change, |draft| {
            change.check(draft, PreconditionSubject::Branch)?;
            // Read under refs.lock, so that the tip of `theirs` is current when our branch moves.
            let tip = draft.tip_of(theirs)?;
            if expected.is_some_and(|expected| expected != tip) {
                let current = format!("branch {theirs} is at {tip}");
                return Err(Error::PreconditionFailed { current });
            }
            let decision = match draft.merge(tip)? {
                Merge::Contained => Decision::Unchanged,
                Merge::FastForward => Decision::FastForward(tip),
                Merge::Merged => {
                    change.commit_if_changed(draft, vec![tip], || message::merge(theirs.as_str()))
                }
            };
            Ok((decision, ()))
        })
    }
}
