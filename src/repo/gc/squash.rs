//! Squashing: replacing a branch's own history, which no other ref reaches, by one commit.

use std::collections::HashSet;

use crate::names::{Author, BranchName};
use crate::repo::error::Result;
use crate::repo::history::walk::ancestors;
use crate::repo::ids::TreeId;
use crate::repo::ids::{commit_id, object_id};
use crate::repo::objects::commit::{Commit, NewCommit, read_linked};
use crate::repo::packs::pack::Pack;
use crate::repo::parts::Parts;
use crate::repo::publish::write_txn::WriteTxn;
use crate::repo::refs::lock::OUTSIDE_MAX;

/// The branch to squash, and the author and the message of the new commit.
pub(crate) type SquashRequest<'a> = (&'a BranchName, &'a Author, &'a str);

/// The commit that would replace a branch's own history.
pub(crate) struct SquashPlan {
    /// The branch's tip, which is replaced.
    pub tip: gix::ObjectId,
    /// The tip's tree, which stays.
    pub tree: TreeId,
    /// The newest commits of the branch's old history that other refs still reach. The one in the branch's first-parent history
    /// comes first.
    pub parents: Vec<gix::ObjectId>,
}

/// A squashed commit that was written, and its plan.
pub(crate) struct SquashedCommit {
    pub plan: SquashPlan,
    pub id: gix::ObjectId,
    /// In a repository that machines share: the packs with the commit.
    pub packs: Vec<Pack>,
}

/// Plans the requested squash; `None` without a request, or if there is nothing to squash.
pub(crate) fn plan_requested(
    parts: &Parts,
    repo: &gix::Repository,
    request: Option<SquashRequest<'_>>,
) -> Result<Option<SquashPlan>> {
    request.map_or(Ok(None), |(branch, ..)| plan(parts, repo, branch))
}

/// Writes the squashed commit durably. No ref points to it yet.
pub(crate) fn write(
    parts: &Parts,
    request: Option<SquashRequest<'_>>,
) -> Result<Option<SquashedCommit>> {
    let mut txn = WriteTxn::under(parts, None)?;
    let planned = plan_requested(parts, txn.repo(), request)?;
    let (Some(plan), Some((branch, author, message))) = (planned, request) else {
        return Ok(None);
    };
    txn.durable_tip(&branch.clone().into())?;
    let commit = NewCommit {
        tree: plan.tree.0,
        parents: plan.parents.clone(),
        author,
        message: message.to_owned(),
    };
    let id = txn.stage_commit(&commit, &[])?;
    txn.sync()?;
    Ok(Some(SquashedCommit {
        plan,
        id,
        packs: std::mem::take(&mut txn.objects.packs),
    }))
}

/// Moves the branch to the squashed commit.
pub(crate) fn publish(
    parts: &Parts,
    request: Option<SquashRequest<'_>>,
    squashed: Option<&SquashedCommit>,
) -> Result<()> {
    let (Some(SquashedCommit { plan, id, .. }), Some((branch, ..))) = (squashed, request) else {
        return Ok(());
    };
    let (old, new) = (Some(plan.tip), Some(*id));
    parts
        .refs
        .swap(&branch.clone().into(), old, new, OUTSIDE_MAX)
}

/// Plans the squash of `branch`. Returns `None` if there are fewer than two commits that only `branch` reaches.
fn plan(parts: &Parts, repo: &gix::Repository, branch: &BranchName) -> Result<Option<SquashPlan>> {
    let Some(tip) = crate::repo::refs::read::read_tip(repo, &branch.full_ref())? else {
        return Ok(None);
    };
    let own_ref = branch.full_ref();
    let mut others: Vec<_> = parts
        .refs
        .direct_refs("refs/")?
        .into_iter()
        .filter(|(name, _)| *name != own_ref)
        .collect();
    others.extend(parts.refs.detached_head()?.map(|id| ("HEAD".into(), id)));
    let kept = ancestors(repo, others.into_iter().map(|(_, id)| id))?;

    let mut own = HashSet::new();
    let mut boundary: Vec<Commit> = Vec::new();
    let mut todo = vec![tip];
    while let Some(id) = todo.pop() {
        if kept.contains(&id) {
            let commit = read_linked(repo, commit_id(&id))?;
            if !boundary.contains(&commit) {
                boundary.push(commit);
            }
        } else if own.insert(id) {
            let commit = read_linked(repo, commit_id(&id))?;
            // The first parent is pushed last, and so visited first: its history gives the first parent of the squashed commit.
            todo.extend(
                commit
                    .parents
                    .iter()
                    .rev()
                    .filter_map(|parent| object_id(repo, parent.as_bytes())),
            );
        }
    }
    if own.len() <= 1 {
        return Ok(None);
    }
    let grandparents = boundary.iter().flat_map(|commit| &commit.parents);
    let older = ancestors(
        repo,
        grandparents.filter_map(|parent| object_id(repo, parent.as_bytes())),
    )?;
    let ids = boundary
        .iter()
        .filter_map(|commit| object_id(repo, commit.id.as_bytes()));
    let parents = ids.filter(|id| !older.contains(id)).collect();
    Ok(Some(SquashPlan {
        tip,
        tree: read_linked(repo, commit_id(&tip))?.tree,
        parents,
    }))
}
