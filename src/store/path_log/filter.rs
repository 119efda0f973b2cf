//! The filter of the log of a path. It selects commits by the changes that they make in the module.

use super::growth::Growth;
use crate::index::ItemKind;
use crate::store::search::ItemPattern;

/// A filter for changes of a module. It selects a commit that makes at least one of these changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeFilter {
    /// An import that matches the pattern appears, disappears, or changes its version or type.
    pub import: Option<ItemPattern>,
    /// An export that matches the pattern appears, disappears, or changes its version or type.
    pub export: Option<ItemPattern>,
    /// The module grows by at least this share of its size.
    pub grew: Option<Growth>,
}

impl ChangeFilter {
    /// Returns whether the filter has no conditions.
    pub fn is_empty(&self) -> bool {
        !self.has_items() && self.grew.is_none()
    }

    /// Returns whether the filter has a pattern for imports or exports.
    pub(super) fn has_items(&self) -> bool {
        self.import.is_some() || self.export.is_some()
    }

    /// Returns whether a pattern of the filter matches the import or export with this name and version.
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
