//! Reads and lists commits.

use super::after_commit::AfterCommit;
use super::commit_filter::CommitFilter;
use super::error::Result;
use super::open::Store;
use super::revision::Revision;
use crate::names::CommitId;
use crate::repo::Commit;

/// The order of the commits in `log`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogOrder {
    /// Newest first, by committer time.
    NewestFirst,
    /// The same commits as for `NewestFirst`, but in reverse order. A limit on their number therefore also selects the newest commits.
    OldestFirst,
    /// Each commit before its parents, whatever their dates. The commits that a merge brought in come before the commits of the merge's
    /// first parent.
    ChildrenFirst,
}

/// The part of a history that `log` visits: at most `count` of the commits that the filter selects, after the first `skip` of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSelection {
    /// The number of selected commits that are skipped.
    pub skip: usize,
    /// The maximum number of commits that are visited.
    pub count: usize,
    /// The order of the commits.
    pub order: LogOrder,
    /// The filter.
    pub filter: CommitFilter,
}

impl LogSelection {
    /// Returns the selection of the newest `count` commits.
    pub fn newest(count: usize) -> Self {
        Self {
            skip: 0,
            count,
            order: LogOrder::NewestFirst,
            filter: CommitFilter::default(),
        }
    }
}

impl Store {
    /// Returns the commit with this id.
    ///
    /// # Errors
    /// There is no commit with this id.
    pub fn commit(&self, id: CommitId) -> Result<Commit> {
        Ok(self.repo.objects().commit(id)?)
    }

    /// Calls `visit` for the commits reachable from `revision`, starting with the first one after the commit `after` in this order, until
    /// `visit` returns `false`.
    ///
    /// Pass a revision that [`as_of`](Self::as_of) resolved. If a `gc` removes an object, `as_of` starts again at the branch's new tip.
    ///
    /// # Errors
    /// `after` is not reachable from `revision`.
    pub fn log_after(
        &self,
        revision: &Revision,
        order: LogOrder,
        after: Option<CommitId>,
        mut visit: impl FnMut(Commit) -> bool,
    ) -> Result<()> {
        let mut selection = AfterCommit::new(after);
        self.log(revision, 0, usize::MAX, order, |commit| {
            !selection.selects(commit.id) || visit(commit)
        })?;
        selection.finish()
    }

    /// Calls `visit` for the commits reachable from `revision`, except the first `skip` of them. Stops when `visit` returns `false` or was
    /// called `count` times. [`LogOrder::OldestFirst`] selects the same commits as [`LogOrder::NewestFirst`] and reverses them.
    pub fn log(
        &self,
        revision: &Revision,
        skip: usize,
        count: usize,
        order: LogOrder,
        visit: impl FnMut(Commit) -> bool,
    ) -> Result<()> {
        let selection = LogSelection {
            skip,
            count,
            order,
            filter: CommitFilter::default(),
        };
        self.log_selected(revision, &selection, visit)
    }

    /// Calls `visit` for the selected commits reachable from `revision`, like [`log`](Self::log).
    pub fn log_selected(
        &self,
        revision: &Revision,
        selection: &LogSelection,
        mut visit: impl FnMut(Commit) -> bool,
    ) -> Result<()> {
        let LogSelection {
            skip,
            count,
            order,
            ref filter,
        } = *selection;
        let Some(tip) = self.read(revision, |resolved| Ok(resolved.commit))? else {
            return Ok(());
        };
        let (mut seen, mut selected) = (0, Vec::new());
        let visit_newest_first = |commit: Commit| {
            if !filter.selects(&commit) {
                return true;
            }
            seen += 1;
            if seen > skip.saturating_add(count) {
                return false;
            }
            match order {
                _ if seen <= skip => true,
                LogOrder::NewestFirst | LogOrder::ChildrenFirst => visit(commit),
                LogOrder::OldestFirst => {
                    selected.push(commit);
                    true
                }
            }
        };
        match order {
            LogOrder::ChildrenFirst => self
                .repo
                .objects()
                .log_children_first(tip, visit_newest_first)?,
            LogOrder::NewestFirst | LogOrder::OldestFirst => {
                self.repo.objects().log(tip, visit_newest_first)?;
            }
        }
        for commit in selected.into_iter().rev() {
            if !visit(commit) {
                break;
            }
        }
        Ok(())
    }
}
