//! Following a branch.

use std::time::{Duration, Instant};

use super::cursor::{Cursor, Event, PollResult};
use crate::names::{BranchName, CommitId};
use crate::repo::{self, RefWatcher};
use crate::store::error::{Error, Result};
use crate::store::open::Store;

/// How long a watcher relies on the file system to wake it, before it looks on its own.
const POLL: Duration = Duration::from_secs(1);

/// Follows a branch from a commit on. Woken, it goes from there to the tip.
pub struct Watcher<'s> {
    store: &'s Store,
    cursor: Cursor,
    wake: RefWatcher,
}

impl Store {
    /// Registers for wake-ups, which come when some branch moved, or without a reason.
    pub fn wake(&self) -> RefWatcher {
        self.repo.watch_refs()
    }

    /// Follows a branch, or the default one, from the commit `since`, or from its tip.
    ///
    /// # Errors
    /// Unknown branch or commit; the store does not exist.
    pub fn watch(
        &self,
        branch: Option<&BranchName>,
        since: Option<CommitId>,
    ) -> Result<Watcher<'_>> {
        Ok(Watcher {
            store: self,
            // In this order: what moves after the tip was read, wakes.
            wake: self.wake(),
            cursor: self.gc_safe_cursor(branch, since)?,
        })
    }
}

impl Watcher<'_> {
    /// The branch that is followed.
    pub fn branch(&self) -> &BranchName {
        self.cursor.branch()
    }

    /// Looks what happened, without waiting: the oldest of it first, and of a long history a part.
    ///
    /// # Errors
    /// The branch was deleted, or the store cannot be read.
    pub fn poll(&mut self) -> Result<Vec<Event>> {
        let gone = match self.cursor.poll(self.store)? {
            PollResult::Events(events) => return Ok(events),
            PollResult::BranchDeleted => repo::Error::UnknownBranch(self.branch().to_string()),
            PollResult::CommitDropped => {
                let place = self.cursor.position().expect("BUG: nothing is never gone");
                repo::Error::UnknownCommit(place.commit())
            }
        };
        Err(Error::Repo(gone))
    }

    /// Waits for the branch to move on, and returns what happened as `poll` does; nothing if the time `limit` passed.
    ///
    /// # Errors
    /// As for `poll`.
    pub fn next(&mut self, limit: Duration) -> Result<Vec<Event>> {
        let deadline = Instant::now() + limit;
        loop {
            let events = self.poll()?;
            let left = deadline.saturating_duration_since(Instant::now());
            if !events.is_empty() || left.is_zero() {
                return Ok(events);
            }
            self.wake.wait(left.min(POLL));
        }
    }
}
