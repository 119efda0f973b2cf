//! Looking after the version index: in the background of a server, after a `gc`, and when somebody asks for a new one.

use std::collections::{HashMap, HashSet};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use crate::names::{BranchName, CommitId};
use crate::repo;
use crate::store::error::{Error, Result};
use crate::store::open::Store;

/// How many commits the index has to know for it to be made anew because most of them were dropped.
const FORGOTTEN_MIN: usize = 100_000;

/// How long commits are gathered before they are added, when it is kept up with the branches,
const KEEPING_PAUSE: Duration = Duration::from_millis(250);

/// and after what time the branches are looked at without news: others may have moved them.
const KEEPING_POLL: Duration = Duration::from_secs(5);

impl Store {
    /// Keeps the version index up with every branch, the digests of modules included, for as long as the process lives.
    pub fn run_index_worker(&self) {
        // In this order: what moves after the branches were read, wakes.
        let (news, come) = sync_channel(1);
        self.news.get_or_init(|| news);
        let mut tips = HashMap::new();
        loop {
            if let Err(error) = self.index_moved(&mut tips) {
                tracing::debug!(error = repo::chain(&error), "the version index is behind");
            }
            thread::sleep(KEEPING_PAUSE);
            // Either way the branches are looked at: others move them, too.
            let _ = come.recv_timeout(KEEPING_POLL);
        }
    }

    /// Brings the index up with the branches that are not where they were; one that fails does so once.
    fn index_moved(&self, tips: &mut HashMap<BranchName, CommitId>) -> Result<()> {
        let branches = self.branches()?;
        tips.retain(|branch, _| branches.binary_search(branch).is_ok());
        for branch in branches {
            let Some(tip) = self.repo.refs().tip(&branch)? else {
                continue;
            };
            if tips.insert(branch.clone(), tip) != Some(tip)
                && let Err(error) = self.ask(tip, |_| Ok(()))
            {
                let error = repo::chain(&error);
                tracing::warn!(%branch, error, "the version index cannot be brought up with it");
            }
        }
        self.digest_all().map(drop)
    }

    /// Makes a new version index of all branches, and computes the digests that nobody knew. Returns the number of commits in it.
    ///
    /// # Errors
    /// As for [`catch_up`](Self::catch_up).
    pub fn reindex(&self) -> Result<usize> {
        if self.repo.is_absent() {
            return Ok(0);
        }
        self.index.renew()?;
        self.catch_up_all()?;
        self.digest_all()?;
        Ok(self.index.reader()?.count()?)
    }

    /// Has the index made anew if more than half of what it knows was dropped.
    pub(in crate::store) fn forget_dropped(&self) -> Result<()> {
        let Some(known) = self.index.existing().ok().flatten() else {
            return Ok(());
        };
        let known = known.count()?;
        if known < FORGOTTEN_MIN {
            return Ok(());
        }
        let mut kept = HashSet::new();
        for branch in self.branches()? {
            let Some(tip) = self.repo.refs().tip(&branch)? else {
                continue;
            };
            let left = known / 2 - kept.len();
            let is_kept = |id| Ok::<_, Error>(kept.contains(&id));
            match self.repo.objects().unknown_history(tip, left, is_kept)? {
                Some(links) => kept.extend(links.into_iter().map(|link| link.id)),
                None => return Ok(()),
            }
        }
        tracing::info!(
            known,
            kept = kept.len(),
            "the version index forgets what was dropped"
        );
        Ok(self.index.renew()?)
    }
}
