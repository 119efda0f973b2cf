//! An unfinished upload: its file, and the lock on it.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{BlobUploads, in_dir};
use crate::names::OciDigest;
use crate::repo::error::{Error, Result};
use crate::repo::fs::remove_if_there;
use crate::repo::lifecycle::upload_area::UploadArea;

/// How long a request waits for another request that writes to the same upload.
const LOCKED_MAX: Duration = Duration::from_millis(500);
/// The pause between two attempts to lock an upload.
const LOCKED_PAUSE: Duration = Duration::from_millis(5);

/// An unfinished upload. While this value exists, the file of the upload is locked (flock(2)).
#[derive(Debug)]
pub struct BlobUpload<'u> {
    pub(super) uploads: &'u BlobUploads,
    pub(super) area: UploadArea,
    pub(super) path: PathBuf,
    pub(super) file: File,
    pub(super) size_bytes: u64,
}

impl BlobUpload<'_> {
    /// Returns the id of the upload.
    pub fn id(&self) -> &str {
        let name = self.path.file_name().and_then(|name| name.to_str());
        name.expect("BUG: the name consists of letters and digits")
    }

    /// Returns the number of bytes that have arrived.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Appends bytes to the upload.
    ///
    /// # Errors
    /// `UploadsFull`; the file cannot be written. After an error, the bytes are not part of the upload.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.uploads.reserve(bytes.len() as u64, 0)?;
        if let Err(error) = self.file.write_all(bytes) {
            let _ = self.file.set_len(self.size_bytes);
            self.uploads.release(bytes.len() as u64, 0);
            return Err(Error::io("write", &self.path)(error));
        }
        self.size_bytes += bytes.len() as u64;
        Ok(())
    }

    /// Returns a reader of all bytes of the upload.
    ///
    /// # Errors
    /// The file of the upload cannot be read.
    pub fn reader(&mut self) -> Result<impl Read> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))
            .map_err(Error::io("read", &self.path))?;
        Ok(file)
    }

    /// Returns another handle of the file, and its path. The file stays locked until both handles are closed.
    ///
    /// # Errors
    /// The handle cannot be duplicated.
    pub fn file(&self) -> Result<(File, PathBuf)> {
        let file = self.file.try_clone();
        let file = file.map_err(Error::io("open", &self.path))?;
        Ok((file, self.path.clone()))
    }

    /// Completes the upload: the bytes become the blob with this digest, which the caller has verified.
    ///
    /// # Errors
    /// The file of the upload cannot be renamed.
    pub fn complete(self, digest: &OciDigest) -> Result<()> {
        let to = self.uploads.blob_path(&self.area, digest);
        let dir = to.parent().expect("BUG: a blob is in a directory");
        let replaced = fs::metadata(&to).ok();
        in_dir(dir, || fs::rename(&self.path, &to)).map_err(Error::io("rename to", &to))?;
        if let Some(replaced) = replaced {
            self.uploads.release(replaced.len(), 1);
        }
        Ok(())
    }

    /// Discards the upload.
    ///
    /// # Errors
    /// The file of the upload cannot be removed.
    pub fn discard(self) -> Result<()> {
        remove_if_there(&self.path)?;
        self.uploads.release(self.size_bytes, 1);
        Ok(())
    }
}

/// Locks the file of an upload. Retries for up to `LOCKED_MAX`: if another thread starts a git process, the new process inherits the open
/// files, and holds the lock of a finished request until exec(2) closes them.
pub(super) fn lock(file: &File, path: &Path) -> Result<()> {
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if begun.elapsed() < LOCKED_MAX => {
                std::thread::sleep(LOCKED_PAUSE);
            }
            Err(TryLockError::WouldBlock) => {
                let reason = "another request writes to the upload";
                return Err(Error::Busy(reason.to_owned()));
            }
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", path)(error)),
        }
    }
}
