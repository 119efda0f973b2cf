//! The filter of a path's log: the changes of a module that the log lists.

use super::growth::Growth;
use crate::index::ItemKind;
use crate::store::search::ItemPattern;

/// The changes of a module that a log lists: a commit is listed if it makes one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeFilter {
    /// An import that matches appears, disappears, or changes its version or type.
    pub import: Option<ItemPattern>,
    /// An export that matches appears, disappears, or changes its version or type.
    pub export: Option<ItemPattern>,
    /// The module grows by this share of its size or more.
    pub grew: Option<Growth>,
}

impl ChangeFilter {
    /// Returns whether the filter asks for nothing.
    pub fn is_empty(&self) -> bool {
        !self.has_items() && self.grew.is_none()
    }

    /// Returns whether the filter asks for imports or exports.
    pub(super) fn has_items(&self) -> bool {
        self.import.is_some() || self.export.is_some()
    }

    /// Returns whether the filter asks for the import or export with this name and version.
    pub(super) fn selects(&self, kind: ItemKind, name: &str, version: &str) -> bool {
        let pattern = match kind {
            ItemKind::Import => &self.import,
            ItemKind::Export => &self.export,
            _ => return false,
        };
        pattern
            .as_ref()
            .is_some_and(|pattern| pattern.matches(name, version))
    }
}
