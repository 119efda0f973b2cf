//! The blobs that OCI clients upload, until a manifest names them.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::names::{OciDigest, RepositoryName};
use crate::repo;
use crate::store::error::{Error, Result};
use crate::store::open::Store;
use crate::wasm::{Hashing, Hashing512};

/// How often expired uploads are looked for.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(600);

/// The size of the buffer for verifying a digest, in bytes.
const BUFFER_BYTES: usize = 1 << 16;

/// An unfinished upload of a blob.
pub struct BlobUpload<'s> {
    upload: repo::BlobUpload<'s>,
    bytes_max: u64,
}

impl Store {
    /// Begins an upload of a blob to a repository.
    ///
    /// # Errors
    /// The store is a replica or cannot be written; too many uploads are unfinished.
    pub fn begin_blob(&self, repository: &RepositoryName) -> Result<BlobUpload<'_>> {
        self.ensure_writable()?;
        Ok(BlobUpload {
            upload: self.blob_uploads.begin(repository)?,
            bytes_max: self.options.modules.module_bytes_max,
        })
    }

    /// Opens an upload to continue it; `None` if there is none with this id.
    ///
    /// # Errors
    /// Another request writes to it.
    pub fn resume_blob(
        &self,
        repository: &RepositoryName,
        id: &str,
    ) -> Result<Option<BlobUpload<'_>>> {
        let upload = self.blob_uploads.resume(repository, id)?;
        Ok(upload.map(|upload| BlobUpload {
            upload,
            bytes_max: self.options.modules.module_bytes_max,
        }))
    }

    /// Opens the file of an uploaded blob that no manifest has named yet, and returns its path with it.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn uploaded_blob(
        &self,
        repository: &RepositoryName,
        digest: &OciDigest,
    ) -> Result<Option<(File, PathBuf)>> {
        Ok(self.blob_uploads.blob(repository, digest)?)
    }

    /// Opens the file of an uploaded blob of any repository, and returns its path with it.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn uploaded_blob_anywhere(&self, digest: &OciDigest) -> Result<Option<(File, PathBuf)>> {
        Ok(self.blob_uploads.blob_anywhere(digest)?)
    }

    /// Removes the uploads and uploaded blobs that have expired.
    ///
    /// # Errors
    /// Their directory cannot be read.
    pub fn remove_expired_blobs(&self) -> Result<()> {
        Ok(self.blob_uploads.remove_expired()?)
    }

    /// Removes uploads and uploaded blobs when they expire, for as long as the process lives. Those that other processes have received are
    /// found at the start, and by their own.
    pub fn run_upload_expiry(&self) -> ! {
        loop {
            if let Err(error) = self.remove_expired_blobs() {
                tracing::warn!(error = repo::chain(&error), "cannot remove expired uploads");
            }
            thread::sleep(EXPIRY_INTERVAL);
        }
    }

    /// Removes an uploaded blob, and returns whether there was one.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn remove_uploaded_blob(
        &self,
        repository: &RepositoryName,
        digest: &OciDigest,
    ) -> Result<bool> {
        Ok(self.blob_uploads.remove_blob(repository, digest)?)
    }
}

impl BlobUpload<'_> {
    /// Returns the id of the upload.
    pub fn id(&self) -> &str {
        self.upload.id()
    }

    /// Returns the number of bytes that have arrived.
    pub fn size_bytes(&self) -> u64 {
        self.upload.size_bytes()
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// The blob is larger than the largest module; there is no space. The bytes are not part of the upload then.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if self.upload.size_bytes() + bytes.len() as u64 > self.bytes_max {
            return Err(repo::Error::LimitExceeded {
                object: "the blob".to_owned(),
                reason: format!("larger than {} bytes (--max-module-bytes)", self.bytes_max),
            }
            .into());
        }
        Ok(self.upload.write(bytes)?)
    }

    /// Appends the bytes of a file.
    ///
    /// # Errors
    /// Those of [`write`](Self::write); the file cannot be read.
    pub fn write_file(&mut self, mut file: File, path: &Path) -> Result<()> {
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let read = file.read(&mut buffer).map_err(|source| Error::File {
                action: "read",
                path: path.to_owned(),
                source,
            })?;
            if read == 0 {
                return Ok(());
            }
            self.write(&buffer[..read])?;
        }
    }

    /// Completes the upload if its bytes have this digest, and returns true. Otherwise discards it, and returns false.
    ///
    /// # Errors
    /// The file cannot be read or renamed.
    pub fn complete(mut self, digest: &OciDigest) -> Result<bool> {
        let mut reader = self.upload.reader()?;
        let is_equal = digest_of(&mut reader, digest).map_err(Error::Output)? == *digest;
        drop(reader);
        if is_equal {
            self.upload.complete(digest)?;
        } else {
            self.upload.discard()?;
        }
        Ok(is_equal)
    }

    /// Discards the upload.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn discard(self) -> Result<()> {
        Ok(self.upload.discard()?)
    }
}

/// Computes the digest of all bytes, with the algorithm of `like`.
pub(super) fn digest_of(reader: &mut impl Read, like: &OciDigest) -> std::io::Result<OciDigest> {
    let (mut sha256, mut sha512) = (Hashing::default(), Hashing512::default());
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = reader.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        match like {
            OciDigest::Sha256(_) => sha256.update(&buffer[..read]),
            OciDigest::Sha512(_) => sha512.update(&buffer[..read]),
        }
    }
    Ok(match like {
        OciDigest::Sha256(_) => OciDigest::Sha256(sha256.finish()),
        OciDigest::Sha512(_) => OciDigest::Sha512(sha512.finish()),
    })
}
