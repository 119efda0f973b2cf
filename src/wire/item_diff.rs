//! The items that differ between two modules, as JSON.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::store::{ItemChange, SectionChange, SectionKind};

/// An import that differs between two modules.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ImportDiff {
    /// The module to import from; for a component, the interface that contains the function or type.
    pub(super) module: Option<String>,
    pub(super) name: String,
    /// The old type, or null if the import is new.
    pub(super) old: Option<String>,
    /// The new type, or null if the import was removed.
    pub(super) new: Option<String>,
}

/// An export that differs between two modules.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ExportDiff {
    /// In a component, the interface that contains the function or type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub(super) interface: Option<String>,
    pub(super) name: String,
    /// The old type, or null if the export is new.
    pub(super) old: Option<String>,
    /// The new type, or null if the export was removed.
    pub(super) new: Option<String>,
}

/// The names of the custom sections that only one of two modules has.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NamesDiff {
    pub(super) added: Vec<String>,
    pub(super) removed: Vec<String>,
}

/// A tool that only one of two modules names as its producer, or whose version differs.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ProducerDiff {
    /// The role of the tool: `language`, `processed-by` or `sdk`.
    pub(super) field: Option<String>,
    pub(super) name: String,
    /// The old version, or null if the tool is new.
    pub(super) old: Option<String>,
    /// The new version, or null if the new module does not name the tool.
    pub(super) new: Option<String>,
}

/// The sections of one kind, or the custom sections with one name, if their total size differs between two modules.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SectionDiff {
    /// The kind, such as `code` or `custom`.
    #[schema(value_type = String)]
    pub(super) kind: SectionKind,
    /// The name of the custom sections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub(super) name: Option<String>,
    /// The old size in bytes, or null if the old module has no such section.
    pub(super) old: Option<u64>,
    /// The new size in bytes, or null if the new module has no such section.
    pub(super) new: Option<u64>,
}

impl NamesDiff {
    pub(super) fn new(changes: &[ItemChange]) -> Self {
        let names = |is_listed: fn(&ItemChange) -> bool| {
            let listed = changes.iter().filter(|change| is_listed(change));
            listed.map(|change| change.name.clone()).collect()
        };
        Self {
            added: names(|change| change.old.is_none()),
            removed: names(|change| change.new.is_none()),
        }
    }
}

impl From<&ItemChange> for ImportDiff {
    fn from(change: &ItemChange) -> Self {
        Self {
            module: owned(&change.group),
            name: change.name.clone(),
            old: owned(&change.old),
            new: owned(&change.new),
        }
    }
}

impl From<&ItemChange> for ExportDiff {
    fn from(change: &ItemChange) -> Self {
        Self {
            interface: owned(&change.group),
            name: change.name.clone(),
            old: owned(&change.old),
            new: owned(&change.new),
        }
    }
}

impl From<&ItemChange> for ProducerDiff {
    fn from(change: &ItemChange) -> Self {
        Self {
            field: owned(&change.group),
            name: change.name.clone(),
            old: owned(&change.old),
            new: owned(&change.new),
        }
    }
}

impl From<&SectionChange> for SectionDiff {
    fn from(change: &SectionChange) -> Self {
        Self {
            kind: change.kind,
            name: change.name.clone(),
            old: change.old,
            new: change.new,
        }
    }
}

fn owned(text: &Option<Arc<str>>) -> Option<String> {
    text.as_deref().map(str::to_owned)
}
