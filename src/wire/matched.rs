//! The changes that a commit made to the module at a path and that match the filter of a log, as JSON.

use serde::{Deserialize, Serialize};

use super::module_diff::SizesDiffJson;
use super::percent_encoding::encode_query_value;
use crate::store::{ChangeFilter, ItemKind, ItemState, MatchedChange, MatchedItem};

/// The changes of a commit that match the filter of a path's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = MatchedChange)]
pub struct MatchedJson {
    /// The imports and exports that differ from the imports and exports in every parent of the commit, sorted by kind and name. At most
    /// 100.
    pub items: Vec<MatchedItemJson>,
    /// The number of imports and exports that differ and are not listed.
    pub left_out: usize,
    /// The old and the new size of the module in bytes. Present only if the module grew at least by the share that the filter names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub grew: Option<SizesDiffJson>,
    /// The reason why some changes are not known. Absent if all are known. A commit with such a reason is always listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub unknown: Option<String>,
}

/// An import or export that a commit added, changed or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = MatchedItem)]
pub struct MatchedItemJson {
    /// Whether the item is an import or an export.
    #[schema(inline)]
    pub kind: MatchedItemKind,
    /// The name under which a search finds the item: `env.memory`, `wasi:http/types`, `wasi:cli/run#run`.
    pub name: String,
    /// The version and type in the first parent, or null if the item is new.
    pub old: Option<ItemStateJson>,
    /// The version and type in the commit, or null if the item was removed.
    pub new: Option<ItemStateJson>,
}

/// Whether an item is an import or an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MatchedItemKind {
    /// An import.
    Import,
    /// An export.
    Export,
}

/// The version and type of an import or export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ItemState)]
pub struct ItemStateJson {
    /// The version, if there is one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    pub version: String,
    /// The type, if there is one. An interface has no type; its functions and types are items of their own.
    #[serde(default, rename = "type", skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    pub ty: String,
}

impl MatchedItemKind {
    /// Returns the name: `import` or `export`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Export => "export",
        }
    }
}

impl From<MatchedChange> for MatchedJson {
    fn from(change: MatchedChange) -> Self {
        Self {
            items: change.items.into_iter().map(Into::into).collect(),
            left_out: change.left_out,
            grew: change.grew.map(|(old, new)| SizesDiffJson { old, new }),
            unknown: change.unknown,
        }
    }
}

impl From<MatchedItem> for MatchedItemJson {
    fn from(item: MatchedItem) -> Self {
        let state = |state: ItemState| ItemStateJson {
            version: state.version,
            ty: state.ty,
        };
        Self {
            kind: match item.kind {
                ItemKind::Import => MatchedItemKind::Import,
                _ => MatchedItemKind::Export,
            },
            name: item.name,
            old: item.old.map(state),
            new: item.new.map(state),
        }
    }
}

/// Returns the query parameters of a filter, each with a leading `&`.
pub fn filter_query(filter: &ChangeFilter) -> String {
    let parameter = |name: &str, value: Option<String>| {
        let value = value.map(|value| format!("&{name}={}", encode_query_value(&value)));
        value.unwrap_or_default()
    };
    let import = filter.import.as_ref().map(ToString::to_string);
    let export = filter.export.as_ref().map(ToString::to_string);
    let grew = filter.grew.map(|grew| grew.to_string());
    parameter("import", import) + &parameter("export", export) + &parameter("grew", grew)
}
