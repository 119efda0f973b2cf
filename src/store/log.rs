//! Reads and lists commits.

use super::commit_page::CommitPage;
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
    /// The commits that `NewestFirst` selects, in reverse order.
    OldestFirst,
    /// Each commit before its parents, whatever their dates; the commits that a merge brought in come before those of its first parent.
    ChildrenFirst,
}

impl Store {
    /// Returns a commit.
    ///
    /// # Errors
    /// There is no commit with this id.
    pub fn commit(&self, id: CommitId) -> Result<Commit> {
        Ok(self.repo.objects().commit(id)?)
    }

    /// Returns at most `count` commits reachable from `revision`, in an order that begins with the newest, starting after the commit
    /// `after`; and whether there are more.
    ///
    /// # Errors
    /// `after` is not reachable.
    pub fn commits_page(
        &self,
        revision: &Revision,
        order: LogOrder,
        after: Option<CommitId>,
        count: usize,
    ) -> Result<(Vec<Commit>, bool)> {
        let (_, page) = self.as_of(revision, |resolved| {
            let mut page = CommitPage::new(after, count);
            self.log(resolved, 0, usize::MAX, order, |commit| {
                if page.accepts(commit.id) {
                    page.items.push(commit);
                }
                !page.has_more
            })?;
            Ok(page)
        })?;
        page.finish()
    }

    /// Calls `visit` for the commits reachable from `revision` until it returns `false`: skips the first `skip` commits and visits at most
    /// `count`. [`LogOrder::OldestFirst`] selects the same commits as [`LogOrder::NewestFirst`] and reverses them.
    pub fn log(
        &self,
        revision: &Revision,
        skip: usize,
        count: usize,
        order: LogOrder,
        mut visit: impl FnMut(Commit) -> bool,
    ) -> Result<()> {
        let Some(tip) = self.read(revision, |resolved| Ok(resolved.commit))? else {
            return Ok(());
        };
        let (mut seen, mut selected) = (0, Vec::new());
        let visit_newest_first = |commit| {
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
