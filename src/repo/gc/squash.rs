//! Squashing: replacing a branch's own history by one commit.

use std::collections::HashSet;

use crate::names::BranchName;
use crate::repo::error::Result;
use crate::repo::history::walk::ancestors;
use crate::repo::ids::TreeId;
use crate::repo::ids::{commit_id, object_id};
use crate::repo::objects::commit::{Commit, read_linked};
use crate::repo::parts::Parts;

/// The commit that would replace a branch's own history.
pub(crate) struct SquashPlan {
    /// The branch's tip, which is replaced.
    pub tip: gix::ObjectId,
    /// The tip's tree, which stays.
    pub tree: TreeId,
    /// The newest commits of the old history that other refs still reach. The one in the branch's first-parent history comes first.
    pub parents: Vec<gix::ObjectId>,
}

/// Plans the squash of `branch`; `None` if its own history, which no other ref reaches, has at most one commit.
pub(crate) fn plan(
    parts: &Parts,
    repo: &gix::Repository,
    branch: &BranchName,
) -> Result<Option<SquashPlan>> {
    let Some(tip) = crate::repo::refs::read::read_tip(repo, branch)? else {
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
