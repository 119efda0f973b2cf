//! What changes the store.

use std::io::Read;

use super::store::AnyStore;
use crate::names::{BranchName, CommitId, HashRef, ModuleHash, ModulePath, ModuleRef, TreePath};
use crate::remote::error::Result;
use crate::store::{At, Change, Collected, Folders, History};

/// What changes.
impl AnyStore {
    /// Puts a module at a path; `bytes` is how long it is, if that is known.
    pub fn put(
        &self,
        change: &Change,
        path: &ModulePath,
        source: impl Read,
        bytes: Option<u64>,
    ) -> Result<ModuleHash> {
        match self {
            Self::Local(store) => Ok(store.put(change, path, source)?.value),
            Self::Served(client) => client.put(change, path, source, bytes),
        }
    }

    /// Puts a stored module at another path.
    pub fn set(&self, change: &Change, hash: &HashRef, path: &ModulePath) -> Result<ModuleHash> {
        match self {
            Self::Local(store) => Ok(store.set(change, hash, path)?.value),
            Self::Served(client) => client.set(change, hash, path),
        }
    }

    /// Removes a module, or with everything in it a folder.
    pub fn remove(&self, change: &Change, name: &ModuleRef, folders: Folders) -> Result<()> {
        match self {
            Self::Local(store) => store.remove(change, name, folders).map(drop)?,
            Self::Served(client) => client.remove(change, name, folders)?,
        }
        Ok(())
    }

    /// Brings back what a commit had.
    pub fn restore(&self, change: &Change, commit: CommitId, scope: &TreePath) -> Result<()> {
        match self {
            Self::Local(store) => store.restore(change, commit, scope).map(drop)?,
            Self::Served(client) => client.restore(change, commit, scope)?,
        }
        Ok(())
    }

    /// Undoes the newest change.
    pub fn rollback(&self, change: &Change, scope: &TreePath) -> Result<()> {
        match self {
            Self::Local(store) => store.rollback(change, scope).map(drop)?,
            Self::Served(client) => client.rollback(change, scope)?,
        }
        Ok(())
    }

    /// Merges another branch; the commit that the branch is at then.
    pub fn merge(&self, change: &Change, theirs: &BranchName) -> Result<Option<CommitId>> {
        match self {
            Self::Local(store) => Ok(store.merge(change, theirs)?.commit),
            Self::Served(client) => client.merge(change, theirs),
        }
    }

    /// Creates a branch where another one, or a commit, is.
    pub fn create_branch(&self, branch: &BranchName, from: &At) -> Result<()> {
        match self {
            Self::Local(store) => Ok(store.create_branch(branch, from)?),
            Self::Served(client) => client.create_branch(branch, from),
        }
    }

    /// Makes a branch the default one.
    pub fn set_default_branch(&self, branch: &BranchName) -> Result<()> {
        match self {
            Self::Local(store) => Ok(store.set_default_branch(branch, None)?),
            Self::Served(client) => client.set_default_branch(branch),
        }
    }

    /// Deletes a branch.
    pub fn delete_branch(&self, branch: &BranchName) -> Result<()> {
        match self {
            Self::Local(store) => Ok(store.delete_branch(branch, None)?),
            Self::Served(client) => client.delete_branch(branch),
        }
    }

    /// Collects garbage.
    pub fn gc(&self, change: &Change, history: History) -> Result<Collected> {
        match self {
            Self::Local(store) => Ok(store.gc(change, history)?),
            Self::Served(client) => client.gc(change, history),
        }
    }
}
