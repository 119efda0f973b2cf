//! Branches.

use super::error::{ErrorKind, Result};
use super::open::Store;
use super::revision::Revision;
use crate::names::{BranchName, ObjectId, RefName};
use crate::repo;

impl Store {
    /// The default branch: what `HEAD` names.
    pub fn default_branch(&self) -> Result<BranchName> {
        Ok(self.repo.refs().default_branch()?)
    }

    /// The names of all branches, sorted.
    pub fn branches(&self) -> Result<Vec<BranchName>> {
        Ok(self.repo.refs().branches()?)
    }

    /// Every branch and tag with the commit or tag object that it names, sorted by name.
    pub fn refs(&self) -> Result<Vec<(RefName, ObjectId)>> {
        Ok(self.repo.refs().branches_and_tags()?)
    }

    /// Creates a branch at the commit that `from` names.
    ///
    /// # Errors
    /// It exists; its name is the folder of another's, or the other way round; `from` is unknown.
    pub fn create_branch(&self, branch: &BranchName, from: &Revision) -> Result<()> {
        // First the lock: what `from` leads to is not collected then.
        let writing = self.begin()?;
        let from = self.snapshot(from)?;
        Ok(writing.create_branch(branch, from)?)
    }

    /// Says whether there is a branch of that name.
    pub fn has_branch(&self, branch: &BranchName) -> Result<bool> {
        match self.tip(Some(branch)) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes a branch the default one, creating it at the tip of `from`, or of the present default branch, if it is new.
    pub fn set_default_branch(&self, branch: &BranchName, from: Option<&BranchName>) -> Result<()> {
        self.ensure_writable()?;
        Ok(self.repo.set_default_branch(branch, from)?)
    }

    /// Deletes a branch. What only it reached stays until the next `gc`. `default` is what stands for the default branch, if that is
    /// another than `HEAD` names.
    ///
    /// # Errors
    /// It is unknown, or the default one.
    pub fn delete_branch(&self, branch: &BranchName, default: Option<&BranchName>) -> Result<()> {
        self.ensure_writable()?;
        if default == Some(branch) {
            return Err(repo::Error::DefaultBranch(branch.to_string()).into());
        }
        Ok(self.repo.delete_branch(branch)?)
    }
}
