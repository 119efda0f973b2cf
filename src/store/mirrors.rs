//! Locks, files and reachability queries for mirrors.

use std::path::PathBuf;
use std::time::Duration;

use super::error::Result;
use super::open::Store;
use crate::names::{MirrorName, ObjectId, RemoteUrl};
use crate::repo::MirrorLock;

impl Store {
    /// Takes the lock of a mirror. Returns `None` if another process still holds the lock after `timeout`.
    pub fn lock_mirror(&self, name: &MirrorName, timeout: Duration) -> Result<Option<MirrorLock>> {
        Ok(self.repo.lock_mirror(name, timeout)?)
    }

    /// Returns the directory that contains the state files of the mirrors.
    pub fn mirrors_dir(&self) -> PathBuf {
        self.repo.mirrors_dir()
    }

    /// Adds a git remote to which the store is mirrored. A push to the remote makes its refs equal to the refs of this repository.
    pub fn add_mirror(&self, name: &MirrorName, url: &RemoteUrl) -> Result<()> {
        Ok(self.repo.add_mirror(name, url)?)
    }

    /// Changes the URL of a mirror.
    pub fn set_mirror_url(&self, name: &MirrorName, url: &RemoteUrl) -> Result<()> {
        Ok(self.repo.set_mirror_url(name, url)?)
    }

    /// Fsyncs the repository's configuration after git has written it.
    pub fn fsync_config(&self) -> Result<()> {
        Ok(self.repo.sync_config()?)
    }

    /// Returns the committer time, in seconds since 1970-01-01 UTC, of the oldest commit that is reachable from `tip` and from none of
    /// `mirrored`; `None` if there is no such commit.
    pub fn oldest_unmirrored_s(&self, tip: ObjectId, mirrored: &[ObjectId]) -> Result<Option<i64>> {
        Ok(self.repo.objects().oldest_missing(tip, mirrored)?)
    }

    /// Returns the `ids` that no branch or tag points to or reaches.
    pub fn unreachable(&self, ids: &[ObjectId]) -> Result<Vec<ObjectId>> {
        Ok(self.repo.refs().unreached(ids)?)
    }
}
