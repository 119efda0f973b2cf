//! Commits, one by one.

use super::error::Result;
use super::open::Store;
use super::view::At;
use crate::names::CommitId;
use crate::repo::Commit;

/// In which order `log` goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogOrder {
    /// The newest commit first, as it is reached.
    NewestFirst,
    /// The oldest of the commits asked for first.
    OldestFirst,
}

impl Store {
    /// One commit.
    ///
    /// # Errors
    /// The id names none.
    pub fn commit(&self, id: CommitId) -> Result<Commit> {
        Ok(self.repo.commit(id)?)
    }

    /// Calls `visit` for the commits that `at` reaches, newest first by committer time: at most `count` after the first `skip`,
    /// until it returns `false`. `order` turns round what was chosen so.
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
        self.repo.log(tip, |commit| {
            seen += 1;
            if seen > skip.saturating_add(count) {
                return false;
            }
            match order {
                _ if seen <= skip => true,
                LogOrder::NewestFirst => visit(commit),
                LogOrder::OldestFirst => {
                    kept.push(commit);
                    true
                }
            }
        })?;
        for commit in kept.into_iter().rev() {
            if !visit(commit) {
                break;
            }
        }
        Ok(())
    }
}
