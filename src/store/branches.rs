//! Branches.

use super::error::Result;
use super::open::Store;
use super::view::At;
use crate::names::BranchName;

impl Store {
    /// The default branch: what `HEAD` names.
    pub fn default_branch(&self) -> Result<BranchName> {
        Ok(self.repo.default_branch()?)
    }

    /// The names of all branches, sorted.
    pub fn branches(&self) -> Result<Vec<BranchName>> {
        Ok(self.repo.branches()?)
    }

    /// Creates a branch at the commit that `from` names.
    ///
    /// # Errors
    /// It exists; its name is the folder of another's, or the other way round; `from` is unknown.
    pub fn create_branch(&self, branch: &BranchName, from: &At) -> Result<()> {
        // First the lock: what `from` leads to is not collected then.
        let writing = self.repo.begin()?;
        let from = self.snapshot(from)?;
        Ok(writing.create_branch(branch, from)?)
    }

    /// Makes a branch the default one, creating it at the present default branch's tip if it is new.
    pub fn set_default_branch(&self, branch: &BranchName) -> Result<()> {
        Ok(self.repo.set_default_branch(branch)?)
    }

    /// Deletes a branch. What only it reached stays until the next `gc`.
    ///
    /// # Errors
    /// It is unknown, or the default one.
    pub fn delete_branch(&self, branch: &BranchName) -> Result<()> {
        Ok(self.repo.delete_branch(branch)?)
    }
}
