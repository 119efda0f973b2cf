//! Counting objects and their size on the disk.

use std::fs;
use std::io;
use std::path::Path;

use crate::repo::error::{Error, Result};
use crate::repo::objects::db::ObjectDb;

/// The number of objects, by kind of storage. An object in several packs is counted several times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ObjectCounts {
    /// The number of loose objects.
    pub loose: u64,
    /// The number of objects in packs.
    pub packed: u64,
    /// The number of packs.
    pub packs: u64,
}

impl ObjectDb {
    /// Counts the loose objects by their file names.
    pub(crate) fn count_loose(&self) -> u64 {
        let count = |first: u8| {
            let fan_out = self.root().join(format!("objects/{first:02x}"));
            fs::read_dir(fan_out).map_or(0, |files| files.count() as u64)
        };
        (0..=255).map(count).sum()
    }

    /// Returns the total size of all files in the subdirectories of `objects`, which contain loose objects and packs, in bytes. Files that
    /// vanish during the count are left out.
    ///
    /// # Errors
    /// The directory `objects` cannot be read.
    pub fn disk_bytes(&self) -> Result<u64> {
        let objects = self.root().join("objects");
        let files = |dir: &Path| fs::read_dir(dir).into_iter().flatten().flatten();
        let bytes = |file: fs::DirEntry| file.metadata().map_or(0, |file| file.len());
        let dirs = match fs::read_dir(&objects) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            dirs => dirs.map_err(Error::io("list", &objects))?,
        };
        let dirs = dirs.flatten().map(|dir| dir.path());
        Ok(dirs.flat_map(|dir| files(&dir)).map(bytes).sum())
    }
}
