//! A list of records of the OCI registry to remove and to set.

use crate::names::{ModuleHash, ModulePath};

/// Records of the OCI registry to remove, and records to set. A record is a file in the tree of `refs/oci/records`.
#[derive(Clone, Debug, Default)]
pub struct RecordsEdit {
    /// The paths of the records to remove.
    pub removed: Vec<ModulePath>,
    /// The records to add or replace: their paths and blob ids.
    pub added: Vec<(ModulePath, ModuleHash)>,
}

impl RecordsEdit {
    /// Returns the number of records that the edit removes or sets.
    pub fn len(&self) -> usize {
        self.removed.len() + self.added.len()
    }

    /// Returns whether there is nothing to remove or set.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds another edit, which must be about other records.
    pub fn extend(&mut self, other: Self) {
        self.removed.extend(other.removed);
        self.added.extend(other.added);
    }
}
