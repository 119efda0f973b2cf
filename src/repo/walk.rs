//! Walks over the history.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::commits::{Commit, read_dated, read_linked};
use super::entry::{Node, TreeId};
use super::error::Result;
use super::open::{Repository, commit_id, object_id};
use super::trees::Trees;
use crate::names::{CommitId, TreePath};

/// A commit with its place in the order of versions.
#[derive(Clone, Debug)]
pub struct Aged {
    /// The commit.
    pub commit: Commit,
    /// The latest author time among it and its ancestors, in seconds since 1970-01-01 UTC.
    pub latest_date_s: i64,
    /// The number of commits on the longest way from a root to it.
    pub level: u64,
}

impl Repository {
    /// Every commit that `tip` reaches, itself included, by (latest date, level, id): parents before children.
    pub fn history(&self, tip: CommitId) -> Result<Vec<Aged>> {
        let repo = self.local_for(tip)?;
        let mut aged: HashMap<CommitId, Aged> = HashMap::new();
        let mut todo = vec![super::commits::read(&repo, tip)?];
        while let Some(commit) = todo.pop() {
            if aged.contains_key(&commit.id) {
                continue;
            }
            let unseen: Vec<_> = commit
                .parents
                .iter()
                .filter(|parent| !aged.contains_key(parent))
                .copied()
                .collect();
            if unseen.is_empty() {
                aged.insert(commit.id, age(&aged, commit));
                continue;
            }
            todo.push(commit);
            for parent in unseen {
                todo.push(read_linked(&repo, parent)?);
            }
        }
        let mut history: Vec<_> = aged.into_values().collect();
        history.sort_by_key(|aged| (aged.latest_date_s, aged.level, aged.commit.id));
        Ok(history)
    }

    /// Calls `visit` for every commit that `tip` reaches, newest first by committer time, of equal ones that first that was reached
    /// first, until it returns `false`.
    pub fn log(&self, tip: CommitId, mut visit: impl FnMut(Commit) -> bool) -> Result<()> {
        let repo = self.local_for(tip)?;
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

    /// What stands at `path` in each of the trees.
    pub fn nodes(
        &self,
        trees: impl IntoIterator<Item = TreeId>,
        path: &TreePath,
    ) -> Result<Vec<Option<Node>>> {
        let Some(repo) = self.local() else {
            return Ok(Vec::new());
        };
        let reader = Trees::new(&repo);
        let node = |tree: TreeId| {
            Ok(reader
                .entry(tree.0, path.as_str().into())?
                .map(|entry| entry.node()))
        };
        trees.into_iter().map(node).collect()
    }
}

fn age(aged: &HashMap<CommitId, Aged>, commit: Commit) -> Aged {
    let parents = || commit.parents.iter().map(|parent| &aged[parent]);
    let latest_date_s = parents()
        .map(|parent| parent.latest_date_s)
        .fold(commit.date_s, i64::max);
    let level = parents().map(|parent| parent.level + 1).max().unwrap_or(0);
    Aged {
        commit,
        latest_date_s,
        level,
    }
}

/// Every commit that one of `tips` reaches, the tips included; tags are followed to what they name.
pub(super) fn ancestors(
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

/// The commit that a commit or tag leads to, if it does.
pub(super) fn peel_to_commit(repo: &gix::Repository, id: gix::ObjectId) -> Option<gix::ObjectId> {
    let object = repo.find_object(id).ok()?.peel_tags_to_end().ok()?;
    (object.kind == gix::objs::Kind::Commit).then_some(object.id)
}
