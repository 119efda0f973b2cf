//! What another repository has not, or has and should not.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use super::commits::{Commit, read_dated};
use super::error::Result;
use super::open::{Repository, commit_id, object_id};
use super::walk::{ancestors, peel_to_commit};
use crate::names::{CommitId, ObjectId};

/// How many commits are looked at, at most, for the oldest that is missing.
const COMMITS_MAX: usize = 10_000;

impl Repository {
    /// The committer time, in seconds since 1970-01-01 UTC, of the oldest commit that `tip` reaches and none of `known` does; `None`
    /// if there is no such commit. Dates are taken to grow from parents to children, and of a long history a part is looked at: then
    /// it is that of a newer one.
    pub fn oldest_missing(&self, tip: ObjectId, known: &[ObjectId]) -> Result<Option<i64>> {
        let repo = self.local_for(tip)?;
        let mut walk = Walk::new(&repo);
        // What was dropped by a gc is not there any more, and nothing that is there is its ancestor only.
        for known in known {
            drop(walk.begin(*known, true));
        }
        walk.begin(tip, false)?;
        let mut oldest = None;
        for _ in 0..COMMITS_MAX {
            match walk.next()? {
                Some(date_s) => oldest = Some(date_s.min(oldest.unwrap_or(date_s))),
                None => break,
            }
        }
        Ok(oldest)
    }

    /// Which of `ids` no branch or tag reaches, nor is.
    pub fn unreached(&self, ids: &[ObjectId]) -> Result<Vec<ObjectId>> {
        let repo = self.local_for("refs")?;
        let tips = self.refs_below("refs/")?.into_iter().map(|(_, id)| id);
        let tips: Vec<_> = tips.collect();
        let reached = ancestors(&repo, tips.iter().copied())?;
        let is_reached = |id: &&ObjectId| {
            let id = object_id(&repo, id.as_bytes());
            let commit = id.and_then(|id| peel_to_commit(&repo, id));
            id.is_some_and(|id| tips.contains(&id))
                || commit.is_some_and(|commit| reached.contains(&commit))
        };
        Ok(ids.iter().filter(|id| !is_reached(id)).copied().collect())
    }
}

/// A walk from the newest commits to older ones, that tells those which are known from the others.
struct Walk<'r> {
    repo: &'r gix::Repository,
    is_known: HashMap<CommitId, bool>,
    queue: BTreeMap<(i64, Reverse<usize>), Commit>,
}

impl<'r> Walk<'r> {
    fn new(repo: &'r gix::Repository) -> Self {
        Self {
            repo,
            is_known: HashMap::new(),
            queue: BTreeMap::new(),
        }
    }

    /// Begins at the commit that a ref leads to, if it leads to one.
    fn begin(&mut self, id: ObjectId, is_known: bool) -> Result<()> {
        let id = object_id(self.repo, id.as_bytes());
        match id.and_then(|id| peel_to_commit(self.repo, id)) {
            Some(commit) => self.push(commit_id(&commit), is_known),
            None => Ok(()),
        }
    }

    fn push(&mut self, id: CommitId, is_known: bool) -> Result<()> {
        match self.is_known.get_mut(&id) {
            Some(was_known) => *was_known |= is_known,
            None => {
                let (date_s, commit) = read_dated(self.repo, id)?;
                let nth = Reverse(self.is_known.len());
                self.is_known.insert(id, is_known);
                self.queue.insert((date_s, nth), commit);
            }
        }
        Ok(())
    }

    /// The time of the next commit that is not known.
    fn next(&mut self) -> Result<Option<i64>> {
        while self.queue.values().any(|commit| !self.is_known[&commit.id]) {
            let Some(((date_s, _), commit)) = self.queue.pop_last() else {
                break;
            };
            let is_known = self.is_known[&commit.id];
            for parent in &commit.parents {
                self.push(*parent, is_known)?;
            }
            if !is_known {
                return Ok(Some(date_s));
            }
        }
        Ok(None)
    }
}
