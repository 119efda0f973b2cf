//! Compares a branch with another branch, and previews a merge.

use super::error::Result;
use super::open::Store;
use super::revision::Revision;
use crate::names::{BranchName, CommitId};
use crate::repo::{self, CommitCount, Merge, PathChange};

/// The maximum number of commits that are counted for each of the two branches.
const COMMITS_MAX: usize = 1000;

/// The maximum number of commits that are read for the counts: commits of either branch, and some commits that both branches have.
const VISITS_MAX: usize = 4 * COMMITS_MAX;

/// How far two branches have diverged: the number of commits that only one of them has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BranchRelation {
    /// The number of commits that only the first branch has. Counts up to 1,000.
    pub ahead: CommitCount,
    /// The number of commits that only the other branch has. Counts up to 1,000.
    pub behind: CommitCount,
}

/// The result that a merge would have, and the two tips for which it was computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergePreview {
    /// The tip of the branch that would change.
    pub ours: CommitId,
    /// The tip of the branch that would be merged.
    pub theirs: CommitId,
    /// What a merge of these tips would do.
    pub outcome: MergeOutcome,
}

/// The result that a merge would have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MergeOutcome {
    /// The branch would not change, because it already contains the other branch.
    Contained,
    /// The branch would move to the tip of the other branch. That changes these modules.
    FastForward(Vec<PathChange>),
    /// A merge commit would change these modules.
    Merged(Vec<PathChange>),
    /// The merge would fail, because both branches changed these paths differently.
    Conflict(Vec<String>),
}

impl Store {
    /// Returns how far two commits have diverged. The counts have limits, so that a long history does not make this slow.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn relation(&self, commit: CommitId, other: CommitId) -> Result<BranchRelation> {
        if commit == other {
            return Ok(BranchRelation::default());
        }
        let both = (commit, other);
        let [ahead, behind] = { self.repo.objects() }.divergence(both, COMMITS_MAX, VISITS_MAX)?;
        Ok(BranchRelation { ahead, behind })
    }

    /// Returns what a merge of the branch `theirs` into the branch `ours` would do, without merging.
    ///
    /// # Errors
    /// Unknown branch; a branch without commits.
    pub fn preview_merge(&self, ours: &BranchName, theirs: &BranchName) -> Result<MergePreview> {
        let tip = |branch: &BranchName| self.snapshot(&Revision::Branch(Some(branch.clone())));
        let (ours, theirs) = (tip(ours)?, tip(theirs)?);
        let outcome = match self.repo.objects().preview_merge(ours, theirs) {
            Ok((Merge::Contained, _)) => MergeOutcome::Contained,
            Ok((Merge::FastForward, changes)) => MergeOutcome::FastForward(changes),
            Ok((Merge::Merged, changes)) => MergeOutcome::Merged(changes),
            Err(repo::Error::MergeConflict { paths }) => MergeOutcome::Conflict(paths),
            Err(error) => return Err(error.into()),
        };
        Ok(MergePreview {
            ours,
            theirs,
            outcome,
        })
    }
}
