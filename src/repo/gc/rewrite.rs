//! The rewriting of a branch by gc: it is planned without locks, and made while no one else can move a ref.

use crate::names::{Author, BranchName};
use crate::repo::error::{Error, Result};
use crate::repo::gc::dropped_versions::DroppedVersions;
use crate::repo::gc::own_history::OwnHistory;
use crate::repo::gc::retention::{self, RetentionPlan};
use crate::repo::gc::squash::{self, SquashPlan};
use crate::repo::packs::pack::Pack;
use crate::repo::parts::Parts;
use crate::repo::refs::lock::OUTSIDE_MAX;

/// Selects the versions that a branch loses.
pub type DropSelector<'a, E> = &'a dyn Fn(&OwnHistory) -> Result<DroppedVersions, E>;

/// A requested rewriting of a branch's own history, which no other ref reaches.
pub enum Rewrite<'a, E> {
    /// Replace it by one commit.
    Squash {
        /// The author of the commit.
        author: &'a Author,
        /// The message of the commit.
        message: &'a str,
    },
    /// Drop the selected versions of modules, and the commits that changed nothing else. The commits that stay keep their authors, dates
    /// and messages.
    Drop(DropSelector<'a, E>),
}

/// A rewriting of a branch that was planned.
pub(crate) enum RewritePlan<'a> {
    Squash {
        branch: &'a BranchName,
        author: &'a Author,
        message: &'a str,
        plan: Option<SquashPlan>,
    },
    Drop {
        branch: &'a BranchName,
        plan: Option<RetentionPlan>,
    },
}

/// A branch whose new history was written. No ref points to it yet.
pub(crate) struct RewrittenBranch {
    pub old_tip: gix::ObjectId,
    pub new_tip: gix::ObjectId,
    /// The objects from which everything is reachable that stays of the branch.
    pub roots: Vec<gix::ObjectId>,
    /// In a repository that machines share: the packs with new objects.
    pub packs: Vec<Pack>,
    /// The number of commits by which the history became shorter.
    pub dropped_commits: usize,
}

impl<'a> RewritePlan<'a> {
    /// Plans a rewriting of `branch`. If versions are dropped, the new history is written, so that little is left to do under locks.
    pub(crate) fn new<E: From<Error>>(
        parts: &Parts,
        repo: &gix::Repository,
        branch: &'a BranchName,
        rewrite: &Rewrite<'a, E>,
    ) -> Result<Self, E> {
        Ok(match *rewrite {
            Rewrite::Squash { author, message } => Self::Squash {
                branch,
                author,
                message,
                plan: squash::plan(parts, repo, branch)?,
            },
            Rewrite::Drop(select) => Self::Drop {
                branch,
                plan: RetentionPlan::new(parts, repo, branch, select)?,
            },
        })
    }

    /// Returns the branch.
    pub(crate) fn branch(&self) -> &'a BranchName {
        match self {
            Self::Squash { branch, .. } | Self::Drop { branch, .. } => branch,
        }
    }

    /// Returns the tip that is replaced, and the objects from which everything is reachable that stays of the branch; `None` if the branch
    /// stays as it is.
    pub(crate) fn roots(&self) -> Option<(gix::ObjectId, Vec<gix::ObjectId>)> {
        match self {
            Self::Squash { plan, .. } => plan.as_ref().map(|plan| (plan.tip, plan.roots())),
            Self::Drop { plan, .. } => plan.as_ref().map(|plan| (plan.old_tip, vec![plan.new_tip])),
        }
    }

    /// Writes the new history of the branch durably; `None` if the branch stays as it is. No one else may move a ref.
    pub(crate) fn write(&self, parts: &Parts) -> Result<Option<RewrittenBranch>> {
        match self {
            Self::Squash {
                branch,
                author,
                message,
                ..
            } => squash::write(parts, branch, author, message),
            Self::Drop { plan: None, .. } => Ok(None),
            Self::Drop {
                branch,
                plan: Some(plan),
            } => retention::write(parts, branch, plan),
        }
    }
}

/// Moves the branch to its new history.
pub(crate) fn publish(
    parts: &Parts,
    branch: &BranchName,
    rewritten: &RewrittenBranch,
) -> Result<()> {
    let (old, new) = (Some(rewritten.old_tip), Some(rewritten.new_tip));
    parts
        .refs
        .swap(&branch.clone().into(), old, new, OUTSIDE_MAX)
}
