//! An edit of the records that was decided earlier.

use crate::names::{ModuleHash, ModulePath};

/// An edit of the records.
#[derive(Clone, Debug, Default)]
pub struct RecordsEdit {
    /// The paths of the records to remove.
    pub removed: Vec<ModulePath>,
    /// The records to set.
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

    /// Adds another edit, of other records.
    pub fn extend(&mut self, other: Self) {
        self.removed.extend(other.removed);
        self.added.extend(other.added);
    }
}
