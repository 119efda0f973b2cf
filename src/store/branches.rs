//! Reads, creates and deletes branches.

use super::error::{Error, Result};
use super::error_kind::ErrorKind;
use super::open::Store;
use super::revision::Revision;
use crate::names::{BranchName, CommitId, ObjectId, RefName};
use crate::repo::{self, BranchesAndTags, BrokenRef};

impl Store {
    /// Returns the default branch, to which `HEAD` refers.
    pub fn default_branch(&self) -> Result<BranchName> {
        Ok(self.repo.refs().default_branch()?)
    }

    /// Returns the names of all branches, sorted.
    pub fn branches(&self) -> Result<Vec<BranchName>> {
        Ok(self.repo.refs().branches()?)
    }

    /// Returns every branch, every tag and the ref of the OCI registry (`refs/oci/records`), each with the id of its commit or tag object,
    /// sorted by name. Broken refs are left out.
    pub fn refs(&self) -> Result<Vec<(RefName, ObjectId)>> {
        Ok(self.branches_and_tags()?.tips)
    }

    /// Returns every branch, every tag and the ref of the OCI registry (`refs/oci/records`), and the names of the refs that cannot be read.
    pub fn branches_and_tags(&self) -> Result<BranchesAndTags> {
        Ok(self.repo.refs().branches_and_tags()?)
    }

    /// Returns the refs that cannot be read.
    pub fn broken_refs(&self) -> Result<Vec<BrokenRef>> {
        Ok(self.repo.refs().broken()?)
    }

    /// Returns values for git's setting `transfer.hideRefs` that hide every broken ref and no other ref. Otherwise git fails when it lists
    /// the refs.
    pub fn refs_hidden_from_git(&self) -> Result<Vec<String>> {
        Ok(self.repo.refs().hidden_from_git()?)
    }

    /// Creates a branch at the commit that `from` resolves to, and returns that commit.
    ///
    /// # Errors
    /// The branch exists; its name conflicts with another branch, as `a` and `a/b` do; `from` is unknown.
    pub fn create_branch(&self, branch: &BranchName, from: &Revision) -> Result<CommitId> {
        // Begins the write before the commit is looked up, so that no `gc` can remove the commit before the branch reaches it.
        let txn = self.begin()?;
        let commit = self.snapshot(from)?;
        txn.create_branch(branch, commit)?;
        Ok(commit)
    }

    /// Returns whether a branch exists.
    pub fn has_branch(&self, branch: &BranchName) -> Result<bool> {
        match self.tip(Some(branch)) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes `branch` the default branch. If `branch` does not exist, creates it at the tip of `from`, or of the current default branch if
    /// `from` is `None`.
    pub fn set_default_branch(&self, branch: &BranchName, from: Option<&BranchName>) -> Result<()> {
        self.ensure_writable()?;
        Ok(self.repo.set_default_branch(branch, from)?)
    }

    /// Deletes a branch. Its objects remain until the next `gc`. `default` is the default branch of this process, if it was configured to
    /// be another branch than `HEAD` refers to; that branch cannot be deleted either. A broken branch can always be deleted.
    ///
    /// # Errors
    /// The branch is unknown, or is the default branch and not broken.
    pub fn delete_branch(&self, branch: &BranchName, default: Option<&BranchName>) -> Result<()> {
        self.delete_branch_at(branch, default, None)
    }

    /// Deletes a branch like [`delete_branch`](Self::delete_branch), but only if its tip is `expected`, unless `expected` is `None`.
    ///
    /// # Errors
    /// As for `delete_branch`; [`Error::PreconditionFailed`] if the branch has another tip.
    pub fn delete_branch_at(
        &self,
        branch: &BranchName,
        default: Option<&BranchName>,
        expected: Option<CommitId>,
    ) -> Result<()> {
        self.ensure_writable()?;
        if default == Some(branch)
            && (self.repo.is_shared() || !self.repo.refs().is_broken(&branch.clone().into())?)
        {
            return Err(repo::Error::DefaultBranch(branch.to_string()).into());
        }
        match self.repo.delete_branch(branch, expected)? {
            None => Ok(()),
            Some(tip) => {
                let current = format!("branch {branch} is at {tip}");
                Err(Error::PreconditionFailed { current })
            }
        }
    }
}
