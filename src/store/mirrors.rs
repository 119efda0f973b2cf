//! What mirrors ask of the store.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{Error, Result};
use super::open::Store;
use crate::names::{BranchName, MirrorName, ObjectId};
use crate::repo::{MirrorLock, Restoring};

impl Store {
    /// Takes the lock of a mirror; `None` if others hold it until `limit` has passed.
    pub fn lock_mirror(&self, name: &MirrorName, limit: Duration) -> Result<Option<MirrorLock>> {
        Ok(self.repo.lock_mirror(name, limit)?)
    }

    /// The folder for what is known of mirrors.
    pub fn mirrors_dir(&self) -> PathBuf {
        self.repo.mirrors_dir()
    }

    /// Makes durable what git wrote to the repository's configuration.
    pub fn fsync_config(&self) -> Result<()> {
        Ok(self.repo.flush_config()?)
    }

    /// The committer time, in seconds since 1970-01-01 UTC, of the oldest commit that `tip` reaches and none of `known` does; `None`
    /// if there is no such commit.
    pub fn oldest_unmirrored_s(&self, tip: ObjectId, known: &[ObjectId]) -> Result<Option<i64>> {
        Ok(self.repo.objects().oldest_missing(tip, known)?)
    }

    /// Which of `ids` no branch or tag reaches, nor is.
    pub fn unreachable(&self, ids: &[ObjectId]) -> Result<Vec<ObjectId>> {
        Ok(self.repo.refs().unreached(ids)?)
    }

    /// Makes a store at `root`, which is missing or empty, of another repository: `copy` makes a bare copy of that in the folder
    /// that it is given. The default branch is `branch`, or what the copy's `HEAD` names, or `main`, or the only one. If this fails
    /// or is killed, there is no store.
    ///
    /// # Errors
    /// Something is at `root`; what `copy` returns; the copy cannot be a store.
    pub fn create_from_clone<E: From<Error>>(
        root: &Path,
        branch: Option<&BranchName>,
        copy: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<BranchName, E> {
        let restoring = Restoring::begin(root).map_err(Error::from)?;
        let restoring = restoring.ok_or_else(|| Error::TargetNotEmpty(root.to_owned()))?;
        copy(&restoring.folder())?;
        Ok(restoring.finish(branch).map_err(Error::from)?)
    }
}
