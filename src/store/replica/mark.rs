//! Marks a store as a replica. Only `sync_refs` writes to a replica.

use std::collections::BTreeSet;
use std::path::{PathBuf, absolute};
use std::sync::PoisonError;

use crate::names::{RefName, ServerUrl};
use crate::store::error::{Error, Result};
use crate::store::open::Store;

impl Store {
    /// Returns the URL of the primary; `None` if this store is not a replica.
    pub fn primary(&self) -> Option<String> {
        let primary = self.primary.read();
        primary.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns whether this store is still a replica. Reads the configuration again: an operator promotes a replica by removing its mark. From
    /// then on, this store accepts writes.
    ///
    /// # Errors
    /// The configuration cannot be read, or is incomplete because another program is writing it. In these cases it is unknown whether the
    /// replica was promoted.
    pub fn is_still_replica(&self) -> Result<bool> {
        if self.primary().is_none() {
            return Ok(false);
        }
        if self.repo.is_marked_replica()? {
            return Ok(true);
        }
        let mut primary = self.primary.write().unwrap_or_else(PoisonError::into_inner);
        // Several threads may notice the promotion at the same time. Only one of them logs it.
        if let Some(former) = primary.take() {
            tracing::info!(
                former,
                "this store was promoted: it accepts changes, and does not follow a primary any more"
            );
        }
        Ok(false)
    }

    /// Makes this store a replica of the store at `url`. If it is a replica already, changes the URL, because the primary may have moved.
    ///
    /// # Errors
    /// The store has a history of its own; the store cannot be read or written.
    pub fn become_replica(&mut self, url: &ServerUrl) -> Result<()> {
        let url = url.to_string();
        if !self.repo.mark_replica(&url)? {
            let root = self.absolute_root();
            return Err(Error::OwnHistory { root, primary: url });
        }
        let primary = self.primary.get_mut();
        let primary = primary.unwrap_or_else(PoisonError::into_inner);
        let former = primary.replace(url.clone());
        if let Some(former) = former.filter(|former| *former != url) {
            tracing::info!(former, primary = url, "the replica has a new primary");
        }
        Ok(())
    }

    /// Returns an error if `become_replica` would fail. Changes nothing.
    ///
    /// # Errors
    /// The store has a history of its own; the store cannot be read.
    pub fn check_can_become_replica(&self, url: &ServerUrl) -> Result<()> {
        if self.repo.may_be_replica()? {
            return Ok(());
        }
        Err(Error::OwnHistory {
            root: self.absolute_root(),
            primary: url.to_string(),
        })
    }

    /// Returns the names of all branches and tags and of the registry's ref: the content that would be lost if this store became a replica.
    /// Returns no names if the store is as it was created.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn refs_to_lose(&self) -> Result<BTreeSet<RefName>> {
        let refs = self.refs()?;
        // A new replica has one empty branch, which no client has written to.
        if refs.len() == 1 && self.repo.is_as_created()? {
            return Ok(BTreeSet::new());
        }
        Ok(refs.into_iter().map(|(name, _)| name).collect())
    }

    /// Returns whether this store was ever in sync with the store at `url`. If so, it can serve reads, although its content may be old.
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

    /// Returns an error if this store is a replica, or a copy of a store in a bucket and this process was started without the bucket. A
    /// replica that was promoted since the store was opened is an ordinary store.
    ///
    /// # Errors
    /// `Replica`, with the URL of the primary; `CopyOfBucket`; the configuration of a replica cannot be read.
    pub fn ensure_writable(&self) -> Result<()> {
        if let Some(url) = &self.bucket {
            return Err(Error::CopyOfBucket {
                url: url.clone(),
                root: self.absolute_root(),
            });
        }
        match self.primary() {
            Some(primary) if self.is_still_replica()? => Err(Error::Replica {
                primary,
                root: self.absolute_root(),
            }),
            _ => Ok(()),
        }
    }

    /// Returns the absolute path of the store for error messages. A relative path would be wrong in them: a git hook runs in another
    /// directory than the user who reads the message.
    fn absolute_root(&self) -> PathBuf {
        absolute(self.root()).unwrap_or_else(|_| self.root().to_owned())
    }
}
