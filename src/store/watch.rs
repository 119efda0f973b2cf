//! Following a branch.
//!
//! A watcher is a cursor, the commit up to which it has told everything. Woken, it goes from the cursor to the tip: nothing is
//! queued, so a slow one loses nothing.

use std::time::Duration;

use super::error::{Error, Result};
use super::open::Store;
use super::view::At;
use crate::names::{BranchName, CommitId};
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
    cursor: Option<Commit>,
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
        let default = self.repo.default_branch()?;
        let branch = branch.unwrap_or(&default).clone();
        if self.repo.is_absent() {
            return Err(Error::NoCommit(branch.to_string()));
        }
        let wake = self.repo.wake();
        let at = since.map_or_else(|| self.tip(Some(&branch)), |since| Ok(Some(since)))?;
        let cursor = at.map(|commit| self.commit(commit)).transpose()?;
        Ok(Watcher {
            store: self,
            branch,
            cursor,
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
    /// The branch was deleted; the commits needed are gone.
    pub fn next(&mut self, limit: Duration) -> Result<Vec<Event>> {
        let deadline = std::time::Instant::now() + limit;
        loop {
            let events = self.events()?;
            let left = deadline.saturating_duration_since(std::time::Instant::now());
            if !events.is_empty() || left.is_zero() {
                return Ok(events);
            }
            self.wake.wait(left.min(POLL));
        }
    }

    fn events(&mut self) -> Result<Vec<Event>> {
        let at = At::Branch(Some(self.branch.clone()));
        let cursor = self.cursor.clone();
        let events = self.store.read(&at, |view| {
            let Some(tip) = view
                .commit
                .filter(|tip| cursor.as_ref().map(|cursor| cursor.id) != Some(*tip))
            else {
                return Ok(Vec::new());
            };
            match self
                .store
                .repo
                .line(tip, cursor.as_ref().map(|cursor| cursor.id))?
            {
                Some(line) => line
                    .into_iter()
                    .rev()
                    .map(|commit| self.step(commit))
                    .collect(),
                None => self
                    .jump(cursor.as_ref(), self.store.repo.linked_commit(tip)?)
                    .map(|event| vec![event]),
            }
        })?;
        if let Some(last) = events.last() {
            self.cursor = Some(last.commit.clone());
        }
        Ok(events)
    }

    /// One commit on from the cursor's line.
    fn step(&self, commit: Commit) -> Result<Event> {
        let before = commit
            .parents
            .first()
            .map(|parent| self.store.repo.linked_commit(*parent))
            .transpose()?;
        let changes = self
            .store
            .repo
            .diff(before.map(|before| before.tree), Some(commit.tree))?;
        Ok(Event {
            commit,
            reset: false,
            changes,
        })
    }

    /// From the cursor to a tip that does not come after it.
    fn jump(&self, cursor: Option<&Commit>, tip: Commit) -> Result<Event> {
        let changes = self
            .store
            .repo
            .diff(cursor.map(|cursor| cursor.tree), Some(tip.tree))?;
        Ok(Event {
            commit: tip,
            reset: true,
            changes,
        })
    }
}
