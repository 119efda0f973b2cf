//! Merging branches.

use super::commit_messages as message;
use super::error::Result;
use super::open::{Change, Store};
use super::precondition::Subject;
use super::put::judged;
use crate::names::BranchName;
use crate::repo::{Decision, Merge, Published};

impl Store {
    /// Merges the branch `theirs` into the change's branch: moves it where that suffices, else makes a commit with the parents
    /// [ours, theirs]. Returns the branch's tip after it.
    ///
    /// # Errors
    /// Both sides changed the same paths differently: nothing is changed. Unknown branch.
    pub fn merge(&self, change: &Change, theirs: &BranchName) -> Result<Published<()>> {
        let writing = self.begin()?;
        self.publish(writing, change.branch.as_ref(), |draft| {
            change.check(draft, Subject::Branch)?;
            // Asked here, under refs.lock: what is merged is the branch as it is when ours moves.
            let tip = draft.tip_of(theirs)?;
            let judged = match draft.merge(tip)? {
                Merge::Contained => Decision::Unchanged,
                Merge::FastForward => Decision::FastForward(tip),
                Merge::Merged => {
                    judged(change, draft, vec![tip], || message::merge(theirs.as_str()))
                }
            };
            Ok((judged, ()))
        })
    }
}
