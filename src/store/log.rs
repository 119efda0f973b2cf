//! Commits, one by one.

use super::error::Result;
use super::open::Store;
use super::view::At;
use crate::names::{CommitId, ModulePath};
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
        Ok(self.repo.commit(id)?)
    }

    /// At most `count` commits that `at` reaches, newest first, or of those only that changed `path`, that come after the commit
    /// `after` in this order; and whether there are more.
    ///
    /// # Errors
    /// `after` is not among them.
    pub fn commits_page(
        &self,
        at: &At,
        path: Option<&ModulePath>,
        after: Option<CommitId>,
        count: usize,
    ) -> Result<(Vec<Commit>, bool)> {
        let (_, page) = self.as_of(at, |at| {
            let mut page = Page {
                after,
                left: count,
                commits: Vec::new(),
                has_more: false,
            };
            match path {
                Some(path) => {
                    let changes = self.own_changes(at, path)?.into_iter().rev();
                    let wanted: Vec<_> = changes
                        .map(|change| change.commit)
                        .filter(|commit| page.wants(*commit))
                        .collect();
                    for commit in wanted {
                        page.commits.push(self.repo.linked_commit(commit)?);
                    }
                }
                None => self.log(at, 0, usize::MAX, LogOrder::NewestFirst, |commit| {
                    if page.wants(commit.id) {
                        page.commits.push(commit);
                    }
                    !page.has_more
                })?,
            }
            Ok(page)
        })?;
        match page.after {
            Some(missing) => Err(repo::Error::UnknownCommit(missing).into()),
            None => Ok((page.commits, page.has_more)),
        }
    }

    /// Calls `visit` for the commits that `at` reaches, newest first by committer time, or as `order` says: at most `count` after the
    /// first `skip`, until it returns `false`. [`LogOrder::OldestFirst`] turns round what was chosen so.
    pub fn log(
        &self,
        at: &At,
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
            LogOrder::ChildrenFirst => self.repo.log_by_line(tip, each)?,
            LogOrder::NewestFirst | LogOrder::OldestFirst => self.repo.log(tip, each)?,
        }
        for commit in kept.into_iter().rev() {
            if !visit(commit) {
                break;
            }
        }
        Ok(())
    }
}

/// Some of a list of commits.
struct Page {
    /// The commit before the first one, until it is found.
    after: Option<CommitId>,
    /// How many are wanted still.
    left: usize,
    commits: Vec<Commit>,
    has_more: bool,
}

impl Page {
    /// Whether the next commit belongs to it.
    fn wants(&mut self, commit: CommitId) -> bool {
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
}
