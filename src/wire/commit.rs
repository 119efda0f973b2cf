//! A commit.

use serde::{Deserialize, Serialize};

use super::changes::Changes;
use super::schema::{CommitHash, Hash};
use crate::store::{self, AuditEntry, PathChange};

/// A commit.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Commit {
    /// The commit's id.
    #[schema(value_type = CommitHash)]
    pub hash: String,
    /// The parents' ids, the branch's own line first.
    #[schema(value_type = Vec<CommitHash>)]
    pub parents: Vec<String>,
    /// The author's name.
    pub author: String,
    /// The author time, in seconds since 1970-01-01 UTC.
    pub date: i64,
    /// The message, without the newlines at its end.
    pub message: String,
}

impl From<&store::Commit> for Commit {
    fn from(commit: &store::Commit) -> Self {
        Self {
            hash: commit.id.to_string(),
            parents: commit.parents.iter().map(ToString::to_string).collect(),
            author: commit.author.clone(),
            date: commit.date_s,
            message: commit.message.clone(),
        }
    }
}

/// A commit that changed a path.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PathCommit {
    /// The commit.
    #[serde(flatten)]
    pub commit: Commit,
    /// The module that it put there, or that it removed what was there; only if `modules=true` asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Hash>, required = false)]
    pub module: Option<Option<String>>,
}

impl PathCommit {
    /// The commit, and if it `has_module`, what it put there.
    pub fn new(entry: &AuditEntry, has_module: bool) -> Self {
        let module = entry.hash.map(|hash| hash.to_string());
        Self {
            commit: Commit::from(&entry.commit),
            module: has_module.then_some(module),
        }
    }
}

/// A commit with what it changed.
#[derive(Serialize)]
pub struct ShownCommit<'c> {
    #[serde(flatten)]
    commit: &'c Commit,
    changes: Changes<'c>,
}

impl<'c> ShownCommit<'c> {
    /// A commit, and what it changed compared with its first parent.
    pub fn new(commit: &'c Commit, changes: &'c [PathChange]) -> Self {
        Self {
            commit,
            changes: Changes(changes),
        }
    }
}
