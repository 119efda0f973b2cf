//! The object database: the gix handle that all threads share, the caches, and reading objects through them.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::config::CacheLimits;
use crate::names::{CommitId, ModuleHash};
use crate::repo::error::{Error, Result};
use crate::repo::ids::object_id;
use crate::repo::objects::cache::{Blob, Caches};
use crate::repo::objects::commit::{self, Commit};
use crate::repo::objects::copies::find_object;
use crate::repo::objects::find::try_find_header;
use crate::repo::objects::gix_handle::GixHandle;
use crate::repo::objects::spool::Spool;

/// The objects of a repository. If the repository does not exist yet, no object is found.
pub struct ObjectDb {
    root: PathBuf,
    /// `None` while there is no repository at `root`. The handle is replaced when the repository is opened again: see `gix_handle.rs`.
    handle: Option<RwLock<GixHandle>>,
    pub(crate) caches: Caches,
}

impl ObjectDb {
    /// Opens the repository at `root`.
    ///
    /// # Errors
    /// `NotAStore` if `root` is not a bare repository in a supported format; the directory cannot be read.
    pub(crate) fn open(root: &Path, cache: &CacheLimits) -> Result<Self> {
        Ok(Self {
            handle: Some(RwLock::new(GixHandle::open(root)?)),
            ..Self::absent(root, cache)
        })
    }

    /// Returns the empty object database of a repository that does not exist yet.
    pub(crate) fn absent(root: &Path, cache: &CacheLimits) -> Self {
        Self {
            root: root.to_owned(),
            handle: None,
            caches: Caches::new(cache),
        }
    }

    /// Returns the directory of the repository.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the directory of wasmstore's own files, `ROOT/wasmstore`.
    pub(crate) fn own_dir(&self) -> PathBuf {
        self.root.join("wasmstore")
    }

    /// Returns the directory for temporary files, `ROOT/wasmstore/tmp`.
    pub(crate) fn tmp_dir(&self) -> PathBuf {
        self.own_dir().join("tmp")
    }

    /// Returns whether the repository does not exist yet.
    pub(crate) fn is_absent(&self) -> bool {
        self.handle.is_none()
    }

    /// Returns the hash function of the repository's ids; `None` while there is no repository.
    pub(crate) fn format(&self) -> Option<gix::hash::Kind> {
        Some(self.shared_handle()?.format)
    }

    /// Returns a gix handle for this thread; `None` while there is no repository.
    pub(crate) fn handle(&self) -> Option<gix::Repository> {
        Some(self.shared_handle()?.repo.to_thread_local())
    }

    /// Returns a gix handle for this thread.
    ///
    /// # Errors
    /// `Missing` while there is no repository. The error names `id`, the object that the caller wants to read.
    pub(crate) fn handle_for(&self, id: impl std::fmt::Display) -> Result<gix::Repository> {
        self.handle()
            .ok_or_else(|| Error::Missing { id: id.to_string() })
    }

