//! Collects garbage, and drops history of a branch.

use std::cell::Cell;

use super::retention::Retention;
use crate::names::{BranchName, CommitId};
use crate::repo::{GcRequest, OwnHistory, Rewrite, chain};
use crate::store::change::Change;
use crate::store::commit_messages::SQUASHED;
use crate::store::error::Result;
use crate::store::open::Store;

/// The treatment of the branch's history by a garbage collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum History {
    /// Squash the commits that only this branch reaches into one commit.
    Squash,
    /// Keep all commits.
    Keep,
    /// Drop old versions of modules from the commits that only this branch reaches, and the commits that changed nothing else.
    Retain(Retention),
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
    /// Whether history of the branch was dropped.
    pub is_rewritten: bool,
}

impl Store {
    /// Squashes the branch's own history into one commit, or drops versions from it, unless `history` is `Keep`, and removes every object
    /// that no ref reaches. Commits of the branch that other refs still reach remain, as parents of the new commits.
    ///
    /// # Errors
    /// Unknown branch; a backup or another collection is running; other processes kept the store busy for a minute.
    pub fn gc(&self, change: &Change, history: History) -> Result<GcSummary> {
        if history != History::Keep {
            self.ensure_writable()?;
        }
        let tip = self.tip(change.branch.as_ref())?;
        let branch = match &change.branch {
            Some(branch) => branch.clone(),
            None => self.repo.refs().default_branch()?,
        };
        let check_precondition = || {
            let tip = self.tip(change.branch.as_ref())?.map(|tip| tip.to_string());
            change.precondition.check(tip.as_deref())
        };
        // Fails before the long preparation. `collect` repeats the check under the lock, which decides.
        check_precondition()?;
        self.prune_records()?;
        self.prepare_index_for_gc(tip);
        let author = change.author();
        let message = format!("{}\n\n{SQUASHED}: true", change.message(|| "GC".to_owned()));
        let dropped_versions = Cell::new(None);
        let select = |own: &OwnHistory| {
            let retention = match &history {
                History::Retain(retention) => retention,
                History::Squash | History::Keep => &Retention::default(),
            };
            let dropped = self.dropped_versions(own, retention)?;
            dropped_versions.set(Some(dropped.len()));
            Ok(dropped)
        };
        let rewrite = match &history {
            History::Keep => None,
            History::Squash => Some(Rewrite::Squash {
                author: &author,
                message: &message,
            }),
            History::Retain(_) => Some(Rewrite::Drop(&select)),
        };
        let rewrite = rewrite.map(|rewrite| (&branch, rewrite));
        let request = GcRequest { rewrite };
        let collected = self.repo.collect(&request, check_precondition)?;
        if let Some(rewritten) = collected.rewritten {
            let commits = rewritten.dropped_commits;
            report_dropped(&branch, change, commits, dropped_versions.get());
            self.index_published_commit(rewritten.tip);
        }
        Ok(GcSummary {
            removed: collected.removed,
            freed_bytes: collected.freed_bytes,
            commit: collected.rewritten.map(|rewritten| rewritten.tip).or(tip),
            is_rewritten: collected.rewritten.is_some(),
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

/// Logs that history was dropped, and who has dropped it.
fn report_dropped(branch: &BranchName, change: &Change, commits: usize, versions: Option<usize>) {
    let author = change.author();
    let (branch, author) = (branch.as_str(), author.to_string());
    match versions {
        Some(versions) => {
            tracing::warn!(branch, author, commits, versions, "gc dropped history");
        }
        None => tracing::warn!(branch, author, commits, "gc dropped history"),
    }
}
