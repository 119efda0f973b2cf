//! A version of a path, as JSON.

use serde::Serialize;

use super::commit::CommitJson;
use crate::names::ModuleHash;

/// A version of a path: a module that was at the path, with the oldest commit that put it there.
#[derive(Debug, Serialize)]
pub struct VersionJson {
    /// The number of the version; 0 is the oldest.
    pub index: usize,
    /// The hash of the module.
    pub hash: String,
    /// The commit's id.
    pub commit: String,
    /// The author's name.
    pub author: String,
    /// The author time, in seconds since 1970-01-01 UTC.
    pub date: i64,
    /// The commit message.
    pub message: String,
    /// Whether this is the module that the path has now.
    pub current: bool,
}

impl VersionJson {
    /// Combines the number and the hash of a version with its commit.
    pub fn new((index, hash): (usize, ModuleHash), commit: CommitJson, current: bool) -> Self {
        Self {
            index,
            hash: hash.to_string(),
            commit: commit.commit,
            author: commit.author,
            date: commit.date,
            message: commit.message,
            current,
        }
    }
}
