//! Following a branch.
//!
//! A watcher is a cursor, the commit up to which it has told everything. Woken, it goes from the cursor to the tip: nothing is
//! queued, so a slow one loses nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::error::{Error, Result};
use super::open::Store;
use super::view::At;
use crate::names::{BranchName, CommitId, ModuleHash, ModulePath, TreePath};
use crate::repo::{Commit, PathChange, Wake};

/// How long a watcher relies on the file system to wake it, before it looks on its own.
const POLL: Duration = Duration::from_secs(1);

/// What happened to a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The commit that the branch is at after it.
    pub commit: Commit,
    /// Whether the branch did not simply go on from the cursor: a reset, squash or foreign merge. `changes` then is the whole
    /// difference.
    pub reset: bool,
    /// Every path that changed, sorted.
    pub changes: Vec<PathChange>,
}

/// Follows a branch from a commit on.
pub struct Watcher<'s> {
    store: &'s Store,
    branch: BranchName,
    /// The commit up to which everything was told.
    cursor: Option<CommitId>,
    /// What is in it: a `gc` may drop the commit before it is compared with a tip that does not come after it.
    content: BTreeMap<ModulePath, ModuleHash>,
    wake: Wake,
}

impl Store {
    /// Follows a branch, or the default one, from the commit `since`, or from its tip.
    ///
    /// # Errors
    /// Unknown branch or commit; the store does not exist.
    pub fn watch(
        &self,
        branch: Option<&BranchName>,
        since: Option<CommitId>,
    ) -> Result<Watcher<'_>> {
        let branch = branch.map_or_else(|| self.default_branch(), |branch| Ok(branch.clone()))?;
        if self.repo.is_absent() {
            return Err(Error::NoCommit(branch.to_string()));
        }
        let wake = self.repo.wake();
        self.tip(Some(&branch))?;
        let at = since.map_or_else(|| At::Branch(Some(branch.clone())), At::Commit);
        let (cursor, content) = self.read(&at, |view| {
            let content = view
                .tree
                .map(|tree| self.modules_in(tree, &TreePath::root()));
            Ok((view.commit, content.transpose()?.unwrap_or_default()))
        })?;
        Ok(Watcher {
            store: self,
            branch,
            cursor,
            content: content.into_iter().collect(),
            wake,
        })
    }
}

impl Watcher<'_> {
    /// The branch that is followed.
    pub fn branch(&self) -> &BranchName {
        &self.branch
    }

    /// Waits for the branch to move on, and returns what happened, oldest first; nothing if the time `limit` passed.
    ///
    /// # Errors
    /// The branch was deleted, or the store cannot be read.
    pub fn next(&mut self, limit: Duration) -> Result<Vec<Event>> {
        let deadline = Instant::now() + limit;
        loop {
            let events = self.events()?;
            let left = deadline.saturating_duration_since(Instant::now());
            if !events.is_empty() || left.is_zero() {
                return Ok(events);
            }
            self.wake.wait(left.min(POLL));
        }
    }

    fn events(&mut self) -> Result<Vec<Event>> {
        let at = At::Branch(Some(self.branch.clone()));
        let events = self.store.read(&at, |view| {
            let Some(tip) = view.commit.filter(|tip| self.cursor != Some(*tip)) else {
                return Ok(Vec::new());
            };
            match self.store.repo.line(tip, self.cursor)? {
                Some(line) => line
                    .into_iter()
                    .rev()
                    .map(|commit| self.step(commit))
                    .collect(),
                None => self
                    .jump(self.store.repo.linked_commit(tip)?)
                    .map(|event| vec![event]),
            }
        })?;
        for event in &events {
            self.cursor = Some(event.commit.id);
            for change in &event.changes {
                match change.new {
                    Some(hash) => drop(self.content.insert(change.path.clone(), hash)),
                    None => drop(self.content.remove(&change.path)),
                }
            }
        }
        Ok(events)
    }

    /// One commit on from the cursor's line.
    fn step(&self, commit: Commit) -> Result<Event> {
        let repo = &self.store.repo;
        let before = commit
            .parents
            .first()
            .map(|parent| repo.linked_commit(*parent));
        let before = before.transpose()?.map(|before| before.tree);
        let changes = repo.diff(before, Some(commit.tree))?;
        Ok(Event {
            commit,
            reset: false,
            changes,
        })
    }

    /// From the cursor to a tip that does not come after it.
    fn jump(&self, tip: Commit) -> Result<Event> {
        let modules = self.store.modules_in(tip.tree, &TreePath::root())?;
        let new: BTreeMap<_, _> = modules.into_iter().collect();
        let paths: BTreeSet<_> = self.content.keys().chain(new.keys()).collect();
        let changes = paths.into_iter().map(|path| PathChange {
            path: path.clone(),
            old: self.content.get(path).copied(),
            new: new.get(path).copied(),
        });
        Ok(Event {
            changes: changes.filter(|change| change.old != change.new).collect(),
            commit: tip,
            reset: true,
        })
    }
}
