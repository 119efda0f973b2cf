//! Installs the push hooks, and publishes a push that was checked.

use super::error::Result;
use super::open::Store;
use crate::names::{CommitId, RefName};
use crate::repo::{Atomicity, DropPolicy, PushHooks, RefUpdate, Refusal};

impl Store {
    /// Installs the hooks and the git configuration that run `wasmstore hook` for every push. If a hook of another program exists, changes
    /// nothing and returns the path of that hook.
    ///
    /// # Errors
    /// The repository cannot be written.
    pub fn install_push_hooks(&self) -> Result<PushHooks> {
        Ok(self.repo.install_push_hooks()?)
    }

    /// Returns whether the hooks and the git configuration are in place, so that `wasmstore hook` checks every push.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn push_hooks(&self) -> Result<PushHooks> {
        Ok(self.repo.push_hooks()?)
    }

    /// Returns whether git cannot run the hooks, because their file system is mounted with `noexec`.
    pub fn is_noexec(&self) -> bool {
        self.repo.is_noexec()
    }

    /// Updates the refs of a push to which [`check_push`](Self::check_push) had no objections. Updates a ref only if it still has the old
    /// value. Returns the result for each update.
    ///
    /// # Errors
    /// The objects could not be made durable; other processes held a lock for too long. After the error "may have been applied", some refs
    /// may have been updated.
    pub fn publish_push(
        &self,
        updates: &[RefUpdate],
        drop_policy: DropPolicy,
        atomicity: Atomicity,
    ) -> Result<Vec<Result<(), Refusal>>> {
        let results = self.begin()?.update_refs(updates, drop_policy, atomicity)?;
        for (update, result) in updates.iter().zip(&results) {
            let is_branch = matches!(update.name, RefName::Branch(_));
            let tip = update.new.filter(|_| is_branch && result.is_ok());
            if let Some(tip) = tip.and_then(|tip| CommitId::from_bytes(tip.as_bytes())) {
                self.index_published_commit(tip);
            }
        }
        Ok(results)
    }
}
