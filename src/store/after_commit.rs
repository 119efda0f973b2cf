//! Skips the commits of a list up to a given commit. A client that continues a list passes the last commit that it has.

use super::error::Result;
use crate::names::CommitId;
use crate::repo;

/// Selects the commits of a list that come after the given commit. The caller passes the commits in the order of the list.
pub(super) struct AfterCommit(Option<CommitId>);

impl AfterCommit {
    /// Creates a selection of the commits that follow `after` in the list, or of all commits if `after` is `None`.
    pub fn new(after: Option<CommitId>) -> Self {
        Self(after)
    }

    /// Returns whether `commit` comes after the commit that was passed to [`new`](Self::new); always true if that was `None`. Must be
    /// called for each commit of the list, in order.
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

    /// Checks, at the end of the list, that the list contained the commit `after`. Must be called there.
    ///
    /// # Errors
    /// The list did not contain the commit `after`.
    pub fn finish(self) -> Result<()> {
        match self.0 {
            Some(missing) => Err(repo::Error::UnknownCommit(missing).into()),
            None => Ok(()),
        }
    }
}
