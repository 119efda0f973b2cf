//! Watchers, which wait for events on a branch.

use std::time::{Duration, Instant};

use super::cursor::{BranchCursor, PollResult};
use super::event::Event;
use crate::names::{BranchName, CommitId};
use crate::repo::{self, RefWatcher};
use crate::store::error::{Error, Result};
use crate::store::open::Store;

/// The longest time that a watcher waits for file system notifications. Then it polls the branch.
const POLL: Duration = Duration::from_secs(1);

/// A watcher that follows a branch, starting after a commit.
pub struct Watcher<'s> {
    store: &'s Store,
    cursor: BranchCursor,
    ref_watcher: RefWatcher,
}

impl Store {
    /// Returns a watcher that wakes up when a branch moves. It may also wake up without a reason.
    pub fn watch_refs(&self) -> RefWatcher {
        self.repo.watch_refs()
    }

    /// Follows `branch`, or the default branch if `branch` is `None`. Starts after the commit `since`, or at the tip if `since` is `None`.
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
            // Must register before the cursor reads the tip, so that a later move of the branch is not missed.
            ref_watcher: self.watch_refs(),
            cursor: self.gc_safe_cursor(branch, since)?,
        })
    }
}

impl Watcher<'_> {
    /// Returns the branch that the watcher follows.
    pub fn branch(&self) -> &BranchName {
        self.cursor.branch()
    }

    /// Returns the next events, oldest first, without waiting. If there are many events, further calls return the others.
    ///
    /// # Errors
    /// The branch was deleted; the store cannot be read.
    pub fn poll(&mut self) -> Result<Vec<Event>> {
        let error = match self.cursor.poll(self.store)? {
            PollResult::Events(events) => return Ok(events),
            PollResult::BranchDeleted => repo::Error::UnknownBranch(self.branch().to_string()),
            PollResult::CommitDropped => {
                let position = self.cursor.position();
                let position = position.expect("BUG: only a commit can be dropped");
                repo::Error::UnknownCommit(position.commit())
            }
        };
        Err(Error::Repo(error))
    }

    /// Waits for events and returns them like `poll`. Returns an empty list after `timeout`.
    ///
    /// # Errors
    /// The errors of `poll`.
    pub fn next(&mut self, timeout: Duration) -> Result<Vec<Event>> {
        let deadline = Instant::now() + timeout;
        loop {
            let events = self.poll()?;
            let left = deadline.saturating_duration_since(Instant::now());
            if !events.is_empty() || left.is_zero() {
                return Ok(events);
            }
            self.ref_watcher.wait(left.min(POLL));
        }
    }
}
