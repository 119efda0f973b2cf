//! Selects the commits of a list that follow a given commit.

use super::error::Result;
use crate::names::CommitId;
use crate::repo;

/// Selects the commits that follow `after` while a list of commits is walked.
pub(super) struct AfterCommit(Option<CommitId>);

impl AfterCommit {
    /// Selects the commits after `after`, or all commits if `after` is `None`.
    pub fn new(after: Option<CommitId>) -> Self {
        Self(after)
    }

    /// Returns whether the next commit of the list is selected.
    pub fn selects(&mut self, commit: CommitId) -> bool {
        match self.0 {
            None => true,
            Some(after) => {
                if after == commit {
                    self.0 = None;
                }
                false
            }
        }
    }

    /// Ends the walk of the list.
    ///
    /// # Errors
    /// The list does not contain the commit `after`.
    pub fn finish(self) -> Result<()> {
        match self.0 {
            Some(missing) => Err(repo::Error::UnknownCommit(missing).into()),
            None => Ok(()),
        }
    }
}
