//! A module in a list with details, as JSON.

use serde::{Deserialize, Serialize};

use super::as_string::AsString;
use super::schema::{CommitHashSchema, HashSchema};
use crate::names::{CommitId, ModuleHash, ModulePath};
use crate::store::{LastChange, ListedModule, ModuleKind};

/// A module in a list, with its size, kind and last change.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ListedModule)]
pub struct ListedModuleJson {
    /// The path of the module.
    #[schema(value_type = String)]
    path: AsString<ModulePath>,
    #[schema(value_type = HashSchema)]
    hash: AsString<ModuleHash>,
    /// The size of the module in bytes.
    size: u64,
    /// `module` or `component`; null if the module is not analysed yet, or is not valid.
    #[schema(value_type = Option<String>)]
    kind: Option<ModuleKind>,
    /// The newest commit of the first-parent history that changed the path; null if looking for it takes too long.
    #[schema(value_type = Option<CommitHashSchema>)]
    commit: Option<AsString<CommitId>>,
    /// The author time of the commit, in seconds since 1970-01-01 UTC.
    date: Option<i64>,
}

impl From<ListedModule> for ListedModuleJson {
    fn from(listed: ListedModule) -> Self {
        let change = listed.last_change;
        Self {
            path: AsString(listed.path),
            hash: AsString(listed.hash),
            size: listed.size_bytes,
            kind: listed.kind,
            commit: change.map(|change| AsString(change.commit)),
            date: change.map(|change| change.date_s),
        }
    }
}

impl From<ListedModuleJson> for ListedModule {
    fn from(json: ListedModuleJson) -> Self {
        let change = json.commit.zip(json.date);
        Self {
            path: json.path.0,
            hash: json.hash.0,
            size_bytes: json.size,
            kind: json.kind,
            last_change: change.map(|(commit, date_s)| LastChange {
                commit: commit.0,
                date_s,
            }),
        }
    }
}
