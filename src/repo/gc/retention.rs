//! Drops versions of modules from a branch's own history.
//!
//! The rule: every commit is written again, parents first. Where a commit has a dropped module at a path, its new form has the entry that
//! the new form of its first parent has at this path, as if the commit had not changed the path. All other changes stay. The next commit
//! that changes the path and stays then also contains the effect of the dropped change: the dropped change has moved into that commit. A
//! parent after the first is left out if it is now in the history of another parent. A commit without any change left is dropped, except a
//! commit without parents, and a merge that still joins two histories. A merge also stays if its first parent is in the history of the
//! second: it brings all changes of a branch in one step, which one rollback undoes. A commit into which a dropped change has moved gets
//! the trailer `Squashed: true`. A rollback stops there, because it would undo several changes at once. A commit keeps its id if neither
//! its tree nor its parents change.
//!
//! The paths of each new tree are a subset of the paths of the old tree, so no path becomes a module and a directory at once. The tree of
//! the tip does not change.

use std::collections::HashSet;

use crate::names::{BranchName, CommitId};
use crate::repo::error::{Error, Result};
use crate::repo::gc::dropped_versions::DroppedVersions;
use crate::repo::gc::history_rewriter::HistoryRewriter;
use crate::repo::gc::own_history::OwnHistory;
use crate::repo::gc::rewrite::{DropSelector, RewrittenBranch};
use crate::repo::gc::rewritten_history::RewrittenHistory;
use crate::repo::history::walk::CommitNode;
use crate::repo::ids::{commit_id, object_id};
use crate::repo::parts::Parts;
use crate::repo::publish::write_txn::WriteTxn;
use crate::repo::refs::read::read_tip;

/// The new history of a branch without the versions to drop, which was written without locks and to which the branch has not been moved
/// yet.
pub(crate) struct RetentionPlan {
    pub old_tip: gix::ObjectId,
    pub new_tip: gix::ObjectId,
    own: OwnHistory,
    dropped: DroppedVersions,
    rewritten: RewrittenHistory,
}

impl RetentionPlan {
    /// Writes the history of `branch` without the versions that `select` returns. Returns `None` if the history would not change.
    pub(crate) fn new<E: From<Error>>(
        parts: &Parts,
        repo: &gix::Repository,
        branch: &BranchName,
        select: DropSelector<'_, E>,
    ) -> Result<Option<Self>, E> {
        let own = OwnHistory::read(parts, repo, branch)?;
        let dropped = select(own.as_ref())?;
        let Some(own) = own.filter(|_| !dropped.is_empty()) else {
            return Ok(None);
        };
        let mut txn = WriteTxn::begin(parts)?;
        let rewritten = rewrite(&mut txn, parts, &own, &dropped)?;
        txn.sync()?;
        let old_tip = txn.object_id(own.tip().id.into())?;
        let new_tip = rewritten.new_id(old_tip);
        Ok((new_tip != old_tip).then_some(Self {
            old_tip,
            new_tip,
            own,
            dropped,
            rewritten,
        }))
    }
}

fn rewrite(
    txn: &mut WriteTxn<'_>,
    parts: &Parts,
    own: &OwnHistory,
    dropped: &DroppedVersions,
) -> Result<RewrittenHistory> {
    let mut rewriter = HistoryRewriter::new(parts, dropped, RewrittenHistory::default())?;
    for commit in &own.commits {
        rewriter.add(txn, commit, commit.id == own.tip().id)?;
    }
    Ok(rewriter.finish())
}

/// Writes the final history: adds the commits that the branch has received since the plan was made to the planned history. If the branch
/// was reset, or if another ref reaches commits of the plan by now, writes the whole history again. The caller must make sure that no other
/// process or thread moves a ref.
pub(crate) fn write(
    parts: &Parts,
    branch: &BranchName,
    plan: &RetentionPlan,
) -> Result<Option<RewrittenBranch>> {
    let mut txn = WriteTxn::under(parts, None)?;
    let own = OwnHistory::read_newer(parts, txn.repo(), branch, &plan.own)?;
    let (old_tip, commits, rewritten) = match own {
        NewerHistory::Unrelated => {
            let Some(own) = OwnHistory::read(parts, txn.repo(), branch)? else {
                return Ok(None);
            };
            let rewritten = rewrite(&mut txn, parts, &own, &plan.dropped)?;
            (own.tip().id, own.commits.len(), rewritten)
        }
        NewerHistory::Commits(newer) => {
            let none = DroppedVersions::default();
            let tip = newer.last().unwrap_or(plan.own.tip()).id;
            let planned = plan.rewritten.clone();
            let mut rewriter = HistoryRewriter::new(parts, &none, planned)?;
            for commit in &newer {
                rewriter.add(&mut txn, commit, commit.id == tip)?;
            }
            (tip, plan.own.commits.len() + newer.len(), rewriter.finish())
        }
    };
    let old_tip = txn.object_id(old_tip.into())?;
    let new_tip = rewritten.new_id(old_tip);
    if new_tip == old_tip {
        return Ok(None);
    }
    txn.durable_tip(&branch.clone().into())?;
    txn.sync()?;
    Ok(Some(RewrittenBranch {
        old_tip,
        new_tip,
        roots: vec![new_tip],
        packs: std::mem::take(&mut txn.objects.packs),
        dropped_commits: commits - rewritten.kept(),
    }))
}

/// How the history of a branch has changed since a plan was made.
pub(crate) enum NewerHistory {
    /// The branch has received these commits, parents first.
    Commits(Vec<CommitNode>),
    /// The branch was deleted or reset, or another ref now reaches commits that the plan rewrites.
    Unrelated,
}

impl OwnHistory {
    /// Compares the branch with `planned`, the branch's own history when the plan was made. Returns the commits that the branch has
    /// received since then.
    fn read_newer(
        parts: &Parts,
        repo: &gix::Repository,
        branch: &BranchName,
        planned: &Self,
    ) -> Result<NewerHistory> {
        let Some(tip) = read_tip(repo, &branch.full_ref())? else {
            return Ok(NewerHistory::Unrelated);
        };
        if !planned.is_still_own(parts, repo, branch)? {
            return Ok(NewerHistory::Unrelated);
        }
        let own: HashSet<_> = planned.commits.iter().map(|commit| commit.id).collect();
        let mut is_descendant = false;
        let is_known = |id: CommitId| {
            is_descendant |= id == planned.tip().id;
            let is_kept =
                object_id(repo, id.as_bytes()).is_some_and(|id| planned.kept.contains(&id));
            Ok::<_, Error>(is_kept || own.contains(&id))
        };
        let newer = parts
            .objects
            .unknown_history(commit_id(&tip), usize::MAX, is_known)?;
        Ok(match newer {
            Some(newer) if is_descendant => NewerHistory::Commits(newer),
            _ => NewerHistory::Unrelated,
        })
    }
}
