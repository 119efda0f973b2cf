//! The JSON shapes that several commands share.

use serde::{Serialize, Serializer};

use crate::names::{ModuleHash, ModulePath};
use crate::store;

/// A value whose JSON is the string that it displays as.
pub(super) struct Text<T>(pub T);

impl<T: std::fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Modules as an object from path to hash, in the order given.
pub(super) struct Modules<'m>(pub &'m [(ModulePath, ModuleHash)]);

impl Serialize for Modules<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(path, hash)| (Text(path), Text(hash))))
    }
}

/// A commit.
#[derive(Serialize)]
pub(super) struct Commit<'c> {
    hash: String,
    parents: Vec<String>,
    author: &'c str,
    date: i64,
    message: &'c str,
}

impl<'c> From<&'c store::Commit> for Commit<'c> {
    fn from(commit: &'c store::Commit) -> Self {
        Self {
            hash: commit.id.to_string(),
            parents: commit.parents.iter().map(ToString::to_string).collect(),
            author: &commit.author,
            date: commit.date_s,
            message: &commit.message,
        }
    }
}
