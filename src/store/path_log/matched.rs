//! The changes of a commit that a log filter selects.

use crate::index::ItemKind;
use crate::names::ModuleHash;
use crate::repo::Commit;

/// A commit that the filter selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchedCommit {
    /// The commit that makes the changes.
    pub commit: Commit,
    /// The module at the path in the commit's tree; `None` if the commit removed the module.
    pub hash: Option<ModuleHash>,
    /// The changes that the filter selects.
    pub change: MatchedChange,
}

/// What a commit changed in a module, compared with the commit's parents. Contains only changes that the filter selects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MatchedChange {
    /// The selected imports and exports that differ between the commit and each of its parents, sorted by kind and name.
    pub items: Vec<MatchedItem>,
    /// The number of further changed imports and exports, which are not in `items`.
    pub left_out: usize,
    /// The sizes of the older and the newer module in bytes, if the module grew by at least the share that the filter requires.
    pub grew: Option<(u64, u64)>,
    /// The reason why some changes are not known; `None` if all changes are known.
    pub unknown: Option<String>,
}

/// An import or export that a commit changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchedItem {
    /// Whether the item is an import or an export.
    pub kind: ItemKind,
    /// The name by which a search finds the item.
    pub name: String,
    /// The version and type in the first parent; `None` if the commit added the item.
    pub old: Option<ItemState>,
    /// The version and type in the commit; `None` if the commit removed the item.
    pub new: Option<ItemState>,
}

/// The version and type of an import or export.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ItemState {
    /// The version; empty if there is none.
    pub version: String,
    /// The type as text; empty if there is none.
    pub ty: String,
}

impl MatchedChange {
    /// Returns whether all changes of the commit are known, and the filter selects none of them.
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty() && self.left_out == 0 && self.grew.is_none() && self.unknown.is_none()
    }
}
