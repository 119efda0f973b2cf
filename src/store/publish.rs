//! Begins and publishes a write.

use super::change::Change;
use super::error::{Error, Result};
use super::open::Store;
use crate::names::{BranchName, CommitId};
use crate::repo::{Decision, Draft, Published, WriteTxn};

impl Store {
    /// Begins a write. Returns an error on a replica, which only `sync_refs` changes.
    pub(super) fn begin(&self) -> Result<WriteTxn<'_>> {
        self.ensure_writable()?;
        Ok(self.repo.begin()?)
    }

    /// Publishes a write to the branch of `change`, unless a write with the same request id was published before. Then adds the new commit
    /// to the version index, or wakes the index worker, which adds it.
    pub(super) fn publish<T>(
        &self,
        mut txn: WriteTxn<'_>,
        change: &Change,
        mut decide: impl FnMut(&mut Draft<'_>) -> Result<(Decision, T)>,
    ) -> Result<Published<T>> {
        if let Some(request) = &change.request {
            txn.set_request(request.clone());
        }
        txn.fails_if_overtaken = change.fails_if_overtaken;
        let branch = change.branch.as_ref();
        let published = self.repo.publish(txn, branch, |draft| {
            let (decision, value) = decide(draft)?;
            if self.name_rules.portable {
                draft.check_portable_names(&decision)?;
            }
            Ok::<_, Error>((decision, value))
        })?;
        if let Some(commit) = published.commit.filter(|_| published.has_moved) {
            self.index_published(commit);
        }
        Ok(published)
    }

    /// Returns the branch that a write would change, and its tip.
    pub(super) fn branch_and_tip(&self, change: &Change) -> Result<(BranchName, Option<CommitId>)> {
        let branch = match &change.branch {
            Some(branch) => branch.clone(),
            None => self.default_branch()?,
        };
        let tip = self.tip(Some(&branch))?;
        Ok((branch, tip))
    }

    /// Adds a new commit to the version index, or wakes the index worker, which adds it.
    pub(super) fn index_published(&self, commit: CommitId) {
        match self.index_wake.get() {
            // An error means that the channel is full: a wake-up is pending already.
            Some(index_wake) => drop(index_wake.try_send(())),
            None => self.index_published_commit(commit),
        }
    }
}
