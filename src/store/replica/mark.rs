//! A store that is marked as a replica: nothing but following another one changes its history.

use crate::names::ServerUrl;
use crate::repo::WriteTxn;
use crate::store::error::{Error, Result};
use crate::store::open::Store;

impl Store {
    /// The URL of the store that this one follows; `None` if it is a store of its own.
    pub fn primary(&self) -> Option<&str> {
        self.primary.as_deref()
    }

    /// Makes this store one that follows the one at `url`. One that follows another already has its mark changed, as stores move.
    ///
    /// # Errors
    /// It has a history of its own; it cannot be read or written.
    pub fn become_replica(&mut self, url: &ServerUrl) -> Result<()> {
        let url = url.to_string();
        if !self.repo.mark_replica(&url)? {
            let root = self.absolute_root();
            return Err(Error::OwnHistory { root, primary: url });
        }
        let former = self.primary.replace(url.clone());
        if let Some(former) = former.filter(|former| *former != url) {
            tracing::info!(former, primary = url, "follows another primary from now on");
        }
        Ok(())
    }

    /// Says whether `become_replica` would be refused, and changes nothing.
    ///
    /// # Errors
    /// It has a history of its own; it cannot be read.
    pub fn check_can_become_replica(&self, url: &ServerUrl) -> Result<()> {
        match self.repo.may_be_replica()? {
            true => Ok(()),
            false => Err(Error::OwnHistory {
                root: self.absolute_root(),
                primary: url.to_string(),
            }),
        }
    }

    /// Says whether this store was ever equal to the one at `url`: there is something to serve, even if it is old.
    pub fn was_in_sync_with(&self, url: &ServerUrl) -> bool {
        self.repo.was_equal(&url.to_string())
    }

    /// Remembers that this store was equal to the one at `url`.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn record_in_sync_with(&self, url: &ServerUrl) -> Result<()> {
        Ok(self.repo.note_equal(&url.to_string())?)
    }

    /// Refuses changes of the history other than by following.
    ///
    /// # Errors
    /// `Replica`, which names the primary.
    pub fn ensure_writable(&self) -> Result<()> {
        match &self.primary {
            None => Ok(()),
            Some(primary) => Err(Error::Replica {
                primary: primary.clone(),
                root: self.absolute_root(),
            }),
        }
    }

    /// The right to change the history: what every change begins with, but for following.
    pub(in crate::store) fn begin(&self) -> Result<WriteTxn<'_>> {
        self.ensure_writable()?;
        Ok(self.repo.begin()?)
    }

    /// For texts: a hook has another working folder than who reads what it says.
    fn absolute_root(&self) -> std::path::PathBuf {
        std::path::absolute(self.root()).unwrap_or_else(|_| self.root().to_owned())
    }
}
