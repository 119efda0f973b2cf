//! Creating and deleting branches, and choosing the default one.

use crate::names::{BranchName, CommitId};
use crate::repo::error::{Error, Result};
use crate::repo::lifecycle::open::Repository;
use crate::repo::publish::write_txn::Writing;
use crate::repo::refs::lock::OUTSIDE_MAX;

impl Repository {
    /// Makes `branch` the default one. If it is new it is created at the tip of `from`, or of the present default branch.
    ///
    /// # Errors
    /// `UnknownBranch`, `BranchClash`. No branch is created then.
    pub fn set_default_branch(&self, branch: &BranchName, from: Option<&BranchName>) -> Result<()> {
        let mut writing = self.begin()?;
        // What may take long is done while others may still move refs.
        if self.tip(branch)?.is_none()
            && let Some(tip) = self.tip(&self.branch_or_default(from)?)?
        {
            writing.existing(tip)?;
            writing.flush()?;
        }
        let _refs = self.locks.refs()?;
        if self.default_branch().ok().as_ref() == Some(branch) {
            return self.flush_head();
        }
        let head = self.hold_head(branch)?;
        if writing.durable_tip(branch)?.is_none() {
            let from = self.branch_or_default(from)?;
            let tip = self.tip(&from)?;
            let tip = tip.ok_or_else(|| Error::UnknownBranch(from.to_string()))?;
            writing.start_branch(branch, tip)?;
        }
        self.put_in_place(head)
    }

    /// Deletes a branch. What only it reached stays until the next `gc`.
    ///
    /// # Errors
    /// `UnknownBranch`, `DefaultBranch`.
    pub fn delete_branch(&self, branch: &BranchName) -> Result<()> {
        let mut writing = self.begin()?;
        let _refs = self.locks.refs()?;
        let default = [self.default_branch(), self.branch_or_default(None)];
        if default.iter().flatten().any(|default| default == branch) {
            self.flush_head()?;
            return Err(Error::DefaultBranch(branch.to_string()));
        }
        let tip = writing.durable_tip(branch)?;
        let tip = tip.ok_or_else(|| Error::UnknownBranch(branch.to_string()))?;
        self.move_ref(&branch.clone().into(), Some(tip), None, OUTSIDE_MAX)
    }
}

impl Writing<'_> {
    /// Creates a branch at the commit `from`.
    ///
    /// # Errors
    /// `BranchExists`, `BranchClash`, `UnknownCommit`.
    pub fn create_branch(mut self, branch: &BranchName, from: CommitId) -> Result<()> {
        // What may take long is done while others may still move refs.
        crate::repo::history::commit::read(self.objects.handles.local(), from)?;
        self.existing(from)?;
        self.flush()?;
        let _refs = self.repository.locks.refs()?;
        if self.durable_tip(branch)?.is_some() {
            return Err(Error::BranchExists(branch.to_string()));
        }
        self.start_branch(branch, from)
    }

    /// Points a new branch to a commit; under `refs.lock`.
    fn start_branch(&mut self, branch: &BranchName, from: CommitId) -> Result<()> {
        if let Some(existing) = self
            .repository
            .branches()?
            .iter()
            .find(|existing| existing.conflicts_with(branch))
        {
            return Err(Error::BranchClash {
                new: branch.to_string(),
                existing: existing.to_string(),
            });
        }
        crate::repo::history::commit::read(self.objects.handles.local(), from)?;
        let id = self.existing(from)?;
        self.flush()?;
        let repository = self.repository;
        match repository.move_ref(&branch.clone().into(), None, Some(id), OUTSIDE_MAX) {
            Err(Error::Moved(_)) => Err(Error::BranchExists(branch.to_string())),
            other => other,
        }
    }
}
