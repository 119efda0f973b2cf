//! Squashes a branch: replaces its own history, which no other ref reaches, by one commit.

use crate::names::{Author, BranchName};
use crate::repo::error::Result;
use crate::repo::gc::own_history::OwnHistory;
use crate::repo::gc::rewrite::RewrittenBranch;
use crate::repo::history::walk::ancestors;
use crate::repo::ids::{TreeId, object_id};
use crate::repo::objects::commit::{NewCommit, read_linked};
use crate::repo::parts::Parts;
use crate::repo::publish::write_txn::WriteTxn;

/// A planned squash: the commit that will replace a branch's own history.
pub(crate) struct SquashPlan {
    /// The branch's tip, which will be replaced.
    pub tip: gix::ObjectId,
    /// The tree of the tip, which the new commit will have too.
    pub tree: TreeId,
    /// The parents of the new commit: the newest commits of the branch's history that other refs reach. The one in the branch's
    /// first-parent history comes first.
    pub parents: Vec<gix::ObjectId>,
    /// The number of commits that will be replaced.
    pub commits: usize,
}

impl SquashPlan {
    /// Returns objects that together reach everything that the branch keeps.
    pub(crate) fn roots(&self) -> Vec<gix::ObjectId> {
        let parents = self.parents.iter().copied();
        parents.chain([self.tree.0]).collect()
    }
}

/// Writes the squashed commit durably, without moving the branch. Returns `None` if there is nothing to squash.
pub(crate) fn write(
    parts: &Parts,
    branch: &BranchName,
    author: &Author,
    message: &str,
) -> Result<Option<RewrittenBranch>> {
    let mut txn = WriteTxn::under(parts, None)?;
    let Some(plan) = plan(parts, txn.repo(), branch)? else {
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
    let mut roots = plan.roots();
    roots.push(id);
    Ok(Some(RewrittenBranch {
        old_tip: plan.tip,
        new_tip: id,
        roots,
        packs: std::mem::take(&mut txn.objects.packs),
        dropped_commits: plan.commits - 1,
    }))
}

/// Plans the squash of `branch`. Returns `None` if there are fewer than two commits that only `branch` reaches.
pub(crate) fn plan(
    parts: &Parts,
    repo: &gix::Repository,
    branch: &BranchName,
) -> Result<Option<SquashPlan>> {
    let own = OwnHistory::read(parts, repo, branch)?;
    let Some(own) = own.filter(|own| own.commits.len() > 1) else {
        return Ok(None);
    };
    let mut boundary = Vec::new();
    // The list begins with the commits of the first-parent history, so that their parent comes first.
    for parent in own.commits.iter().flat_map(|commit| &commit.parents) {
        let parent = object_id(repo, parent.as_bytes());
        let parent = parent.filter(|parent| own.kept.contains(parent));
        boundary.extend(parent.filter(|parent| !boundary.contains(parent)));
    }
    let mut grandparents = Vec::new();
    for id in &boundary {
        let commit = read_linked(repo, crate::repo::ids::commit_id(id))?;
        let parents = commit.parents.iter();
        grandparents.extend(parents.filter_map(|parent| object_id(repo, parent.as_bytes())));
    }
    let older = ancestors(repo, grandparents)?;
    boundary.retain(|id| !older.contains(id));
    let tip = own.tip();
    Ok(object_id(repo, tip.id.as_bytes()).map(|id| SquashPlan {
        tip: id,
        tree: tip.tree,
        parents: boundary,
        commits: own.commits.len(),
    }))
}
