//! Uploads in chunks: files in `ROOT/wasmstore/oci` until a manifest names them or a change commits them.
//!
//! `<repository>/_uploads/<id>` is an unfinished upload of an OCI client, `<repository>/_blobs/<algorithm>/<hex digits>` a complete blob. No
//! component of a repository name begins with `_`, so the names never clash. `_previews` has the same two directories, for the files that the
//! web UI shows before they are committed, and `_modules/<user>/_uploads/<id>` is a module that a client uploads in chunks. Nothing here is
//! fsynced: a blob becomes durable together with the manifest that names it. After a power cut, a blob may be missing or damaged. So when a
//! manifest names a blob, its digest is verified again, and a damaged blob is removed. The client then gets the error for an unknown blob, and
//! sends the blob again.

mod begin;
mod upload;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::upload_area::UploadArea;
use crate::config::BlobUploadLimits;
use crate::names::{OciDigest, RepositoryName};
use crate::repo::error::{Error, Result};
use crate::repo::fs::remove_if_there;
use crate::sharing::create_shared_dir_all;

pub use upload::BlobUpload;

/// The subdirectory of a repository's directory for unfinished uploads.
const UPLOADS: &str = "_uploads";
/// The subdirectory of a repository's directory for complete blobs.
const BLOBS: &str = "_blobs";
/// The maximum number of directories that are searched for a blob whose repository is unknown.
const SEARCHED_MAX: usize = 10_000;
/// The maximum number of times that the creation of a file is repeated, if a sweep removes the file's empty directory first.
const ATTEMPTS_MAX: usize = 5;
/// The minimum time between two sweeps. A sweep removes the expired files and counts the others.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// The depth of the directories below `ROOT/wasmstore/oci` that are searched. A repository name has at most 48 components.
const DEPTH_MAX: usize = 52;

/// The uploaded blobs of one store that no manifest names yet.
#[derive(Debug)]
pub struct BlobUploads {
    dir: PathBuf,
    limits: BlobUploadLimits,
    usage: Mutex<Usage>,
}

/// The number and the total size of all uploaded files: the counts of the last sweep (the removal of expired files), plus the files that
/// this process has added since, minus the files that it has removed.
#[derive(Debug, Default)]
struct Usage {
    /// The time when the uploaded files were last counted and the expired ones removed; `None` before the first time.
    swept: Option<SystemTime>,
    bytes: u64,
    files: u64,
}

impl Usage {
    fn is_sweep_due(&self, now: SystemTime) -> bool {
        let age = |swept| now.duration_since(swept).unwrap_or_default();
        self.swept.map(age).is_none_or(|age| age >= SWEEP_INTERVAL)
    }
}

impl BlobUploads {
    /// Returns the uploads in a store. `own_dir` is its directory `ROOT/wasmstore`.
    pub fn new(own_dir: &Path, limits: BlobUploadLimits) -> Self {
        Self {
            dir: own_dir.join("oci"),
            limits,
            usage: Mutex::default(),
        }
    }

