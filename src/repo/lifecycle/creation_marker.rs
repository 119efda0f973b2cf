//! The marker file `wasmstore/creating`, which exists while a store is created.
//!
//! It is empty, or has these lines:
//! - `keep`: the creation keeps the files that it finds; otherwise it removes them first
//! - `bucket STORE URL`: the new store is a copy of the store with this id in the bucket at this URL

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::repo::error::{Error, Result};
use crate::repo::fs::{sync_dir, write_file};
use crate::repo::lifecycle::bucket_mark::BucketMark;
use crate::repo::lifecycle::open::CREATING;

const KEEP: &str = "keep";
const BUCKET: &str = "bucket";

/// The content of the marker file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CreationMarker {
    /// Whether the creation keeps the files that it finds.
    pub keeps_files: bool,
    /// The bucket of whose store a copy is created; `None` for any other store.
    pub bucket: Option<BucketMark>,
}

impl CreationMarker {
    /// Reads the marker of the store at `root`; `None` if there is none.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(root: &Path) -> Result<Option<Self>> {
        let path = path(root);
        let text = match fs::read_to_string(&path) {
            Err(error) if is_missing(&error) => return Ok(None),
            text => text.map_err(Error::io("read", &path))?,
        };
        let bucket = text.lines().find_map(|line| {
            let (store, url) = line
                .strip_prefix(BUCKET)?
                .strip_prefix(' ')?
                .split_once(' ')?;
            Some(BucketMark {
                url: url.to_owned(),
                store: store.to_owned(),
            })
        });
        Ok(Some(Self {
            keeps_files: text.lines().any(|line| line == KEEP),
            bucket,
        }))
    }

    /// Writes the marker durably. Replaces an existing one at once: a part of the content would have another meaning.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, root: &Path) -> Result<()> {
        let path = path(root);
        let dir = root.join("wasmstore");
        let keep = self.keeps_files.then(|| format!("{KEEP}\n"));
        let bucket = self.bucket.as_ref();
        let bucket = bucket.map(|mark| format!("{BUCKET} {} {}\n", mark.store, mark.url));
        let text = keep.unwrap_or_default() + &bucket.unwrap_or_default();
        write_file(&dir.join("tmp"), &path, text.as_bytes())?;
        sync_dir(&dir)
    }
}

fn path(root: &Path) -> PathBuf {
    root.join("wasmstore").join(CREATING)
}

fn is_missing(error: &io::Error) -> bool {
    [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind())
}
