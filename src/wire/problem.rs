//! A request that was refused or failed.

use serde::{Deserialize, Serialize};

use crate::store;

/// What went wrong, for those who accept JSON (RFC 9457).
#[derive(Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Problem {
    /// `about:blank`: the status says what kind of problem it is.
    pub r#type: String,
    /// The status in words.
    pub title: String,
    /// The status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// One line for the person who asked.
    pub detail: String,
    /// The paths of a conflict.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub paths: Vec<String>,
    /// What was named and is not there, if it is known what that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub missing: Option<Missing>,
}

/// What was named and is not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", content = "name", rename_all = "lowercase")]
pub enum Missing {
    /// A branch.
    Branch(String),
    /// A module, by its path, hash or digest.
    Module(String),
    /// A module at a path that is a folder.
    Folder(String),
}

impl Missing {
    /// What an operation on the store did not find.
    pub fn of(error: &store::Error) -> Option<Self> {
        use store::Error as E;
        match error {
            E::NoModule(name) | E::NeverExisted(name) => Some(Self::Module(name.clone())),
            E::IsFolder(path) => Some(Self::Folder(path.clone())),
            error => Some(Self::Branch(error.unknown_branch()?.to_owned())),
        }
    }
}
