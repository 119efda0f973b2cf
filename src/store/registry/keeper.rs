//! The owner of the records, for the operations that concern the whole store.

use crate::repo::{StoreFault, chain};
use crate::store::error::Result;
use crate::store::open::Store;

/// The operations of the layer that knows the meaning of the records.
pub trait RecordKeeper: Send + Sync {
    /// Removes the records that are not used any more. Runs before each collection of garbage, but not on a replica, which has the records
    /// of its primary. A failure fails the collection.
    ///
    /// # Errors
    /// The records cannot be read or written.
    fn prune(&self, store: &Store) -> Result<()>;

    /// Adds everything to the index that it derives from the modules of all branches. Runs at the end of `reindex`.
    ///
    /// # Errors
    /// A module cannot be read.
    fn reindex(&self, store: &Store) -> Result<()>;

    /// Reports the records that contradict each other, or whose content is not what they say. Objects that cannot be read are reported
    /// elsewhere.
    ///
    /// # Errors
    /// The records cannot be read.
    fn verify(&self, store: &Store, report: &mut dyn FnMut(StoreFault)) -> Result<()>;
}

impl Store {
    /// Sets the owner of the records. Without it, a `gc` keeps them all.
    pub fn set_record_keeper(&mut self, keeper: impl RecordKeeper + 'static) {
        self.record_keeper = Some(Box::new(keeper));
    }

    /// Prunes the records before a collection of garbage.
    pub(in crate::store) fn prune_records(&self) -> Result<()> {
        match &self.record_keeper {
            Some(keeper) if self.primary.is_none() => keeper.prune(self),
            _ => Ok(()),
        }
    }

    /// Adds what the owner of the records derives from modules to the index. A failure is only logged: a module that cannot be read, for example,
    /// has no manifest.
    pub(in crate::store) fn reindex_records(&self) {
        if let Some(keeper) = &self.record_keeper
            && let Err(error) = keeper.reindex(self)
        {
            let error = chain(&error);
            tracing::warn!(error, "could not index the manifests of all modules");
        }
    }

    /// Verifies the records, unless the ref cannot be read: then the ref itself has been reported.
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
