//! Merges branches.

use super::change::Change;
use super::commit_messages as message;
use super::error::{Error, Result};
use super::open::Store;
use super::precondition::PreconditionSubject;
use crate::names::{BranchName, CommitId, TreePath};
use crate::repo::{Decision, Merge, Published};

/// Whether a merge may move the branch to the other branch's tip instead of making a commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FastForward {
    /// Fast-forward if the other branch has all commits of the branch.
    #[default]
    Allow,
    /// Always make a merge commit, so that one rollback undoes the merge.
    Never,
}

/// The options of a merge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MergeOptions {
    /// Whether the branch may be fast-forwarded.
    pub fast_forward: FastForward,
    /// The commit that must still be the tip of the other branch, or else the merge fails. `None` merges whatever commit is the tip.
    pub expected: Option<CommitId>,
}

/// The effect of a merge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MergeSummary {
    /// The branch's tip before a fast-forward; `None` if there was no fast-forward, or if the branch had no commit. A fast-forward makes no
    /// commit, so the history does not say which commit the tip was.
    pub forwarded_from: Option<CommitId>,
}

impl Store {
    /// Merges the branch `theirs` into the branch of `change`. Fast-forwards where possible; otherwise makes a commit with the parents
    /// [ours, theirs]. The result contains the new tip.
    ///
    /// # Errors
    /// Unknown branch; both sides changed the same paths differently. If there is an error, nothing is changed.
    pub fn merge(&self, change: &Change, theirs: &BranchName) -> Result<Published<MergeSummary>> {
        self.merge_with(change, theirs, MergeOptions::default())
    }

    /// Merges like [`merge`](Self::merge), with options.
    ///
    /// # Errors
    /// As for [`merge`](Self::merge); [`Error::PreconditionFailed`] if `theirs` is not at the expected commit.
    pub fn merge_with(
        &self,
        change: &Change,
        theirs: &BranchName,
        options: MergeOptions,
    ) -> Result<Published<MergeSummary>> {
        let txn = self.begin()?;
        self.publish(txn, change, |draft| {
            change.check(self, draft, PreconditionSubject::Branch)?;
            // Reads the tip of `theirs` under refs.lock, so that it is current when the branch `ours` moves.
            let tip = draft.tip_of(theirs)?;
            if options.expected.is_some_and(|expected| expected != tip) {
                let current = format!("branch {theirs} is at {tip}");
                return Err(Error::PreconditionFailed { current });
            }
            let mut summary = MergeSummary::default();
            let message = || message::merge(theirs.as_str());
            let ours = draft.tip().map(|ours| ours.id);
            let decision = match draft.merge(tip)? {
                Merge::Contained => Decision::Unchanged,
                // A branch without a commit has no parent for a merge commit.
                Merge::FastForward
                    if options.fast_forward == FastForward::Allow || ours.is_none() =>
                {
                    summary.forwarded_from = ours;
                    Decision::FastForward(tip)
                }
                Merge::FastForward => {
                    draft.restore(tip, &TreePath::root())?;
                    change.commit_if_changed(draft, vec![tip], message)
                }
                Merge::Merged => change.commit_if_changed(draft, vec![tip], message),
            };
            Ok((decision, summary))
        })
    }
}
