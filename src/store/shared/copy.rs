//! Opens copies of a store in a bucket, and moves a store into a bucket.

use std::path::{Path, absolute};
use std::sync::Arc;

use crate::config::Options;
use crate::names::BranchName;
use crate::repo::{self, Authority, BucketMark, NewShared, ObjectFormat, PackFiles, Repository};
use crate::store::error::{Error, Result};
use crate::store::open::Store;

impl Store {
    /// Opens the copy at `root` of a store in a bucket. `mark` identifies that store, and `authority` moves its refs. If there is nothing
    /// at `root`, creates an empty copy with the object format `format`. The copy may be old: call [`follow`](Self::follow) to update it.
    ///
    /// # Errors
    /// `root` is a store with a history of its own, or a copy of another store; `root` cannot be read or written.
    pub fn open_shared(
        root: &Path,
        options: Options,
        authority: Arc<dyn Authority>,
        mark: &BucketMark,
        format: ObjectFormat,
    ) -> Result<Self> {
        match Repository::bucket_mark_of(root)? {
            Some(found) if found.store != mark.store => {
                return Err(Error::CopyOfOther {
                    root: absolute(root).unwrap_or_else(|_| root.to_owned()),
                    url: mark.url.clone(),
                });
            }
            Some(_) => {}
            None => check_no_history(root, options, &mark.url)?,
        }
        let main: BranchName = "main".parse().expect("BUG: main is a branch name");
        let repo = Repository::open_shared(root, &options.cache, authority, format, &main, mark)?;
        repo.sweep()?;
        repo.set_bucket_mark(mark)?;
        Self::new(repo, options)
    }

    /// Returns the mark that identifies the bucket and the store of which `root` is a copy; `None` if there is no store at `root`, or if it
    /// is not a copy.
    ///
    /// # Errors
    /// The configuration cannot be read.
    pub fn bucket_mark_of(root: &Path) -> Result<Option<BucketMark>> {
        Ok(Repository::bucket_mark_of(root)?)
    }

    /// Returns whether the copy at `root` has recorded that the conditional writes of the bucket at `location` are atomic. `location` is the
    /// URL and the endpoint, because the bucket with this URL at another endpoint is in another object store.
    ///
    /// # Errors
    /// The configuration cannot be read.
    pub fn is_bucket_probed(root: &Path, location: &str) -> Result<bool> {
        Ok(Repository::is_bucket_probed(root, location)?)
    }

    /// Records in this copy that the conditional writes of the bucket at `location` (URL and endpoint) are atomic.
    ///
    /// # Errors
    /// The configuration cannot be written.
    pub fn note_bucket_probed(&self, location: &str) -> Result<()> {
        Ok(self.repo.note_bucket_probed(location)?)
    }

    /// Returns whether `root` contains only what is left of a copy that was deleted while it was in use. Such a copy cannot be opened before
    /// [`open_shared`](Self::open_shared) has made it again.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn is_remains_of_copy(root: &Path) -> Result<bool> {
        Ok(Repository::is_remains_of_copy(root)?)
    }

    /// Moves this store into a bucket: calls `create`, which must copy the store there and return its mark, and makes this directory a copy
    /// of the store in the bucket. From then on, writes require the bucket.
    ///
    /// # Errors
    /// This store is a replica or a copy already; a ref is broken; the error of `create`.
    pub fn share<E: From<Error>>(
        &self,
        create: impl FnOnce(&NewShared) -> Result<BucketMark, E>,
    ) -> Result<BucketMark, E> {
        self.ensure_writable()?;
        let shared = self
            .repo
            .share(|new| create(new).map_err(ShareError::Create));
        shared.map_err(|error| match error {
            ShareError::Create(error) => error,
            ShareError::Repo(error) => Error::from(error).into(),
        })
    }

    /// Returns the files of a pack of this copy; `None` if the copy does not have the pack, or if the pack is damaged.
    ///
    /// # Errors
    /// There is no store.
    pub fn intact_pack(&self, checksum: &str) -> Result<Option<PackFiles>> {
        Ok(self.repo.intact_pack(checksum)?)
    }

    /// Returns whether this process was started with the bucket of this store. Returns false for a store that is not in a bucket.
    pub fn is_shared(&self) -> bool {
        self.repo.is_shared()
    }
}

/// The reason why a store was not moved into a bucket.
enum ShareError<E> {
    Create(E),
    Repo(repo::Error),
}

impl<E> From<repo::Error> for ShareError<E> {
    fn from(error: repo::Error) -> Self {
        Self::Repo(error)
    }
}

/// Checks that the directory `root` has no history that would be lost if it became a copy of the store at `url`.
fn check_no_history(root: &Path, options: Options, url: &str) -> Result<()> {
    if Repository::is_remains_of_copy(root)? {
        return Ok(());
    }
    let repo = Repository::open(root, &options.cache)?;
    if repo.is_absent() || !repo.has_own_history()? {
        return Ok(());
    }
    Err(Error::OwnHistoryNotShared {
        root: absolute(root).unwrap_or_else(|_| root.to_owned()),
        url: url.to_owned(),
    })
}
