//! Walks over the history.

use std::cell::OnceCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

use gix::revision::walk::Sorting;
use gix::traverse::commit::simple::CommitTimeOrder;

use crate::names::CommitId;
use crate::repo::error::{Error, Result};
use crate::repo::ids::TreeId;
use crate::repo::ids::{commit_id, object_id};
use crate::repo::objects::commit::{Commit, decode, read_dated, read_linked};
use crate::repo::objects::db::ObjectDb;

/// What a commit is tied to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The commit.
    pub id: CommitId,
    /// Its parents, the branch's own line first.
    pub parents: Vec<CommitId>,
    /// Its tree.
    pub tree: TreeId,
    /// The author time, in seconds since 1970-01-01 UTC.
    pub date_s: i64,
}

impl From<&Commit> for Link {
    fn from(commit: &Commit) -> Self {
        Self {
            id: commit.id,
            parents: commit.parents.clone(),
            tree: commit.tree,
            date_s: commit.date_s,
        }
    }
}

/// A step of a walk that comes to parents before their children.
enum Step {
    Enter(CommitId),
    Leave(Link),
}

impl ObjectDb {
    /// Every commit that `tip` reaches without passing one that `is_known`: parents before children, and what a first parent
    /// reaches before what the others do. `None` if there are more than `max`.
    pub fn unknown_history<E: From<Error>>(
        &self,
        tip: CommitId,
        max: usize,
        mut is_known: impl FnMut(CommitId) -> Result<bool, E>,
    ) -> Result<Option<Vec<Link>>, E> {
        let handle = OnceCell::new();
        let (mut entered, mut links) = (HashSet::new(), Vec::new());
        let mut todo = vec![Step::Enter(tip)];
        while let Some(step) = todo.pop() {
            match step {
                Step::Leave(link) => links.push(link),
                Step::Enter(id) => {
                    if entered.contains(&id) || is_known(id)? {
                        continue;
                    }
                    if entered.len() == max {
                        return Ok(None);
                    }
                    entered.insert(id);
                    let link = self.link(&handle, id)?;
                    let parents = link.parents.clone();
                    todo.push(Step::Leave(link));
                    todo.extend(parents.into_iter().rev().map(Step::Enter));
                }
            }
        }
        Ok(Some(links))
    }

    /// What a commit is tied to: of a new one from memory.
    fn link(&self, handle: &OnceCell<gix::Repository>, id: CommitId) -> Result<Link> {
        if let Some(commit) = self.caches.commits.get(&id) {
            return Ok(Link::from(&*commit));
        }
        let recent = gix::ObjectId::try_from(id.as_bytes()).ok();
        let recent = recent.and_then(|recent| self.caches.encoded.get(&recent));
        if let (Some(bytes), Some(format)) = (recent, self.format()) {
            let commit = gix::objs::CommitRef::from_bytes(&bytes, format);
            let commit = commit.map_err(Error::database(format!("understand commit {id}")))?;
            return Ok(Link::from(&decode(id, &commit)?));
        }
        let repo = match handle.get() {
            Some(repo) => repo,
            None => {
                let repo = self.handle_for(id)?;
                handle.get_or_init(|| repo)
            }
        };
        Ok(Link::from(&read_linked(repo, id)?))
    }

    /// Calls `visit` for every commit that `tip` reaches, newest first by committer time, of equal ones that first that was reached
    /// first, until it returns `false`.
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

    /// Calls `visit` for every commit that `tip` reaches, each before its parents, and what the last parent of a merge reaches before
    /// what the first does, until it returns `false`. From the first merge on the whole history is looked at beforehand.
    pub fn log_by_line(&self, tip: CommitId, mut visit: impl FnMut(Commit) -> bool) -> Result<()> {
        let repo = self.handle_for(tip)?;
        let mut commit = read_linked(&repo, tip)?;
        while commit.parents.len() <= 1 {
            let parent = commit.parents.first().copied();
            let is_enough = !visit(commit);
            let Some(parent) = parent.filter(|_| !is_enough) else {
                return Ok(());
            };
            commit = read_linked(&repo, parent)?;
        }
        let links = self.unknown_history(commit.id, usize::MAX, |_| Ok::<_, Error>(false))?;
        let ids = links.into_iter().flatten().map(|link| link.id);
        for id in ids.rev() {
            if !visit(read_linked(&repo, id)?) {
                break;
            }
        }
        Ok(())
    }
}

/// Every commit that one of `tips` reaches, the tips included; tags are followed to what they name.
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

/// Every commit that one of `tips` reaches and none of `known` does, newest first, with its committer time in seconds. The
/// commit-graph is not asked: it may tell of commits that are gone.
///
/// # Errors
/// `Missing` if one of them is not there.
pub(crate) fn beyond(
    repo: &gix::Repository,
    tips: impl IntoIterator<Item = gix::ObjectId>,
    known: impl IntoIterator<Item = gix::ObjectId>,
) -> Result<impl Iterator<Item = Result<(gix::ObjectId, i64)>>> {
    let failed = |error: gix::Error| match error.is_not_found() {
        true => Error::Missing {
            id: "of a commit in the history".to_owned(),
        },
        false => Error::database("walk the history")(error),
    };
    let newest_first = CommitTimeOrder::NewestFirst;
    let walk = repo
        .rev_walk(tips)
        .sorting(Sorting::ByCommitTime(newest_first))
        .use_commit_graph(false)
        .with_hidden(known)
        .all()
        .map_err(failed)?;
    Ok(walk.map(move |step| {
        let step = step.map_err(failed)?;
        Ok((step.id, step.commit_time.unwrap_or_default()))
    }))
}

/// The commit that a commit or tag leads to, if it does.
pub(crate) fn peel_to_commit(repo: &gix::Repository, id: gix::ObjectId) -> Option<gix::ObjectId> {
    let object = repo.find_object(id).ok()?.peel_tags_to_end().ok()?;
    (object.kind == gix::objs::Kind::Commit).then_some(object.id)
}
