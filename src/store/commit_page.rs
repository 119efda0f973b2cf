//! One page of a list of commits.

use super::error::Result;
use crate::names::CommitId;
use crate::repo;

/// Selects the items of one page while a list of commits is walked.
pub(super) struct CommitPage<T> {
    /// The last commit of the previous page; `None` once the walk has passed it.
    after: Option<CommitId>,
    /// The number of items that still fit on the page.
    left: usize,
    /// The items on the page.
    pub items: Vec<T>,
    /// Whether the list continues after the page.
    pub has_more: bool,
}

impl<T> CommitPage<T> {
    /// Returns an empty page for `count` items that follow the commit `after`.
    pub fn new(after: Option<CommitId>, count: usize) -> Self {
        Self {
            after,
            left: count,
            items: Vec::new(),
            has_more: false,
        }
    }

    /// Returns whether the next commit of the list is on the page; the caller then pushes its item.
    pub fn accepts(&mut self, commit: CommitId) -> bool {
        if let Some(after) = self.after {
            if after == commit {
                self.after = None;
            }
            return false;
        }
        self.has_more = self.left == 0;
        self.left = self.left.saturating_sub(1);
        !self.has_more
    }

    /// Returns the items, and whether there are more.
    ///
    /// # Errors
    /// The list does not contain the commit `after`.
    pub fn finish(self) -> Result<(Vec<T>, bool)> {
        match self.after {
            Some(missing) => Err(repo::Error::UnknownCommit(missing).into()),
            None => Ok((self.items, self.has_more)),
        }
    }
}
