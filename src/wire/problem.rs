//! Error responses as JSON.

use serde::{Deserialize, Serialize};

use crate::store;

/// The description of an error (RFC 9457).
#[derive(Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Problem {
    /// Always `about:blank`: the status states the kind of error.
    pub r#type: String,
    /// The reason phrase of the status.
    pub title: String,
    /// The HTTP status code.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// A message for people, on one line.
    pub detail: String,
    /// The paths that are in conflict.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub paths: Vec<String>,
    /// The branch, tag, module or directory in the request that does not exist, if the server knows which one it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub missing: Option<MissingName>,
}

/// Something that a request names, such as a branch, but that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", content = "name", rename_all = "lowercase")]
#[schema(as = Missing)]
pub enum MissingName {
    /// A branch.
    Branch(String),
    /// A tag.
    Tag(String),
    /// A module, named by its path, hash or digest.
    Module(String),
    /// A module at this path, where the branch has a directory.
    #[serde(rename = "folder")]
    Directory(String),
}

impl MissingName {
    /// Returns the branch, tag, module or directory that an operation on the store did not find; `None` for other errors.
    pub fn of(error: &store::Error) -> Option<Self> {
        use store::Error as E;
        match error {
            E::NoModule(name) | E::NotCurrent { name, .. } | E::NeverExisted(name) => {
                Some(Self::Module(name.clone()))
            }
            E::UnknownTag(tag) => Some(Self::Tag(tag.clone())),
            E::IsDirectory(path) => Some(Self::Directory(path.clone())),
            error => Some(Self::Branch(error.unknown_branch()?.to_owned())),
        }
    }
}
