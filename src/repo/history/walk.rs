//! Walks over commits.

use std::cell::OnceCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

use gix::traverse::commit::Simple;
use gix::traverse::commit::simple::{CommitTimeOrder, Sorting};

use crate::names::CommitId;
use crate::repo::error::{Error, Result};
use crate::repo::ids::TreeId;
use crate::repo::ids::{commit_id, object_id};
use crate::repo::objects::commit::{Commit, decode, read_dated, read_linked};
use crate::repo::objects::copies::find_object;
use crate::repo::objects::db::ObjectDb;
use crate::repo::objects::raw_commit::LenientObjects;

/// The position of a commit in the history: its parents, tree and date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitNode {
    /// The commit's id.
    pub id: CommitId,
    /// The parents' ids. The first parent is the branch's own earlier tip.
    pub parents: Vec<CommitId>,
    /// The commit's tree.
    pub tree: TreeId,
    /// The author time, in seconds since 1970-01-01 UTC.
    pub date_s: i64,
}

impl From<&Commit> for CommitNode {
    fn from(commit: &Commit) -> Self {
        Self {
            id: commit.id,
            parents: commit.parents.clone(),
            tree: commit.tree,
            date_s: commit.date_s,
        }
    }
}

/// A step of a walk that visits parents before their children.
enum WalkStep {
    Enter(CommitId),
    Leave(CommitNode),
}

impl ObjectDb {
    /// Returns every commit that `tip` reaches, including `tip`; `None` if there are more than `max`. Does not return or follow the commits
    /// for which `is_known` returns true. Parents come before children, and commits that the first parent reaches come before commits that
    /// only the other parents reach.
    pub fn unknown_history<E: From<Error>>(
        &self,
        tip: CommitId,
        max: usize,
        mut is_known: impl FnMut(CommitId) -> Result<bool, E>,
    ) -> Result<Option<Vec<CommitNode>>, E> {
        let handle = OnceCell::new();
        let (mut entered, mut nodes) = (HashSet::new(), Vec::new());
        let mut todo = vec![WalkStep::Enter(tip)];
        while let Some(step) = todo.pop() {
            match step {
                WalkStep::Leave(node) => nodes.push(node),
                WalkStep::Enter(id) => {
                    if entered.contains(&id) || is_known(id)? {
                        continue;
                    }
                    if entered.len() == max {
                        return Ok(None);
                    }
                    entered.insert(id);
                    let node = self.commit_node(&handle, id)?;
                    let parents = node.parents.clone();
                    todo.push(WalkStep::Leave(node));
                    todo.extend(parents.into_iter().rev().map(WalkStep::Enter));
                }
            }
        }
        Ok(Some(nodes))
    }

    /// Reads a commit from a cache, or from the repository if no cache has it.
    fn commit_node(&self, handle: &OnceCell<gix::Repository>, id: CommitId) -> Result<CommitNode> {
        if let Some(commit) = self.caches.commits.get(&id) {
            return Ok(CommitNode::from(&*commit));
        }
        let oid = gix::ObjectId::try_from(id.as_bytes()).ok();
        let encoded = oid.and_then(|oid| self.caches.encoded.get(&oid));
        if let Some(bytes) = encoded {
            return Ok(CommitNode::from(&decode(id, &bytes)?));
        }
        let repo = match handle.get() {
            Some(repo) => repo,
            None => {
                let repo = self.handle_for(id)?;
                handle.get_or_init(|| repo)
            }
        };
        Ok(CommitNode::from(&read_linked(repo, id)?))
    }

    /// Calls `visit` for every commit that `tip` reaches, until `visit` returns `false`: newest first by committer time, and
    /// commits of the same time in the order in which the walk reached them.
    pub fn log(&self, tip: CommitId, mut visit: impl FnMut(Commit) -> bool) -> Result<()> {
        let repo = self.handle_for(tip)?;
        let (mut seen, mut reached) = (HashSet::from([tip]), BTreeMap::new());
        let (date_s, commit) = read_dated(&repo, tip)?;
        reached.insert((date_s, Reverse(0)), commit);
        while let Some((_, commit)) = reached.pop_last() {
            for parent in &commit.parents {
                if seen.insert(*parent) {
                    let (date_s, parent) = read_dated(&repo, *parent)?;
                    reached.insert((date_s, Reverse(seen.len())), parent);
                }
            }
            if !visit(commit) {
                break;
            }
        }
        Ok(())
    }

