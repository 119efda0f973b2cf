//! The background thread of a server that keeps the version index up to date.

use std::collections::HashMap;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use crate::names::{BranchName, CommitId};
use crate::repo;
use crate::store::error::Result;
use crate::store::open::Store;

/// How long the worker pauses after each run, so that it adds many commits in one transaction.
const PAUSE: Duration = Duration::from_millis(250);

/// How long the worker waits at most before it looks at the branches again, because other processes may have moved them.
const POLL: Duration = Duration::from_secs(5);

impl Store {
    /// Adds the new commits of every branch, and missing digests, to the version index for as long as the process lives.
    pub fn run_index_worker(&self) {
        // Registers before the first run, so that a commit published during it wakes the worker.
        let (wake, woken) = sync_channel(1);
        self.index_wake.get_or_init(|| wake);
        let mut tips = HashMap::new();
        loop {
            if let Err(error) = self.index_moved_branches(&mut tips) {
                tracing::debug!(
                    error = repo::chain(&error),
                    "failed to bring the version index up to date"
                );
            }
            thread::sleep(PAUSE);
            // A timeout is not an error: the branches are checked in any case.
            let _ = woken.recv_timeout(POLL);
        }
    }

    /// Indexes the branches whose tips differ from `tips`, and updates `tips`. A failing branch is logged once per tip.
    fn index_moved_branches(&self, tips: &mut HashMap<BranchName, CommitId>) -> Result<()> {
        let current = self.repo.refs().branch_tips()?;
        let has = |branch: &BranchName| current.binary_search_by(|(name, _)| name.cmp(branch));
        tips.retain(|branch, _| has(branch).is_ok());
        for (branch, tip) in current {
            if tips.insert(branch.clone(), tip) != Some(tip)
                && let Err(error) = self.query_index(tip, |_| Ok(()))
            {
                tracing::warn!(%branch, error = repo::chain(&error), "failed to index the branch");
            }
        }
        self.index_digests().map(drop)
    }
}
