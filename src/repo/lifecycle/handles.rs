//! The handles of gix that a change looks through, made when first used: each takes a copy of the list of packs.

use std::cell::OnceCell;
use std::sync::{Arc, PoisonError};

use gix::odb::memory::Storage;

use crate::repo::error::{Error, Result};
use crate::repo::lifecycle::open::Repository;

/// The repository, opened as it was when the change began.
pub(crate) struct Handles {
    opened: Arc<gix::ThreadSafeRepository>,
    format: gix::hash::Kind,
    opening: u64,
    local: OnceCell<gix::Repository>,
    seen: OnceCell<gix::Repository>,
}

impl Handles {
    pub(crate) fn new(repository: &Repository) -> Result<Self> {
        let opened = repository.shared.as_ref().ok_or_else(|| Error::Missing {
            id: "HEAD".to_owned(),
        })?;
        let opened = opened.read().unwrap_or_else(PoisonError::into_inner);
        Ok(Self {
            opened: Arc::clone(&opened.repo),
            format: opened.format,
            opening: opened.opening,
            local: OnceCell::new(),
            seen: OnceCell::new(),
        })
    }

    /// The hash function of the repository's ids.
    pub(crate) fn format(&self) -> gix::hash::Kind {
        self.format
    }

    /// Which opening of the repository this is: after objects were deleted it is another.
    pub(crate) fn opening(&self) -> u64 {
        self.opening
    }

    /// A handle that finds whatever is stored, and keeps new objects in memory.
    pub(crate) fn local(&self) -> &gix::Repository {
        let make = || self.opened.to_thread_local().with_object_memory();
        self.local.get_or_init(make)
    }

    /// A handle that finds what this process has seen of the store, and does not look whether there is more.
    pub(crate) fn seen(&self) -> &gix::Repository {
        self.seen.get_or_init(|| {
            let mut seen = self.opened.to_thread_local();
            seen.objects.refresh_never();
            seen
        })
    }

    /// Takes the new objects out of memory. Until they are set again, what is written through `local` goes to the disk.
    pub(crate) fn take_memory(&mut self) -> Storage {
        self.local();
        let local = self.local.get_mut().expect("BUG: it was made above");
        local.objects.take_object_memory().unwrap_or_default()
    }

    pub(crate) fn set_memory(&mut self, objects: Storage) {
        self.local();
        let local = self.local.get_mut().expect("BUG: it was made above");
        local.objects.set_object_memory(objects);
    }
}
