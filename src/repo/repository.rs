//! The repository as the store uses it: a facade over its parts and over the operations that combine them.

use std::path::{Path, PathBuf};

use crate::config::{CacheLimits, PushLimits};
use crate::names::BranchName;
use crate::repo::error::Result;
use crate::repo::lifecycle::create::ObjectFormat;
use crate::repo::lifecycle::open::is_absent;
use crate::repo::objects::cache::CacheUse;
use crate::repo::objects::count::ObjectCounts;
use crate::repo::objects::db::ObjectDb;
use crate::repo::parts::Parts;
use crate::repo::publish::branches;
use crate::repo::publish::decision::{Decision, Published};
use crate::repo::publish::draft::Draft;
use crate::repo::publish::group_commit::Publisher;
use crate::repo::publish::write_txn::WriteTxn;
use crate::repo::push::incoming::Incoming;
use crate::repo::refs::store::RefStore;
use crate::repo::refs::watcher::RefWatcher;

/// A bare git repository that is a store. A store that does not exist yet reads as empty.
pub struct Repository {
    pub(in crate::repo) parts: Parts,
    publisher: Publisher,
}

impl Repository {
    /// Opens the store at `root`. A missing or empty directory, or one whose creation was interrupted, opens as an empty store;
    /// nothing is created.
    ///
    /// # Errors
    /// The directory cannot be read, or is not a bare repository in a supported format.
    pub fn open(root: &Path, cache: &CacheLimits) -> Result<Self> {
        let parts = if is_absent(root)? {
            Parts::absent(root, cache)
        } else {
            Parts::open(root, cache)?
        };
        Ok(Self {
            parts,
            publisher: Publisher::default(),
        })
    }

    /// Returns the objects.
    pub fn objects(&self) -> &ObjectDb {
        &self.parts.objects
    }

    /// Returns the refs.
    pub fn refs(&self) -> &RefStore {
        &self.parts.refs
    }

    /// Returns the directory of the store.
    pub fn root(&self) -> &Path {
        self.parts.root()
    }

    /// Returns the directory of wasmstore's own files, `ROOT/wasmstore`.
    pub fn own_dir(&self) -> PathBuf {
        self.parts.own_dir()
    }

    /// Returns whether the store does not exist yet.
    pub fn is_absent(&self) -> bool {
        self.parts.objects.is_absent()
    }

    /// Returns the hash function of the repository's ids; `None` while there is no repository.
    pub fn object_format(&self) -> Option<ObjectFormat> {
        Some(match self.parts.objects.format()? {
            gix::hash::Kind::Sha256 => ObjectFormat::Sha256,
            _ => ObjectFormat::Sha1,
        })
    }

    /// Returns the hits and misses of the module cache and of the tree cache.
    pub fn cache_uses(&self) -> [CacheUse; 2] {
        self.parts.objects.caches.uses()
    }

    /// Counts the objects by file names and by the headers of pack indices.
    pub fn count_objects(&self) -> Result<ObjectCounts> {
        let packed = self.parts.packs.count()?;
        Ok(ObjectCounts {
            loose: self.parts.objects.count_loose(),
            ..packed
        })
    }

    /// Subscribes to ref changes.
    pub fn watch_refs(&self) -> RefWatcher {
        RefWatcher::new(self.root())
    }

    /// Opens the store's objects together with those of a push in `quarantine`, a directory of objects.
    ///
    /// # Errors
    /// The directory cannot be read; there is no store.
    pub fn incoming(&self, quarantine: Option<&Path>, limits: PushLimits) -> Result<Incoming> {
        Incoming::open(&self.parts.objects, quarantine, limits)
    }

    /// Begins a write transaction.
    ///
    /// # Errors
    /// The store does not exist or cannot be written, or a `gc` deletes objects for longer than a minute.
    pub fn begin(&self) -> Result<WriteTxn<'_>> {
        WriteTxn::begin(&self.parts)
    }

    /// Publishes one change on `branch`, or on the default branch: see [`Publisher::publish`].
    pub fn publish<T, E: From<crate::repo::Error>>(
        &self,
        txn: WriteTxn<'_>,
        branch: Option<&BranchName>,
        decide: impl FnMut(&mut Draft<'_>) -> Result<(Decision, T), E>,
    ) -> Result<Published<T>, E> {
        self.publisher.publish(txn, branch, decide)
    }

    /// Makes `branch` the default branch. If it does not exist, it is created at the tip of `from`, or of the current default branch.
    pub fn set_default_branch(&self, branch: &BranchName, from: Option<&BranchName>) -> Result<()> {
        branches::set_default_branch(&self.parts, branch, from)
    }

    /// Deletes a branch. Objects that only this branch reached stay until the next `gc`.
    pub fn delete_branch(&self, branch: &BranchName) -> Result<()> {
        branches::delete_branch(&self.parts, branch)
    }
}
