//! The bodies of requests that name many modules: too many for the query of a URL.

use serde::{Deserialize, Serialize};

/// The maximum number of names in a body.
pub const BODY_NAMES_MAX: usize = 10_000;

/// What is copied or moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Relocation)]
pub struct RelocationJson {
    /// The paths of modules and directories, or globs.
    #[schema(min_items = 1, max_items = 10_000)]
    pub from: Vec<String>,
    /// The destination, as the query parameter of this name.
    pub to: String,
    /// Whether modules that exist at the destination are replaced.
    #[serde(default)]
    pub force: bool,
}

/// What is removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Removal)]
pub struct RemovalJson {
    /// Paths, hashes, digests and globs.
    #[schema(min_items = 1, max_items = 10_000)]
    pub name: Vec<String>,
    /// Whether directories are removed, with everything in them.
    #[serde(default)]
    pub recursive: bool,
}
