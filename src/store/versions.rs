//! The versions of a path.

use std::collections::HashSet;

use super::error::{Error, Result};
use super::open::Store;
use super::revision::Revision;
use crate::index::OwnChange;
use crate::names::{CommitId, ModuleHash, ModulePath};

/// One version of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// The module.
    pub hash: ModuleHash,
    /// The oldest commit that made it the path's value.
    pub commit: CommitId,
}

impl Version {
    /// One of the versions of `path`.
    ///
    /// # Errors
    /// There are fewer; there are none.
    pub fn nth(versions: &[Self], path: &ModulePath, index: usize) -> Result<Self> {
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
}

impl Store {
    /// The versions of `path` in the history of `at`: the values that some commit gave it which none of its parents had there.
    /// Oldest first, each hash once with its oldest commit; also after the path is removed. None for an unknown path.
    pub fn versions(&self, at: &Revision, path: &ModulePath) -> Result<Vec<Version>> {
        let mut seen = HashSet::new();
        let own = self.own_changes(at, path)?.into_iter();
        let versions = own.filter_map(|OwnChange { commit, module }| {
            let hash = module?;
            Some(Version { hash, commit })
        });
        Ok(versions
            .filter(|version| seen.insert(version.hash))
            .collect())
    }

    /// One version of `path`, counted from the oldest, which is 0.
    ///
    /// # Errors
    /// There are fewer; nothing was ever there.
    pub fn version(&self, at: &Revision, path: &ModulePath, index: usize) -> Result<Version> {
        Version::nth(&self.versions(at, path)?, path, index)
    }

    /// Every commit whose value of `path` differs from that of every parent, with that value, oldest first.
    pub(super) fn own_changes(&self, at: &Revision, path: &ModulePath) -> Result<Vec<OwnChange>> {
        self.read(at, |view| match view.commit {
            Some(tip) => self.ask(tip, |index| Ok(index.own_changes(tip, path)?)),
            None => Ok(Vec::new()),
        })
    }
}
