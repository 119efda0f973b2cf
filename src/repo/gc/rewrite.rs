//! Rewrites the history of a branch for gc: plans it without locks, and publishes it while no other process or thread can move a ref.

use crate::names::{Author, BranchName};
use crate::repo::error::{Error, Result};
use crate::repo::gc::dropped_versions::DroppedVersions;
use crate::repo::gc::own_history::OwnHistory;
use crate::repo::gc::retention::{self, RetentionPlan};
use crate::repo::gc::squash::{self, SquashPlan};
use crate::repo::packs::pack::Pack;
use crate::repo::parts::Parts;
use crate::repo::refs::lock::OUTSIDE_MAX;

/// A function that selects the versions to drop from a branch's own history: the commits that no other ref reaches. It is also called, with
/// `None`, if there are no such commits.
pub type DropSelector<'a, E> = &'a dyn Fn(Option<&OwnHistory>) -> Result<DroppedVersions, E>;

/// How to rewrite a branch's own history: the commits that no other ref reaches.
pub enum Rewrite<'a, E> {
    /// Replace the history by one commit.
    Squash {
        /// The author of the new commit.
        author: &'a Author,
        /// The message of the new commit.
        message: &'a str,
    },
    /// Drop the selected versions of modules, and the commits that changed nothing else. All other commits keep their authors, dates and
    /// messages.
    Drop(DropSelector<'a, E>),
}

/// A [`Rewrite`] that was planned without locks, so the branch may have moved since.
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

/// The new history of a branch, written but without a ref that points to it.
pub(crate) struct RewrittenBranch {
    pub old_tip: gix::ObjectId,
    pub new_tip: gix::ObjectId,
    /// Objects that together reach everything that the branch keeps.
    pub roots: Vec<gix::ObjectId>,
    /// The packs with new objects, if several machines share the repository; otherwise empty.
    pub packs: Vec<Pack>,
    /// The number of commits by which the history became shorter.
    pub dropped_commits: usize,
}

impl<'a> RewritePlan<'a> {
    /// Plans to rewrite `branch`. If versions are dropped, already writes the new history, so that little is left to do under locks.
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

    /// Returns the branch to rewrite.
    pub(crate) fn branch(&self) -> &'a BranchName {
        match self {
            Self::Squash { branch, .. } | Self::Drop { branch, .. } => branch,
        }
    }

    /// Returns the old tip, and objects that together reach everything that the branch keeps. Returns `None` if the branch does not change.
    pub(crate) fn roots(&self) -> Option<(gix::ObjectId, Vec<gix::ObjectId>)> {
        match self {
            Self::Squash { plan, .. } => plan.as_ref().map(|plan| (plan.tip, plan.roots())),
            Self::Drop { plan, .. } => plan.as_ref().map(|plan| (plan.old_tip, vec![plan.new_tip])),
        }
    }

    /// Writes the new history of the branch durably. Returns `None` if the branch does not change. The caller must make sure that no other
    /// process or thread moves a ref.
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

/// Moves the branch to the tip of its new history.
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
