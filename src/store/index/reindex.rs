//! Rebuilds the version index.

use std::collections::HashSet;
use std::ops::ControlFlow;

use crate::repo::chain;
use crate::store::error::{Error, Result};
use crate::store::open::Store;

/// The minimum number of commits in an index that is reset because most of its commits were dropped. A smaller index is never reset for
/// this reason.
const REBUILD_MIN: usize = 100_000;

impl Store {
    /// Creates a new version index: adds the commits of all branches, all digests and facts, and the digests of the manifests that OCI
    /// clients see. Returns the number of indexed commits. Skips branches with a commit that cannot be in the index, and logs a warning.
    ///
    /// # Errors
    /// As for [`catch_up`](Self::catch_up).
    pub fn reindex(&self) -> Result<usize> {
        if self.repo.is_absent() {
            return Ok(0);
        }
        self.index.reset()?;
        self.catch_up_branches(&mut |branch, error| {
            tracing::warn!(%branch, error = chain(&error), "the branch is not in the version index");
        })?;
        self.index_digests()?;
        self.index_facts(&mut |_| ControlFlow::Continue(()))?;
        self.reindex_records();
        Ok(self.index.reader()?.commit_count()?)
    }

    /// Resets a large index if the branches reach at most half of its commits.
    pub(in crate::store) fn reset_index_if_mostly_dropped(&self) -> Result<()> {
        let Some(index) = self.index.existing().ok().flatten() else {
            return Ok(());
        };
        let indexed = index.commit_count()?;
        if indexed < REBUILD_MIN {
            return Ok(());
        }
        let mut reachable = HashSet::new();
        for branch in self.branches()? {
            let Some(tip) = self.repo.refs().tip(&branch)? else {
                continue;
            };
            let left = indexed / 2 - reachable.len();
            let is_counted = |id| Ok::<_, Error>(reachable.contains(&id));
            match self.repo.objects().unknown_history(tip, left, is_counted)? {
                Some(nodes) => reachable.extend(nodes.into_iter().map(|node| node.id)),
                None => return Ok(()),
            }
        }
        tracing::info!(
            indexed,
            reachable = reachable.len(),
            "resetting the version index because most of its commits were dropped"
        );
        Ok(self.index.reset()?)
    }
}