    /// Opens the file of a complete blob, and returns the file and its path; `None` if there is no such blob.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn blob(&self, area: &UploadArea, digest: &OciDigest) -> Result<Option<(File, PathBuf)>> {
        let path = self.blob_path(area, digest);
        match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            file => Ok(Some((file.map_err(Error::io("open", &path))?, path))),
        }
    }

    /// Opens the file of a complete blob in any repository, and returns the file and its path; `None` if the blob is not found in the first
    /// 10,000 directories.
    ///
    /// # Errors
    /// The blob's file cannot be opened.
    pub fn blob_anywhere(&self, digest: &OciDigest) -> Result<Option<(File, PathBuf)>> {
        let (mut todo, mut searched) = (vec![(self.dir.clone(), String::new())], 0);
        while let Some((dir, name)) = todo.pop() {
            searched += 1;
            if searched > SEARCHED_MAX {
                return Ok(None);
            }
            if let Ok(repository) = RepositoryName::parse(&name)
                && let Some(found) = self.blob(&UploadArea::Repository(repository), digest)?
            {
                return Ok(Some(found));
            }
            for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
                let component = entry.file_name();
                let component = component.to_string_lossy();
                if !component.starts_with('_') {
                    let name = format!("{name}/{component}");
                    todo.push((entry.path(), name.trim_start_matches('/').to_owned()));
                }
            }
        }
        Ok(None)
    }

    /// Removes a complete blob, and returns whether there was one.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn remove_blob(&self, area: &UploadArea, digest: &OciDigest) -> Result<bool> {
        let path = self.blob_path(area, digest);
        let Ok(metadata) = fs::metadata(&path) else {
            return Ok(false);
        };
        remove_if_there(&path)?;
        self.release(metadata.len(), 1);
        Ok(true)
    }

    fn blob_path(&self, area: &UploadArea, digest: &OciDigest) -> PathBuf {
        let dir = self.dir.join(area.dir()).join(BLOBS);
        dir.join(digest.algorithm()).join(digest.to_hex())
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds `bytes` and `files` to the usage. If a sweep is due, it runs first. Fails with `UploadsFull` if the sum exceeds a limit.
    fn reserve(&self, bytes: u64, files: u64) -> Result<()> {
        let now = SystemTime::now();
        let mut usage = self.usage();
        if usage.is_sweep_due(now) {
            *usage = self.sweep(now)?;
        }
        if usage.bytes + bytes > self.limits.bytes_max
            || usage.files + files > self.limits.files_max
        {
            return Err(Error::UploadsFull);
        }
        usage.bytes += bytes;
        usage.files += files;
        Ok(())
    }

    /// Removes the expired files, unless the last sweep was less than a minute ago or this process knows of no files. Each new upload does
    /// the same, but without this call files would stay if no client uploads any more.
    ///
    /// # Errors
    /// The directory `ROOT/wasmstore/oci` cannot be read.
    pub fn remove_expired(&self) -> Result<()> {
        self.remove_expired_at(SystemTime::now())
    }

    fn remove_expired_at(&self, now: SystemTime) -> Result<()> {
        let mut usage = self.usage();
        let has_none = usage.swept.is_some() && usage.files == 0;
        if !has_none && usage.is_sweep_due(now) {
            *usage = self.sweep(now)?;
        }
        Ok(())
    }

    fn release(&self, bytes: u64, files: u64) {
        let mut usage = self.usage();
        usage.bytes = usage.bytes.saturating_sub(bytes);
        usage.files = usage.files.saturating_sub(files);
    }

    /// Removes the expired files and the empty directories, and counts the remaining files.
    fn sweep(&self, now: SystemTime) -> Result<Usage> {
        let mut usage = Usage {
            swept: Some(now),
            ..Usage::default()
        };
        self.sweep_dir(&self.dir, now, DEPTH_MAX, &mut usage)?;
        Ok(usage)
    }

    fn sweep_dir(
        &self,
        dir: &Path,
        now: SystemTime,
        depth: usize,
        usage: &mut Usage,
    ) -> Result<()> {
        let entries = match fs::read_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(Error::io("read", dir))?,
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            if metadata.is_dir() && depth > 0 {
                self.sweep_dir(&path, now, depth - 1, usage)?;
                // `remove_dir` fails unless the directory is empty. A request that has just created the directory creates it again.
                let _ = fs::remove_dir(&path);
            } else if metadata.is_file() {
                let age = metadata.modified().ok();
                let age = age.and_then(|modified| now.duration_since(modified).ok());
                let is_expired = age.is_some_and(|age| age > self.limits.age_max);
                // A file that cannot be removed is counted, too.
                if !is_expired || remove_if_there(&path).is_err() {
                    usage.bytes += metadata.len();
                    usage.files += 1;
                }
            }
        }
        Ok(())
    }
}

/// Calls `create`, which creates a file in the directory `dir`. If `dir` is missing, creates it and calls `create` again. The removal of
/// expired uploads may delete `dir` in between because it is still empty, so this is repeated a few times.
fn in_dir<T>(dir: &Path, mut create: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 0..ATTEMPTS_MAX {
        match create() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => create_shared_dir_all(dir)?,
            created => return created,
        }
    }
    create()
}

#[cfg(test)]
mod tests;
