//! Empty files for the next pack. Threads that wait for their batch create them, because creating a file takes long on a busy disk, and the
//! thread that publishes the batch needs two.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use tempfile::NamedTempFile;

use crate::repo::packs::writer::new_file;

/// The number of files that a batch needs: one for the pack, one for its index.
const FILES: usize = 2;

/// New files for the pack of one batch. Files that are not used are deleted when this is dropped.
#[derive(Default)]
pub(crate) struct PreallocatedFiles {
    creators: AtomicUsize,
    files: Mutex<Vec<NamedTempFile>>,
}

impl PreallocatedFiles {
    /// Creates a file in the directory `tmp`. Does nothing if other calls have already created, or are creating, all files that a batch
    /// needs.
    pub(crate) fn add(&self, tmp: &Path) {
        if self.creators.fetch_add(1, Ordering::Relaxed) < FILES {
            // Ignores an error, because the thread that publishes tries again and reports it.
            let file = new_file(tmp).ok();
            let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
            files.extend(file);
        }
    }

    /// Takes the files that were created so far.
    pub(crate) fn take(&self) -> Vec<NamedTempFile> {
        std::mem::take(&mut self.files.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
