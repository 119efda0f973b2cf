//! The repository as the store uses it: a facade of the parts in `src/repo`, and the operations that combine them. The modules below it add
//! more operations: `settings` for the configuration, `replica` for a replica, `maintenance` for gc, verify and backup.

mod maintenance;
mod replica;
mod settings;
mod shared;
#[cfg(test)]
mod temporary;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::{CacheLimits, PushLimits};
use crate::names::{BranchName, CommitId};
use crate::repo::authority::LocalRefs;
use crate::repo::error::{Error, Result};
use crate::repo::ids::object_id;
use crate::repo::lifecycle::create::{ObjectFormat, create_if_absent};
use crate::repo::lifecycle::open::is_absent;
use crate::repo::objects::cache::CacheUse;
use crate::repo::objects::count::ObjectCounts;
use crate::repo::objects::db::ObjectDb;
use crate::repo::parts::Parts;
use crate::repo::publish::branches;
use crate::repo::publish::change_refs::ChangeRefs;
use crate::repo::publish::decision::{Decision, Published};
use crate::repo::publish::draft::Draft;
use crate::repo::publish::group_commit::Publisher;
use crate::repo::publish::write_txn::WriteTxn;
use crate::repo::push::incoming::IncomingObjects;
use crate::repo::refs::registry_tips::RegistryTips;
use crate::repo::refs::store::RefStore;
use crate::repo::refs::watcher::RefWatcher;

/// A bare git repository with a store. If the store does not exist yet, it is read as an empty store.
pub struct Repository {
    parts: Parts,
    publisher: Publisher,
}

impl Repository {
    /// Opens the store at `root`. If the directory is missing or empty, or its creation was interrupted, opens an empty store and creates
    /// nothing.
    ///
    /// # Errors
    /// The directory cannot be read, or is not a bare repository in a supported format.
    pub fn open(root: &Path, cache: &CacheLimits) -> Result<Self> {
        let parts = if is_absent(root)? {
            Parts::absent(root, cache)
        } else {
            Parts::open(root, cache, Arc::new(LocalRefs))?
        };
        Ok(Self {
            parts,
            publisher: Publisher::default(),
        })
    }

    /// Opens the store at `root`. If it does not exist, first creates it with `branch` as the default branch. Many processes may do this at
    /// the same time. `format` is used only for a new store.
    ///
    /// # Errors
    /// The errors of `open`; the directory or its parents cannot be written; the directory contains other files.
    pub fn open_or_create(
        root: &Path,
        cache: &CacheLimits,
        format: ObjectFormat,
        branch: &BranchName,
    ) -> Result<Self> {
        create_if_absent(root, format, branch)?;
        Self::open(root, cache)
    }

    /// Returns the object database.
    pub fn objects(&self) -> &ObjectDb {
        &self.parts.objects
    }

    /// Returns the ref store.
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

    /// Returns the hash function of the repository's object ids; `None` if there is no repository yet.
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

    /// Counts the objects without reading them: counts the files of loose objects, and adds up the counts in the headers of pack indices.
    pub fn count_objects(&self) -> Result<ObjectCounts> {
        let packed = self.parts.packs.count()?;
        Ok(ObjectCounts {
            loose: self.parts.objects.count_loose(),
            ..packed
        })
    }

    /// Returns a watcher that wakes up when a ref changes.
    pub fn watch_refs(&self) -> RefWatcher {
        RefWatcher::new(self.root())
    }

    /// Begins a write transaction.
    ///
    /// # Errors
    /// The store does not exist or cannot be written; a `gc` deletes objects for longer than a minute.
    pub fn begin(&self) -> Result<WriteTxn<'_>> {
        WriteTxn::begin(&self.parts)
    }

    /// Publishes one change on `branch`, or on the default branch. Calls `decide` with a draft: an editable copy of the tree at the
    /// branch's tip. If another writer moves the branch, calls `decide` again on the new tip.
    ///
    /// # Errors
    /// The error of `decide`; `UnknownBranch`; `Moved` if other writers moved the branch again and again for too long; `Batch` if the
    /// change could not be made durable. After these errors the branch is unchanged. After `Unconfirmed` it may have moved.
    pub fn publish<T, E: From<Error>>(
        &self,
        txn: WriteTxn<'_>,
        branch: Option<&BranchName>,
        decide: impl FnMut(&mut Draft<'_>) -> Result<(Decision, T), E>,
    ) -> Result<Published<T>, E> {
        self.publisher.publish(txn, branch, decide)
    }

    /// Publishes one change of several refs like [`publish`](Self::publish): calls `decide` with a draft for each ref, the branch first;
    /// `decide` must return a decision for each draft. Moves either both refs or none, except after a crash or a failure of the disk: the
    /// refs move one after the other, `refs/oci/records` first, so only that ref may have moved.
    ///
    /// # Errors
    /// The errors of [`publish`](Self::publish).
    pub fn publish_refs<T, E: From<Error>>(
        &self,
        txn: WriteTxn<'_>,
        refs: ChangeRefs<'_>,
        decide: impl FnMut(&mut [Draft<'_>]) -> Result<(Vec<Decision>, T), E>,
    ) -> Result<Published<T>, E> {
        self.publisher.publish_refs(txn, refs, decide)
    }

    /// Calls `read` with a [`Draft`] of a commit: the editable copy of its tree that a change would get. Publishes nothing.
    ///
    /// # Errors
    /// There is no such commit; the errors of `read`.
    pub fn with_draft<T, E: From<Error>>(
        &self,
        tip: CommitId,
        read: impl FnOnce(&Draft<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let repo = self.objects().handle_for(tip)?;
        let id = object_id(&repo, tip.as_bytes()).ok_or(Error::UnknownCommit(tip))?;
        let draft = Draft::new(&repo, Some(id), self.refs(), Vec::new())?;
        read(&draft)
    }

    /// Returns the tip of `refs/oci/records` and the tips of all branches, read together: if a change moves both the records and a branch,
    /// the result has either both new tips or both old tips.
    ///
    /// # Errors
    /// `UncollectableRef` if a branch is broken; the refs cannot be read or locked.
    pub fn tips_between_changes(&self) -> Result<RegistryTips> {
        let _refs_lock = self.parts.locks.refs()?;
        self.refs().registry_tips()
    }

    /// Makes `branch` the default branch. If it does not exist, creates it at the tip of `from`, or of the current default branch if `from`
    /// is `None`.
    ///
    /// # Errors
    /// `UnknownBranch`, `BranchClash`. After an error, no branch was created.
    pub fn set_default_branch(&self, branch: &BranchName, from: Option<&BranchName>) -> Result<()> {
        branches::set_default_branch(&self.parts, branch, from, || Ok(()))
    }

    /// Deletes a branch. Objects that only this branch reached stay until the next `gc`. If `expected` is given and the branch has another
    /// tip, returns that tip and deletes nothing.
    ///
    /// # Errors
    /// The branch does not exist, or is the default branch.
    pub fn delete_branch(
        &self,
        branch: &BranchName,
        expected: Option<CommitId>,
    ) -> Result<Option<CommitId>> {
        branches::delete_branch(&self.parts, branch, expected)
    }

    /// Opens the store's objects together with the pushed objects in the directory `quarantine`. If `quarantine` is `None`, opens only the
    /// store's objects.
    ///
    /// # Errors
    /// The directory `quarantine` cannot be read; there is no store.
    pub fn incoming(
        &self,
        quarantine: Option<&Path>,
        limits: PushLimits,
    ) -> Result<IncomingObjects> {
        IncomingObjects::open(&self.parts.objects, quarantine, limits)
    }
}
