//! Merges branches.

use super::change::Change;
use super::commit_messages as message;
use super::error::Result;
use super::open::Store;
use super::precondition::PreconditionSubject;
use crate::names::BranchName;
use crate::repo::{Decision, Merge, Published};

impl Store {
    /// Merges the branch `theirs` into the branch of `change`. Fast-forwards where possible; otherwise makes a commit with the parents
    /// [ours, theirs]. Returns the new tip.
    ///
    /// # Errors
    /// Unknown branch; both sides changed the same paths differently. Then nothing is changed.
    pub fn merge(&self, change: &Change, theirs: &BranchName) -> Result<Published<()>> {
        let txn = self.begin()?;
        self.publish(txn, change.branch.as_ref(), |draft| {
            change.check(draft, PreconditionSubject::Branch)?;
            // Read under refs.lock, so that the tip of `theirs` is current when our branch moves.
            let tip = draft.tip_of(theirs)?;
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