    /// Calls `visit` for every commit that `tip` reaches, until `visit` returns `false`: each commit before its parents. At a merge, the
    /// commits that only its later parents reach come before the commits that its first parent reaches. The walk reads the whole remaining
    /// history when it arrives at the first merge.
    pub fn log_children_first(
        &self,
        tip: CommitId,
        mut visit: impl FnMut(Commit) -> bool,
    ) -> Result<()> {
        let repo = self.handle_for(tip)?;
        let mut commit = read_linked(&repo, tip)?;
        while commit.parents.len() <= 1 {
            let parent = commit.parents.first().copied();
            let continues = visit(commit);
            let Some(parent) = parent.filter(|_| continues) else {
                return Ok(());
            };
            commit = read_linked(&repo, parent)?;
        }
        let nodes = self.unknown_history(commit.id, usize::MAX, |_| Ok::<_, Error>(false))?;
        let ids = nodes.into_iter().flatten().map(|node| node.id);
        for id in ids.rev() {
            if !visit(read_linked(&repo, id)?) {
                break;
            }
        }
        Ok(())
    }
}

/// Returns every commit that one of `tips` reaches, including the tips. A tag object in `tips` is replaced by the commit to which it leads;
/// a tip that leads to no commit is ignored.
pub(crate) fn ancestors(
    repo: &gix::Repository,
    tips: impl IntoIterator<Item = gix::ObjectId>,
) -> Result<gix::hashtable::HashSet> {
    let mut seen = gix::hashtable::HashSet::default();
    let mut todo: Vec<_> = tips
        .into_iter()
        .filter_map(|tip| peel_to_commit(repo, tip))
        .collect();
    while let Some(id) = todo.pop() {
        if seen.insert(id) {
            let commit = read_linked(repo, commit_id(&id))?;
            todo.extend(
                commit
                    .parents
                    .iter()
                    .filter_map(|parent| object_id(repo, parent.as_bytes())),
            );
        }
    }
    Ok(seen)
}

/// Returns every commit that a commit in `tips` reaches and no commit in `known` reaches, newest first, with its committer time in seconds.
/// The commit-graph is not used, because it may list commits that do not exist any more.
///
/// # Errors
/// `Missing` if a commit in the history does not exist.
pub(crate) fn commits_beyond<'r>(
    repo: &'r gix::Repository,
    tips: impl IntoIterator<Item = gix::ObjectId>,
    known: impl IntoIterator<Item = gix::ObjectId>,
) -> Result<impl Iterator<Item = Result<(gix::ObjectId, i64)>> + 'r> {
    let failed = |error: gix::Error| {
        if error.is_not_found() {
            let id = "of a commit in the history".to_owned();
            Error::Missing { id }
        } else {
            Error::database("walk the history")(error)
        }
    };
    let newest_first = Sorting::ByCommitTime(CommitTimeOrder::NewestFirst);
    let walk = Simple::new(tips, LenientObjects(repo))
        .sorting(newest_first)
        .map_err(failed)?
        .hide(known)
        .map_err(failed)?;
    Ok(walk.map(move |step| {
        let step = step.map_err(failed)?;
        Ok((step.id, step.commit_time.unwrap_or_default()))
    }))
}

/// Returns `id` if it is a commit, or the commit to which the tag object `id` leads; `None` if it is, or leads to, another kind of object.
pub(crate) fn peel_to_commit(repo: &gix::Repository, id: gix::ObjectId) -> Option<gix::ObjectId> {
    let object = find_object(repo, id).ok()??.peel_tags_to_end().ok()?;
    (object.kind == gix::objs::Kind::Commit).then_some(object.id)
}
