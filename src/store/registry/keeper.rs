//! The interface through which `gc`, `reindex` and `verify` call the code in `oci/`, which knows the meaning of the registry's records.

use crate::repo::{StoreFault, chain};
use crate::store::error::Result;
use crate::store::open::Store;

/// The operations on the registry's records that must know the meaning of the records. `oci/`, in a layer above the store, implements them.
pub trait RecordKeeper: Send + Sync {
    /// Removes the records that are no longer used. Runs before each garbage collection, but not on a replica, whose records must equal the
    /// records of its primary. If it fails, the garbage collection fails.
    ///
    /// # Errors
    /// The records cannot be read or written.
    fn prune(&self, store: &Store) -> Result<()>;

    /// Adds to the version index everything that `oci/` derives from the modules of all branches, such as the digests of manifests. Runs at
    /// the end of `reindex`.
    ///
    /// # Errors
    /// A module cannot be read.
    fn reindex(&self, store: &Store) -> Result<()>;

    /// Reports records that contradict each other, and records that describe a blob or module wrongly. `Store::verify` reports objects that
    /// cannot be read.
    ///
    /// # Errors
    /// The records cannot be read.
    fn verify(&self, store: &Store, report: &mut dyn FnMut(StoreFault)) -> Result<()>;
}

impl Store {
    /// Sets the code that prunes, indexes and verifies the records of the OCI registry. Without it, `gc` keeps all records.
    pub fn set_record_keeper(&mut self, keeper: impl RecordKeeper + 'static) {
        self.record_keeper = Some(Box::new(keeper));
    }

    /// Removes unused records of the OCI registry before a garbage collection.
    pub(in crate::store) fn prune_records(&self) -> Result<()> {
        match &self.record_keeper {
            Some(keeper) if self.primary().is_none() => keeper.prune(self),
            _ => Ok(()),
        }
    }

    /// Adds the digests of the registry's manifests to the version index. A failure is only logged: a module that cannot be read, for
    /// example, has no manifest.
    pub(in crate::store) fn reindex_records(&self) {
        if let Some(keeper) = &self.record_keeper
            && let Err(error) = keeper.reindex(self)
        {
            let error = chain(&error);
            tracing::warn!(error, "could not index the manifests of all modules");
        }
    }

    /// Verifies the records of the OCI registry. Does nothing if their ref cannot be read, because the broken ref is reported already.
    pub(in crate::store) fn verify_records(
        &self,
        report: &mut dyn FnMut(StoreFault),
    ) -> Result<()> {
        match &self.record_keeper {
            Some(keeper) if matches!(self.repo.refs().oci_tip(), Ok(Some(_))) => {
                keeper.verify(self, report)
            }
            _ => Ok(()),
        }
    }
}
