//! The versions of a path.

use std::collections::{HashMap, HashSet};

use super::error::{Error, Result};
use super::open::Store;
use super::view::At;
use crate::names::{CommitId, ModuleHash, ModulePath};
use crate::repo::{Aged, Commit, Node};

/// One version of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// The module.
    pub hash: ModuleHash,
    /// The oldest commit that made it the path's value.
    pub commit: CommitId,
}

impl Store {
    /// The versions of `path` in the history of `at`: the values that some commit gave it which none of its parents had there.
    /// Oldest first, each hash once with its oldest commit; also after the path is removed. None for an unknown path.
    pub fn versions(&self, at: &At, path: &ModulePath) -> Result<Vec<Version>> {
        let mut seen = HashSet::new();
        let own = self.own_changes(at, path)?.into_iter();
        let versions = own.filter_map(|(commit, hash)| {
            Some(Version {
                hash: hash?,
                commit: commit.id,
            })
        });
        Ok(versions
            .filter(|version| seen.insert(version.hash))
            .collect())
    }

    /// One version of `path`, counted from the oldest, which is 0.
    ///
    /// # Errors
    /// There are fewer; nothing was ever there.
    pub fn version(&self, at: &At, path: &ModulePath, index: usize) -> Result<Version> {
        let versions = self.versions(at, path)?;
        match versions.get(index) {
            Some(version) => Ok(*version),
            None if versions.is_empty() => Err(Error::NeverExisted(path.to_string())),
            None => Err(Error::NoVersion {
                path: path.to_string(),
                index,
                count: versions.len(),
            }),
        }
    }

    /// Every commit whose value of `path` differs from that of every parent, with that value, oldest first.
    pub(super) fn own_changes(
        &self,
        at: &At,
        path: &ModulePath,
    ) -> Result<Vec<(Commit, Option<ModuleHash>)>> {
        self.read(at, |view| {
            let Some(tip) = view.commit else {
                return Ok(Vec::new());
            };
            let history = self.repo.history(tip)?;
            let nodes = self.repo.nodes(
                history.iter().map(|aged| aged.commit.tree),
                path.as_tree_path(),
            )?;
            let values: HashMap<CommitId, Option<ModuleHash>> = history
                .iter()
                .map(|aged| aged.commit.id)
                .zip(nodes.into_iter().map(module))
                .collect();
            let own = |commit: &Commit| match commit.parents.is_empty() {
                true => values[&commit.id].is_some(),
                false => commit
                    .parents
                    .iter()
                    .all(|parent| values[parent] != values[&commit.id]),
            };
            let own_changes = history
                .into_iter()
                .map(|Aged { commit, .. }| commit)
                .filter(own);
            Ok(own_changes
                .map(|commit| (values[&commit.id], commit))
                .map(|(value, commit)| (commit, value))
                .collect())
        })
    }
}

fn module(node: Option<Node>) -> Option<ModuleHash> {
    match node {
        Some(Node::Module(hash)) => Some(hash),
        Some(Node::Folder(_) | Node::Foreign) | None => None,
    }
}
