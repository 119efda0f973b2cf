//! The gix handles of one write transaction. Each is created on first use, because creating a handle copies the list of packs.

use std::cell::OnceCell;
use std::sync::Arc;

use gix::odb::memory::Storage;

use crate::repo::error::{Error, Result};
use crate::repo::objects::db::ObjectDb;

/// The gix handles of a transaction. All of them use the `gix::ThreadSafeRepository` that was open when the transaction began.
pub(crate) struct TxnHandles {
    repo: Arc<gix::ThreadSafeRepository>,
    format: gix::hash::Kind,
    reopen_count: u64,
    memory: OnceCell<gix::Repository>,
    known: OnceCell<gix::Repository>,
}

impl TxnHandles {
    /// Creates the handles. They use the `gix::ThreadSafeRepository` that `objects` has open at this moment.
    ///
    /// # Errors
    /// `Missing` if there is no repository.
    pub(crate) fn new(objects: &ObjectDb) -> Result<Self> {
        let handle = objects.shared_handle().ok_or_else(|| Error::Missing {
            id: "HEAD".to_owned(),
        })?;
        Ok(Self {
            repo: Arc::clone(&handle.repo),
            format: handle.format,
            reopen_count: handle.reopen_count,
            memory: OnceCell::new(),
            known: OnceCell::new(),
        })
    }

    /// Returns the hash function of the repository's object ids.
    pub(crate) fn format(&self) -> gix::hash::Kind {
        self.format
    }

    /// Returns how many times the repository had been opened again before the transaction began: see `gix_handle.rs`.
    pub(crate) fn reopen_count(&self) -> u64 {
        self.reopen_count
    }

    /// Returns a handle that finds every stored object, and keeps new objects in memory instead of writing them to the disk.
    pub(crate) fn with_memory(&self) -> &gix::Repository {
        let make = || self.repo.to_thread_local().with_object_memory();
        self.memory.get_or_init(make)
    }

    /// Returns a handle that finds the objects in the packs that this process has listed, and does not look for new packs.
    pub(crate) fn without_refresh(&self) -> &gix::Repository {
        self.known.get_or_init(|| {
            let mut repo = self.repo.to_thread_local();
            repo.objects.refresh_never();
            repo
        })
    }

    /// Takes the new objects out of the memory of the handle. Until [`Self::set_memory`] is called, a write through [`Self::with_memory`]
    /// would go to the disk.
    pub(crate) fn take_memory(&mut self) -> Storage {
        self.with_memory();
        let repo = self.memory.get_mut().expect("BUG: it was made above");
        repo.objects.take_object_memory().unwrap_or_default()
    }

    pub(crate) fn set_memory(&mut self, objects: Storage) {
        self.with_memory();
        let repo = self.memory.get_mut().expect("BUG: it was made above");
        repo.objects.set_object_memory(objects);
    }
}
