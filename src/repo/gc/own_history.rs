//! The own history of a branch: the commits that no other ref reaches. Only these commits may be rewritten.

use gix::bstr::BString;

use crate::names::BranchName;
use crate::repo::error::{Error, Result};
use crate::repo::history::walk::{CommitNode, ancestors, peel_to_commit};
use crate::repo::ids::{commit_id, object_id};
use crate::repo::parts::Parts;
use crate::repo::refs::lock::HEAD;
use crate::repo::refs::read::read_tip;

/// The commits that a branch reaches and that no other ref reaches.
pub struct OwnHistory {
    /// The commits, parents before children. The last one is the branch's tip, so there is at least one.
    pub commits: Vec<CommitNode>,
    /// All commits that other refs reach.
    pub(crate) kept: gix::hashtable::HashSet,
    /// The ids of the objects to which the other refs point: all refs except the branch.
    pub(crate) other_tips: Vec<gix::ObjectId>,
}

impl OwnHistory {
    /// Reads the own history of `branch`. Returns `None` if the branch has no commit, or if other refs reach all its commits.
    pub(crate) fn read(
        parts: &Parts,
        repo: &gix::Repository,
        branch: &BranchName,
    ) -> Result<Option<Self>> {
        let Some(tip) = read_tip(repo, &branch.full_ref())? else {
            return Ok(None);
        };
        let other_tips = other_tips(parts, branch)?;
        let kept = ancestors(repo, other_tips.iter().copied())?;
        let is_kept = |id: crate::names::CommitId| {
            let id = object_id(repo, id.as_bytes());
            Ok::<_, Error>(id.is_some_and(|id| kept.contains(&id)))
        };
        let commits = parts
            .objects
            .unknown_history(commit_id(&tip), usize::MAX, is_kept)?;
        let commits = commits.unwrap_or_default();
        Ok((!commits.is_empty()).then_some(Self {
            commits,
            kept,
            other_tips,
        }))
    }

    /// Returns the branch's tip.
    pub fn tip(&self) -> &CommitNode {
        let tip = self.commits.last();
        tip.expect("BUG: there is at least one commit")
    }

    /// Returns whether the commits are still reached by no ref other than `branch`.
    pub(crate) fn is_still_own(
        &self,
        parts: &Parts,
        repo: &gix::Repository,
        branch: &BranchName,
    ) -> Result<bool> {
        let known: gix::hashtable::HashSet = self.other_tips.iter().copied().collect();
        let now = other_tips(parts, branch)?;
        let new: Vec<_> = now.into_iter().filter(|id| !known.contains(id)).collect();
        if new.is_empty() {
            return Ok(true);
        }
        let own = self.commits.iter();
        let own: gix::hashtable::HashSet = own
            .filter_map(|commit| object_id(repo, commit.id.as_bytes()))
            .collect();
        let tips = new.into_iter().filter_map(|id| peel_to_commit(repo, id));
        for tip in tips {
            let mut is_reached = false;
            let stops = |id: crate::names::CommitId| {
                let id = object_id(repo, id.as_bytes());
                is_reached |= id.is_some_and(|id| own.contains(&id));
                Ok::<_, Error>(is_reached || id.is_some_and(|id| self.kept.contains(&id)))
            };
            let tip = commit_id(&tip);
            parts.objects.unknown_history(tip, usize::MAX, stops)?;
            if is_reached {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Returns the targets of all refs except `branch`, and of a detached `HEAD`.
fn other_tips(parts: &Parts, branch: &BranchName) -> Result<Vec<gix::ObjectId>> {
    let others = other_refs(parts, branch)?.into_iter();
    Ok(others.map(|(_, id)| id).collect())
}

/// Returns all refs except `branch` with their targets, sorted by name. If `HEAD` is detached, it is the last item.
pub(crate) fn other_refs(
    parts: &Parts,
    branch: &BranchName,
) -> Result<Vec<(BString, gix::ObjectId)>> {
    let own_ref = branch.full_ref();
    let mut refs = parts.refs.direct_refs("refs/")?;
    refs.retain(|(name, _)| *name != own_ref);
    let head = parts.refs.detached_head()?;
    refs.extend(head.map(|id| (HEAD.into(), id)));
    Ok(refs)
}
