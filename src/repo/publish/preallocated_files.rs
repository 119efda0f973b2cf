//! What those do who wait for a batch: creating a file takes long where the disk is busy, and whoever publishes needs two.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use tempfile::NamedTempFile;

use crate::repo::packs::writer::new_file;

/// A pack and its index.
const FILES: usize = 2;

/// New files for the pack of one batch. Those that are not used are removed with it.
#[derive(Default)]
pub(crate) struct Prepared {
    helpers: AtomicUsize,
    files: Mutex<Vec<NamedTempFile>>,
}

impl Prepared {
    /// Creates a file in the folder `tmp`, if there are not enough in the making.
    pub(crate) fn add(&self, tmp: &Path) {
        if self.helpers.fetch_add(1, Ordering::Relaxed) < FILES {
            // Whoever publishes tries again, and says what is wrong.
            let file = new_file(tmp).ok();
            let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
            files.extend(file);
        }
    }

    /// Those that are there by now.
    pub(crate) fn take(&self) -> Vec<NamedTempFile> {
        std::mem::take(&mut self.files.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
