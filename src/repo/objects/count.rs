//! Counting objects.

use std::fs;
use std::io;
use std::path::Path;

use crate::repo::error::{Error, Result};
use crate::repo::lifecycle::open::Repository;

/// How many objects there are, and where. One that is in several packs counts as often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ObjectCounts {
    /// Objects in files of their own.
    pub loose: u64,
    /// Objects in packs.
    pub packed: u64,
    /// Packs.
    pub packs: u64,
}

impl Repository {
    /// Counts the objects by the names of files and the heads of pack indices.
    pub fn count_objects(&self) -> Result<ObjectCounts> {
        let Some(repo) = self.local() else {
            return Ok(ObjectCounts::default());
        };
        let mut counts = ObjectCounts::default();
        for first in 0..=255u8 {
            let folder = self.root().join(format!("objects/{first:02x}"));
            counts.loose += fs::read_dir(folder).map_or(0, |files| files.count() as u64);
        }
        for pack in self.packs()? {
            counts.packs += 1;
            if let Some(index) = pack.index(repo.object_hash())? {
                counts.packed += u64::from(index.num_objects());
            }
        }
        Ok(counts)
    }

    /// How many bytes the files of the objects have, loose and packed.
    ///
    /// # Errors
    /// The folder of objects cannot be read. What vanishes meanwhile counts as nothing.
    pub fn objects_bytes(&self) -> Result<u64> {
        let folder = self.root().join("objects");
        let files = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
        let bytes = |file: fs::DirEntry| file.metadata().map_or(0, |file| file.len());
        let folders = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            folders => folders.map_err(Error::io("list", &folder))?,
        };
        let folders = folders.flatten().map(|folder| folder.path());
        Ok(folders.flat_map(|folder| files(&folder)).map(bytes).sum())
    }
}
