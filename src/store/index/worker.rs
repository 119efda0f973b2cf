//! A background thread of a server that keeps the version index up to date.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use crate::names::{BranchName, CommitId};
use crate::repo;
use crate::store::error::Result;
use crate::store::open::Store;

/// How long the worker pauses after each run. The pause lets commits accumulate, so that many are added in one transaction.
const PAUSE: Duration = Duration::from_millis(250);

/// The maximum time that the worker waits for a wake-up. Then it checks the branches anyway, because other processes may have moved them.
const POLL: Duration = Duration::from_secs(5);

/// How long the worker computes facts before it checks the branches again.
const FACTS_TIME: Duration = Duration::from_secs(1);

/// If at least this many modules lack facts, the start and end of their computation are logged.
const FACTS_LOGGED_MIN: u64 = 1000;

impl Store {
    /// Adds the new commits of every branch, and missing digests and facts, to the version index for as long as the process lives.
    pub fn run_index_worker(&self) {
        // Sets the channel before the first run, so that a commit that is published during the run wakes the worker.
        let (wake, woken) = sync_channel(1);
        self.index_wake.get_or_init(|| wake);
        let (mut tips, mut is_announced) = (HashMap::new(), false);
        loop {
            if let Err(error) = self.index_moved_branches(&mut tips) {
                tracing::debug!(
                    error = repo::chain(&error),
                    "failed to bring the version index up to date"
                );
            }
            let has_all_facts = self.index_some_facts(&mut is_announced);
            thread::sleep(PAUSE);
            if has_all_facts {
                // A timeout is not an error: the worker then checks the branches as well.
                let _ = woken.recv_timeout(POLL);
            }
        }
    }

    /// Computes facts that the index lacks, for [`FACTS_TIME`]. Returns whether no facts are left to compute. `is_announced` is whether the
    /// start of this work was logged.
    fn index_some_facts(&self, is_announced: &mut bool) -> bool {
        let (start, mut left) = (Instant::now(), 0);
        let indexed = self.index_facts(&mut |missing| {
            left = missing;
            if start.elapsed() < FACTS_TIME {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        let has_all = indexed.unwrap_or_else(|error| {
            let error = repo::chain(&error);
            tracing::debug!(error, "failed to add facts to the version index");
            true
        });
        // The validation of an upload collects its facts. So if many modules have no facts, they came from a push, a clone or an older
        // version of wasmstore.
        if left >= FACTS_LOGGED_MIN && !*is_announced {
            *is_announced = true;
            tracing::info!(missing = left, "computing the facts about modules");
        } else if has_all && std::mem::take(is_announced) {
            tracing::info!("the facts about all modules are in the version index");
        }
        has_all
    }

    /// Adds the commits of the branches whose tips differ from `tips` to the index, and updates `tips`. If a branch fails, logs that once
    /// per tip.
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
