//! A commit.

use serde::Serialize;

use super::schema::CommitHash;
use crate::store;

/// A commit.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Commit {
    /// The commit's id.
    #[schema(value_type = CommitHash)]
    hash: String,
    /// The parents' ids, the branch's own line first.
    #[schema(value_type = Vec<CommitHash>)]
    parents: Vec<String>,
    /// The author's name.
    author: String,
    /// The author time, in seconds since 1970-01-01 UTC.
    date: i64,
    /// The message, without the newlines at its end.
    message: String,
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
