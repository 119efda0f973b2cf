//! The state of the directories and files that hold the refs, to notice changes without reading every ref.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The metadata of `packed-refs` and of each directory of refs, from before they were read. It changes when the file of a ref is created,
/// renamed or deleted. git and wasmstore do so in every update; but if another program writes into the file of a ref, the metadata stays
/// the same.
#[derive(Default)]
pub(crate) struct RefsStamp(Vec<(PathBuf, Option<FileStamp>)>);

/// The inode, the size in bytes, and the modification time in seconds and nanoseconds.
type FileStamp = (u64, u64, i64, i64);

impl RefsStamp {
    /// Records the state of a directory or file, which may be missing.
    pub(in crate::repo::refs) fn record(&mut self, path: &Path) {
        self.0.push((path.to_owned(), stamp(path)));
    }

    /// Returns whether nothing has changed since the state was recorded.
    pub(in crate::repo::refs) fn is_current(&self) -> bool {
        self.0.iter().all(|(path, old)| stamp(path) == *old)
    }
}

fn stamp(path: &Path) -> Option<FileStamp> {
    let it = fs::metadata(path).ok()?;
    Some((it.ino(), it.size(), it.mtime(), it.mtime_nsec()))
}
