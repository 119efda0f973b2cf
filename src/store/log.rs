//! Commits, one by one.

use super::error::Result;
use super::open::Store;
use super::revision::Revision;
use crate::names::CommitId;
use crate::repo::{self, Commit};

/// In which order `log` goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogOrder {
    /// The newest commit first, as it is reached.
    NewestFirst,
    /// The oldest of the commits asked for first.
    OldestFirst,
    /// Each commit before its parents whatever their dates are, and what a merge brought before the line that took it.
    ChildrenFirst,
}

impl Store {
    /// One commit.
    ///
    /// # Errors
    /// The id names none.
    pub fn commit(&self, id: CommitId) -> Result<Commit> {
        Ok(self.repo.objects().commit(id)?)
    }

    /// Revision most `count` commits that `at` reaches, in an order that begins with the newest, that come after the commit `after` in this
    /// order; and whether there are more.
    ///
    /// # Errors
    /// `after` is not among them.
    pub fn commits_page(
        &self,
        at: &Revision,
        order: LogOrder,
        after: Option<CommitId>,
        count: usize,
    ) -> Result<(Vec<Commit>, bool)> {
        let (_, page) = self.as_of(at, |at| {
            let mut page = Page::new(after, count);
            self.log(at, 0, usize::MAX, order, |commit| {
                if page.wants(commit.id) {
                    page.items.push(commit);
                }
                !page.has_more
            })?;
            Ok(page)
        })?;
        page.end()
    }

    /// Calls `visit` for the commits that `at` reaches, newest first by committer time, or as `order` says: at most `count` after the
    /// first `skip`, until it returns `false`. [`LogOrder::OldestFirst`] turns round what was chosen so.
    pub fn log(
        &self,
        at: &Revision,
        skip: usize,
        count: usize,
        order: LogOrder,
        mut visit: impl FnMut(Commit) -> bool,
    ) -> Result<()> {
        let Some(tip) = self.read(at, |view| Ok(view.commit))? else {
            return Ok(());
        };
        let (mut seen, mut kept) = (0, Vec::new());
        let each = |commit| {
            seen += 1;
            if seen > skip.saturating_add(count) {
                return false;
            }
            match order {
                _ if seen <= skip => true,
                LogOrder::NewestFirst | LogOrder::ChildrenFirst => visit(commit),
                LogOrder::OldestFirst => {
                    kept.push(commit);
                    true
                }
            }
        };
        match order {
            LogOrder::ChildrenFirst => self.repo.objects().log_by_line(tip, each)?,
            LogOrder::NewestFirst | LogOrder::OldestFirst => self.repo.objects().log(tip, each)?,
        }
        for commit in kept.into_iter().rev() {
            if !visit(commit) {
                break;
            }
        }
        Ok(())
    }
}

/// Some of a list of what commits did.
pub(super) struct Page<T> {
    /// The commit before the first one, until it is found.
    after: Option<CommitId>,
    /// How many are wanted still.
    left: usize,
    /// Those that are on it.
    pub items: Vec<T>,
    has_more: bool,
}

impl<T> Page<T> {
    /// One that is empty still, for `count` items.
    pub fn new(after: Option<CommitId>, count: usize) -> Self {
        Self {
            after,
            left: count,
            items: Vec::new(),
            has_more: false,
        }
    }

    /// Whether the next commit belongs to it.
    pub fn wants(&mut self, commit: CommitId) -> bool {
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

    /// What is on it, and whether there is more.
    ///
    /// # Errors
    /// The commit before the first one was not found.
    pub fn end(self) -> Result<(Vec<T>, bool)> {
        match self.after {
            Some(missing) => Err(repo::Error::UnknownCommit(missing).into()),
            None => Ok((self.items, self.has_more)),
        }
    }
}
