//! Lists the versions of a path.

use std::collections::HashSet;
use std::sync::Arc;

use super::error::{Error, Result};
use super::open::Store;
use super::revision::Revision;
use crate::index::OwnChange;
use crate::names::{CommitId, ModuleHash, ModulePath};

/// One version of a path: a module that was put at the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// The hash of the module.
    pub hash: ModuleHash,
    /// The oldest commit that put the module at the path.
    pub commit: CommitId,
}

impl Version {
    /// Returns the version of `path` at `index` in `versions`.
    ///
    /// # Errors
    /// The index is out of range; `versions` is empty.
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
    /// Returns the versions of `path` in the history of `revision`, oldest first: each module that some commit has at `path`, but that none
    /// of the commit's parents has there. Lists each hash once, with its oldest commit, even if the path was removed in between. Returns an
    /// empty list for an unknown path.
    pub fn versions(&self, revision: &Revision, path: &ModulePath) -> Result<Vec<Version>> {
        Ok(self.version_list(revision, path)?.to_vec())
    }

    /// Returns the same list as [`versions`](Self::versions), shared with the cache and with other readers. A caller that needs one part of
    /// the list now and another part later can call this again instead of keeping the list.
    pub fn version_list(&self, revision: &Revision, path: &ModulePath) -> Result<Arc<[Version]>> {
        self.read(revision, |resolved| match resolved.commit {
            Some(tip) => self.version_lists.get_or_compute(tip, path, || {
                let changes = self.query_index(tip, |index| Ok(index.own_changes(tip, path)?))?;
                let mut seen = HashSet::new();
                let versions = changes.into_iter().filter_map(|change| {
                    let OwnChange { commit, module } = change;
                    let hash = module.filter(|hash| seen.insert(*hash))?;
                    Some(Version { hash, commit })
                });
                Ok(versions.collect())
            }),
            None => Ok(Arc::default()),
        })
    }

    /// Returns the version of `path` at `index`; the oldest version has the index 0.
    ///
    /// # Errors
    /// The index is out of range; `path` never existed.
    pub fn version(&self, revision: &Revision, path: &ModulePath, index: usize) -> Result<Version> {
        Version::nth(&self.version_list(revision, path)?, path, index)
    }

    /// Returns every commit in which the module at `path` differs from the module at `path` in each of its parents, oldest first.
    pub(super) fn own_changes(
        &self,
        revision: &Revision,
        path: &ModulePath,
    ) -> Result<Vec<OwnChange>> {
        self.read(revision, |resolved| match resolved.commit {
            Some(tip) => self.query_index(tip, |index| Ok(index.own_changes(tip, path)?)),
            None => Ok(Vec::new()),
        })
    }
}
