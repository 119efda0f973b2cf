//! Commits as JSON.

use serde::{Deserialize, Serialize};

use super::changes::Changes;
use super::matched::MatchedJson;
use super::schema::{CommitHashSchema, HashSchema};
use crate::store::{AuditEntry, Commit, MatchedCommit, PathChange};

/// A commit.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(from = "ReceivedCommit")]
#[schema(as = Commit)]
pub struct CommitJson {
    /// The commit's id.
    #[schema(value_type = CommitHashSchema)]
    pub commit: String,
    /// The commit's id again, for clients that expect the field name of wasmstore 0.3.
    #[schema(value_type = CommitHashSchema)]
    hash: String,
    /// The parents' ids; the first parent comes first.
    #[schema(value_type = Vec<CommitHashSchema>)]
    pub parents: Vec<String>,
    /// The author's name.
    pub author: String,
    /// The author time, in seconds since 1970-01-01 UTC.
    pub date: i64,
    /// The message, without trailing newlines.
    pub message: String,
}

impl From<&Commit> for CommitJson {
    fn from(commit: &Commit) -> Self {
        Self {
            commit: commit.id.to_string(),
            hash: commit.id.to_string(),
            parents: commit.parents.iter().map(ToString::to_string).collect(),
            author: commit.author.clone(),
            date: commit.date_s,
            message: commit.message.clone(),
        }
    }
}

/// A commit in a server's response. Servers that are older than this program send only `hash`.
#[derive(Deserialize)]
struct ReceivedCommit {
    hash: String,
    parents: Vec<String>,
    author: String,
    date: i64,
    message: String,
}

impl From<ReceivedCommit> for CommitJson {
    fn from(received: ReceivedCommit) -> Self {
        Self {
            commit: received.hash.clone(),
            hash: received.hash,
            parents: received.parents,
            author: received.author,
            date: received.date,
            message: received.message,
        }
    }
}

/// A commit with exactly the fields that wasmstore 0.3 sends, because its clients may reject other fields.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = OriginalCommit)]
pub struct OriginalCommitJson {
    /// The commit's id.
    #[schema(value_type = CommitHashSchema)]
    hash: String,
    /// The parents' ids; the first parent comes first.
    #[schema(value_type = Vec<CommitHashSchema>)]
    parents: Vec<String>,
    /// The author's name.
    author: String,
    /// The author time, in seconds since 1970-01-01 UTC.
    date: i64,
    /// The message, without trailing newlines.
    message: String,
}

impl From<CommitJson> for OriginalCommitJson {
    fn from(commit: CommitJson) -> Self {
        Self {
            hash: commit.hash,
            parents: commit.parents,
            author: commit.author,
            date: commit.date,
            message: commit.message,
        }
    }
}

/// A commit that changed a path.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = PathCommit)]
pub struct PathCommitJson {
    /// The commit that changed the path.
    #[serde(flatten)]
    pub commit: CommitJson,
    /// The hash of the module at the path after the commit, or null if the commit removed the module. Present only with `modules=true`, or
    /// if the list is filtered. Absent if the path is a directory.
    // An option in an option, because the field has three JSON states: absent, null and a hash.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[schema(value_type = Option<HashSchema>, required = false)]
    pub module: Option<Option<String>>,
    /// The changes of the commit that match the filter of the list. Present only if the list is filtered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub matched: Option<MatchedJson>,
}

/// Deserializes a field that is present, and may be null.
fn present<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl From<&Commit> for PathCommitJson {
    /// Converts a commit that changed something below a directory.
    fn from(commit: &Commit) -> Self {
        Self {
            commit: CommitJson::from(commit),
            module: None,
            matched: None,
        }
    }
}

impl PathCommitJson {
    /// Converts a commit that changed a path. The field `module` is present only with `has_module`.
    pub fn new(entry: &AuditEntry, has_module: bool) -> Self {
        let module = entry.hash.map(|hash| hash.to_string());
        Self {
            commit: CommitJson::from(&entry.commit),
            module: has_module.then_some(module),
            matched: None,
        }
    }
}

impl From<MatchedCommit> for PathCommitJson {
    fn from(matched: MatchedCommit) -> Self {
        Self {
            commit: CommitJson::from(&matched.commit),
            module: Some(matched.hash.map(|hash| hash.to_string())),
            matched: Some(matched.change.into()),
        }
    }
}

/// A commit with the module changes it made.
#[derive(Serialize)]
pub struct CommitWithChanges<'c> {
    #[serde(flatten)]
    commit: &'c CommitJson,
    changes: Changes<'c>,
}

impl<'c> CommitWithChanges<'c> {
    /// Combines a commit with the changes between its first parent and the commit.
    pub fn new(commit: &'c CommitJson, changes: &'c [PathChange]) -> Self {
        Self {
            commit,
            changes: Changes(changes),
        }
    }
}
