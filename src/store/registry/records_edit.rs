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
    /// Returns whether there is nothing to remove or set.
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.added.is_empty()
    }
}
