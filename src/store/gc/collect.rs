//! Collects garbage, and optionally drops history of a branch.

use std::cell::Cell;

use super::kept_for_refs::KeptForRefs;
use super::retention::Retention;
use crate::names::{BranchName, CommitId};
use crate::repo::{GcRequest, OwnHistory, Published, Rewrite, chain};
use crate::store::change::Change;
use crate::store::commit_messages::with_squashed_trailer;
use crate::store::error::Result;
use crate::store::open::Store;

/// What a garbage collection does with the history of the branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum History {
    /// Squash the commits that only this branch reaches into one commit.
    Squash,
    /// Keep all commits of the branch.
    Keep,
    /// In the commits that only this branch reaches, drop old versions of modules. Also drop commits that then change nothing.
    Retain(Retention),
}

/// What a garbage collection has removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GcSummary {
    /// The number of objects that were removed.
    pub removed: usize,
    /// The number of bytes that the objects took on disk before. `None` if an older server, which does not report it, made the collection.
    pub before_bytes: Option<u64>,
    /// The number of bytes that were freed on disk.
    pub freed_bytes: u64,
    /// The versions that `History::Retain` would have dropped if no other ref reached them; `None` if there are none.
    pub kept_for_refs: Option<KeptForRefs>,
}

impl GcSummary {
    /// Returns the number of bytes that the objects took on disk before the collection and take after it, if the first is known. Objects
    /// that others have stored since do not count.
    pub fn object_bytes(&self) -> Option<(u64, u64)> {
        let before = self.before_bytes?;
        Some((before, before.saturating_sub(self.freed_bytes)))
    }
}

impl Store {
    /// Removes every object that no ref reaches. Unless `history` is `Keep`, first squashes the branch's own history into one commit, or
    /// drops versions from it, and moves the branch. A branch's own history consists of the commits that no other ref reaches. All other
    /// commits of the branch remain, as ancestors of the new commits.
    ///
    /// # Errors
    /// Unknown branch; a backup or another collection is running; the exclusive lock was not free for a minute, because other processes
    /// kept writing.
    pub fn gc(&self, change: &Change, history: History) -> Result<Published<GcSummary>> {
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
            change.precondition.check(tip.as_deref().as_slice())
        };
        // Fails before the long preparation if the precondition does not hold. `collect` checks it again under the lock, and only that
        // check counts.
        check_precondition()?;
        self.prune_records()?;
        self.prepare_index_for_gc(tip);
        let author = change.author();
        let message = with_squashed_trailer(&change.message(|| "GC".to_owned()));
        let (dropped_versions, kept_for_refs) = (Cell::new(None), Cell::new(None));
        let select = |own: Option<&OwnHistory>| {
            let retention = match &history {
                History::Retain(retention) => retention,
                History::Squash | History::Keep => &Retention::default(),
            };
            kept_for_refs.set(self.kept_for_refs(&branch, own, retention)?);
            let dropped = own.map(|own| self.dropped_versions(own, retention));
            let dropped = dropped.transpose()?.unwrap_or_default();
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
        let kept_for_refs = kept_for_refs.take();
        if let Some(kept) = &kept_for_refs {
            let (branch, refs) = (branch.as_str(), kept.to_string());
            tracing::info!(
                branch,
                versions = kept.versions,
                refs,
                "gc kept versions for other refs"
            );
        }
        Ok(Published {
            commit: collected.rewritten.map(|rewritten| rewritten.tip).or(tip),
            has_moved: collected.rewritten.is_some(),
            branch: Some(branch),
            value: GcSummary {
                removed: collected.removed,
                before_bytes: Some(collected.before_bytes),
                freed_bytes: collected.freed_bytes,
                kept_for_refs,
            },
        })
    }

    /// Prepares the version index: removes commits that earlier collections dropped, and adds the commits that this collection may drop,
    /// because a watcher may resume at one of them. Only logs failures, because the index can be rebuilt.
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

/// Logs that history was dropped, and the author of the change that dropped it.
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
