//! A commit.

use serde::Serialize;

use super::changes::Changes;
use super::schema::CommitHash;
use crate::store::{self, PathChange};

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

/// A commit with what it changed.
#[derive(Serialize)]
pub struct ShownCommit<'c> {
    #[serde(flatten)]
    commit: Commit,
    changes: Changes<'c>,
}

impl<'c> ShownCommit<'c> {
    /// A commit, and what it changed compared with its first parent.
    pub fn new(commit: &store::Commit, changes: &'c [PathChange]) -> Self {
        Self {
            commit: Commit::from(commit),
            changes: Changes(changes),
        }
    }
}
