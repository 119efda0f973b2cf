//! Collects garbage, and squashes a branch's history.

use super::change::Change;
use super::commit_messages::SQUASHED;
use super::error::Result;
use super::open::Store;
use crate::names::{BranchName, CommitId};
use crate::repo::{GcRequest, chain};

/// The treatment of the branch's history by a garbage collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// Squash the commits that only this branch reaches into one commit.
    Squash,
    /// Keep all commits.
    Keep,
}

/// The result of a garbage collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GcSummary {
    /// The number of objects that were removed.
    pub removed: usize,
    /// The number of bytes that were freed on disk.
    pub freed_bytes: u64,
    /// The branch; `None` if it is unknown.
    pub branch: Option<BranchName>,
    /// The branch's tip; `None` if it has no commit.
    pub commit: Option<CommitId>,
    /// Whether the branch was squashed.
    pub is_squashed: bool,
}

impl Store {
    /// Squashes the branch's own history into one commit, unless `history` is `Keep`, and removes every object that no ref reaches. Commits
    /// of the branch that other refs still reach remain, as parents of the squashed commit.
    ///
    /// # Errors
    /// Unknown branch; a backup or another collection is running; other processes kept the store busy for a minute.
    pub fn gc(&self, change: &Change, history: History) -> Result<GcSummary> {
        if history == History::Squash {
            self.ensure_writable()?;
        }
        let tip = self.tip(change.branch.as_ref())?;
        let branch = match &change.branch {
            Some(branch) => branch.clone(),
            None => self.repo.refs().default_branch()?,
        };
        let author = change.author();
        let message = format!("{}\n\n{SQUASHED}: true", change.message(|| "GC".to_owned()));
        let squash = (history == History::Squash).then_some((&branch, &author, message.as_str()));
        let check_precondition = || {
            let tip = self.tip(change.branch.as_ref())?.map(|tip| tip.to_string());
            change.precondition.check(tip.as_deref())
        };
        // Fails before the long preparation. `collect` repeats the check under the lock, which decides.
        check_precondition()?;
        self.prune_records()?;
        self.prepare_index_for_gc(tip);
        let collected = self
            .repo
            .collect(&GcRequest { squash }, check_precondition)?;
        if let Some(commit) = collected.squashed {
            self.index_published_commit(commit);
        }
        Ok(GcSummary {
            removed: collected.removed,
            freed_bytes: collected.freed_bytes,
            commit: collected.squashed.or(tip),
            is_squashed: collected.squashed.is_some(),
            branch: Some(branch),
        })
    }

    /// Removes entries of dropped commits from the index, and adds the commits that the collection is about to drop: a watcher may resume
    /// at one of them. Failures are logged only, because the index is derived data.
    fn prepare_index_for_gc(&self, tip: Option<CommitId>) {
        if let Err(error) = self.reset_index_if_mostly_dropped() {
            tracing::warn!(
                error = chain(&error),
                "could not remove dropped commits from the version index"
            );
        }
        if let Some(tip) = tip
            && let Err(error) = self.query_index(tip, |_| Ok(()))
        {
            tracing::warn!(
                error = chain(&error),
                "could not index the commits that gc is about to drop"
            );
        }
    }
}
