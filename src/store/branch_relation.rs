//! Compares a branch with another branch, and previews a merge.

use super::error::Result;
use super::open::Store;
use super::revision::Revision;
use crate::names::{BranchName, CommitId};
use crate::repo::{self, Merge, PathChange};

/// The maximum number of commits that are counted on each side.
pub const RELATION_COMMITS_MAX: usize = 1000;

/// How far two branches have diverged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BranchRelation {
    /// The number of commits that only the branch has, at most [`RELATION_COMMITS_MAX`].
    pub ahead: usize,
    /// The number of commits that only the other branch has, at most [`RELATION_COMMITS_MAX`].
    pub behind: usize,
}

/// The result that a merge would have, with the tips that it was computed from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergePreview {
    /// The tip of the branch that would change.
    pub ours: CommitId,
    /// The tip of the branch that would be merged.
    pub theirs: CommitId,
    /// The result.
    pub outcome: MergeOutcome,
}

/// The result that a merge would have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MergeOutcome {
    /// The branch would not change, because it contains the other one.
    Contained,
    /// The branch would move to the tip of the other branch. That changes these modules.
    FastForward(Vec<PathChange>),
    /// A merge commit would change these modules.
    Merged(Vec<PathChange>),
    /// The merge would fail, because both sides changed these paths differently.
    Conflict(Vec<String>),
}

impl Store {
    /// Returns how far two commits have diverged.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn relation(&self, commit: CommitId, other: CommitId) -> Result<BranchRelation> {
        if commit == other {
            return Ok(BranchRelation::default());
        }
        let objects = self.repo.objects();
        Ok(BranchRelation {
            ahead: objects.count_beyond(commit, other, RELATION_COMMITS_MAX)?,
            behind: objects.count_beyond(other, commit, RELATION_COMMITS_MAX)?,
        })
    }

    /// Returns what a merge of the branch `theirs` into the branch `ours` would do now.
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
