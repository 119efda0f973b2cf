//! Finds the commits that clients may name in a request: the commits that a branch or tag reaches.
//!
//! The commits of the OCI registry (`refs/oci/records`) contain records, which are not validated as modules. If a client could read or
//! restore such a commit, or create a branch at it, the store would serve records as modules.

use super::error::{Error, Result};
use super::open::Store;
use crate::names::{CommitId, RefName};
use crate::repo::{self, Commit};

impl Store {
    /// Returns a commit whose id a client has sent.
    ///
    /// # Errors
    /// `UnknownCommit` if there is no such commit, or if it may be a commit of the registry: the store has records, and no branch or tag
    /// reaches the commit.
    pub(super) fn named_commit(&self, id: CommitId) -> Result<Commit> {
        let commit = self.repo.objects().commit(id)?;
        // If the registry's ref is broken, its commits may still exist.
        let has_records = !matches!(self.repo.refs().oci_tip(), Ok(None));
        if has_records && !self.is_of_modules(id)? {
            return Err(repo::Error::UnknownCommit(id).into());
        }
        Ok(commit)
    }

    /// Returns whether the store once had a commit that `gc` has deleted since.
    ///
    /// # Errors
    /// The index or the repository cannot be read.
    pub fn was_dropped(&self, id: CommitId) -> Result<bool> {
        let is_indexed = self.with_index(|index| Ok(index.contains(id)?))?;
        Ok(is_indexed && self.repo.objects().commit(id).is_err())
    }

    /// Returns whether a commit is in the version index, or a branch or tag reaches it.
    fn is_of_modules(&self, id: CommitId) -> Result<bool> {
        let is_indexed = || self.with_index(|index| Ok(index.contains(id)?));
        if is_indexed()? {
            return Ok(true);
        }
        self.catch_up_all()?;
        if is_indexed()? {
            return Ok(true);
        }
        // Now the index has all commits of branches, so only a tag can still reach the commit.
        let incoming = self.repo.incoming(None, self.options.push)?;
        for (name, tip) in self.refs()? {
            let commit = match (name, tip) {
                (RefName::Tag(_), tip) => incoming.peel(tip)?,
                (RefName::Branch(_) | RefName::Oci, _) => None,
            };
            if let Some(commit) = commit
                && self.reaches_unindexed(commit, id)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns whether the commit `tip` reaches the commit `id`. The index must not contain `id`.
    fn reaches_unindexed(&self, tip: CommitId, id: CommitId) -> Result<bool> {
        self.with_index(|index| {
            let is_known = |id| Ok::<_, Error>(index.contains(id)?);
            let unknown = self
                .repo
                .objects()
                .unknown_history(tip, usize::MAX, is_known)?;
            Ok(unknown.into_iter().flatten().any(|node| node.id == id))
        })
    }
}
