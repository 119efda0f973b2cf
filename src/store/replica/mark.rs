//! The mark that makes a store a replica. Only `sync_refs` writes to a replica.

use std::collections::BTreeSet;
use std::path::{PathBuf, absolute};

use crate::names::{RefName, ServerUrl};
use crate::store::error::{Error, Result};
use crate::store::open::Store;

impl Store {
    /// Returns the URL of the primary; `None` if this store is not a replica.
    pub fn primary(&self) -> Option<&str> {
        self.primary.as_deref()
    }

    /// Makes this store a replica of the store at `url`. If this store is a replica of another URL already, changes the URL,
    /// because the primary may have moved.
    ///
    /// # Errors
    /// The store has a history of its own; it cannot be read or written.
    pub fn become_replica(&mut self, url: &ServerUrl) -> Result<()> {
        let url = url.to_string();
        if !self.repo.mark_replica(&url)? {
            let root = self.absolute_root();
            return Err(Error::OwnHistory { root, primary: url });
        }
        let former = self.primary.replace(url.clone());
        if let Some(former) = former.filter(|former| *former != url) {
            tracing::info!(former, primary = url, "the replica has a new primary");
        }
        Ok(())
    }

    /// Checks whether `become_replica` would succeed, without changing anything.
    ///
    /// # Errors
    /// The store has a history of its own; it cannot be read.
    pub fn check_can_become_replica(&self, url: &ServerUrl) -> Result<()> {
        if self.repo.may_be_replica()? {
            return Ok(());
        }
        Err(Error::OwnHistory {
            root: self.absolute_root(),
            primary: url.to_string(),
        })
    }

    /// Returns the names of the branches, the tags and the registry ref, whose content would be lost if the refs were deleted. Returns no
    /// names if the store is as it was created.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn refs_to_lose(&self) -> Result<BTreeSet<RefName>> {
        let refs = self.refs()?;
        // A new replica has an empty first branch, which is not a copy of a branch of the primary.
        if refs.len() == 1 && self.repo.is_as_created()? {
            return Ok(BTreeSet::new());
        }
        Ok(refs.into_iter().map(|(name, _)| name).collect())
    }

    /// Returns whether this store was ever in sync with the store at `url`. Then it has content to serve, even if that is old.
    pub fn was_in_sync_with(&self, url: &ServerUrl) -> bool {
        self.repo.was_equal(&url.to_string())
    }

    /// Records that this store is in sync with the store at `url`.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn record_in_sync_with(&self, url: &ServerUrl) -> Result<()> {
        Ok(self.repo.note_equal(&url.to_string())?)
    }

    /// Fails on a replica, and on a copy of a store in a bucket that this process does not reach.
    ///
    /// # Errors
    /// `Replica`, which names the primary; `CopyOfBucket`.
    pub fn ensure_writable(&self) -> Result<()> {
        if let Some(url) = &self.bucket {
            return Err(Error::CopyOfBucket {
                url: url.clone(),
                root: self.absolute_root(),
            });
        }
        match &self.primary {
            None => Ok(()),
            Some(primary) => Err(Error::Replica {
                primary: primary.clone(),
                root: self.absolute_root(),
            }),
        }
    }

    /// Returns the absolute path of the store for error messages: a git hook runs in another directory than the user who reads the
    /// message.
    fn absolute_root(&self) -> PathBuf {
        absolute(self.root()).unwrap_or_else(|_| self.root().to_owned())
    }
}