    /// Returns the gix handle that all threads share; `None` while there is no repository.
    pub(crate) fn shared_handle(&self) -> Option<RwLockReadGuard<'_, GixHandle>> {
        let handle = self.handle.as_ref()?;
        Some(handle.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn shared_handle_mut(&self) -> Option<RwLockWriteGuard<'_, GixHandle>> {
        let handle = self.handle.as_ref()?;
        Some(handle.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Opens the repository again if `is_stale` returns `true` for the shared handle.
    pub(crate) fn reopen_if(&self, is_stale: impl FnOnce(&GixHandle) -> bool) -> Result<()> {
        // The read lock is released before the repository is opened: readers continue with the old handle.
        if !self.shared_handle().is_some_and(|handle| is_stale(&handle)) {
            return Ok(());
        }
        let fresh = GixHandle::open(&self.root)?;
        if let Some(mut handle) = self.shared_handle_mut() {
            let reopen_count = handle.reopen_count + 1;
            *handle = GixHandle {
                reopen_count,
                ..fresh
            };
        }
        Ok(())
    }

    /// Opens the repository again if `gc` deleted objects since it was opened. `last_gc` is the time of the last `gc`, which the caller has
    /// read from the file `lock` while holding that lock.
    pub(crate) fn reopen_after_gc(&self, last_gc: u64) -> Result<()> {
        self.reopen_if(|handle| handle.last_gc != last_gc)
    }

    /// Adds `seen` to the names of the pack files that gix may have open, and removes `forgotten` from them.
    pub(crate) fn note_packs(
        &self,
        forgotten: &HashSet<OsString>,
        seen: impl IntoIterator<Item = OsString>,
    ) {
        if let Some(mut handle) = self.shared_handle_mut() {
            handle.packs.retain(|name| !forgotten.contains(name));
            handle.packs.extend(seen);
        }
    }

    /// Returns an empty [`Spool`], which stores the bytes of one upload in memory or in a file.
    pub fn spool(&self) -> Spool {
        Spool::new(&self.tmp_dir())
    }

    /// Returns the bytes of a blob, from the cache if it has them; `None` if there is no object with this id, or if it is not a blob.
    pub fn cached_blob(&self, hash: ModuleHash) -> Result<Option<Blob>> {
        if let Some(blob) = self.caches.blobs.get(&hash) {
            return Ok(Some(blob));
        }
        let blob = self.blob(hash)?.map(Blob::from);
        if let Some(blob) = &blob {
            self.caches.blobs.insert(hash, blob.clone());
        }
        Ok(blob)
    }

    /// Returns the bytes of a blob from the cache; `None` if they are not in the cache.
    pub fn blob_in_memory(&self, hash: ModuleHash) -> Option<Blob> {
        self.caches.blobs.get(&hash)
    }

    /// Reads the bytes of a blob; `None` if there is no object with this id, or if it is not a blob.
    pub fn blob(&self, hash: ModuleHash) -> Result<Option<Vec<u8>>> {
        let Some(repo) = self.handle() else {
            return Ok(None);
        };
        let Some(id) = object_id(&repo, hash.as_bytes()) else {
            return Ok(None);
        };
        let object =
            find_object(&repo, id).map_err(Error::database(format!("read module {hash}")))?;
        Ok(object
            .filter(|object| object.kind == gix::objs::Kind::Blob)
            .map(|object| object.detach().data))
    }

    /// Returns the size of a blob in bytes; `None` if there is no object with this id, or if it is not a blob.
    pub fn blob_size_bytes(&self, hash: ModuleHash) -> Result<Option<u64>> {
        let Some(repo) = self.handle() else {
            return Ok(None);
        };
        let Some(id) = object_id(&repo, hash.as_bytes()) else {
            return Ok(None);
        };
        // If the header is damaged, another copy of the object may have an intact one.
        let Ok(header) = try_find_header(&repo, id) else {
            let bytes = self.blob(hash)?;
            return Ok(bytes.map(|bytes| bytes.len() as u64));
        };
        Ok(header
            .filter(|header| header.kind() == gix::objs::Kind::Blob)
            .map(|header| header.size()))
    }

    /// Reads a commit whose id a user gave.
    ///
    /// # Errors
    /// `UnknownCommit` if the repository has no object with this id, or that object is not a commit.
    pub fn commit(&self, id: CommitId) -> Result<Commit> {
        let repo = self.handle().ok_or(Error::UnknownCommit(id))?;
        commit::read(&repo, id)
    }

    /// Reads a commit to which a ref or another commit points, from the cache if it has the commit.
    ///
    /// # Errors
    /// `Missing` if the commit does not exist: the repository is damaged, or a `gc` is deleting the commit at this moment.
    pub fn linked_commit(&self, id: CommitId) -> Result<Commit> {
        let read = || commit::read_linked(&self.handle_for(id)?, id).map(Arc::new);
        let commit = self.caches.commits.get_or_insert_with(&id, read)?;
        Ok((*commit).clone())
    }
}
