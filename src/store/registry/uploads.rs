//! Uploads in chunks: the blobs of OCI clients, until a manifest names them, and modules, until a change commits them.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::names::{OciDigest, RepositoryName};
use crate::repo::{self, UploadArea};
use crate::store::error::{Error, Result};
use crate::store::open::Store;
use crate::wasm::{Hashing, Hashing512};

/// The time between two searches for expired uploads.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(600);

/// The size of the buffer for copying a file and for computing a digest, in bytes.
const BUFFER_BYTES: usize = 1 << 16;

/// An unfinished upload in chunks, of a blob or of a module.
pub struct BlobUpload<'s> {
    upload: repo::BlobUpload<'s>,
    bytes_max: u64,
}

impl Store {
    /// Begins an upload of a blob to a repository.
    ///
    /// # Errors
    /// As for [`begin_upload`](Self::begin_upload).
    pub fn begin_blob(&self, repository: &RepositoryName) -> Result<BlobUpload<'_>> {
        self.begin_upload(&repository.into())
    }

    /// Begins an upload in chunks.
    ///
    /// # Errors
    /// The store is a replica or cannot be written; too many uploads are unfinished.
    pub fn begin_upload(&self, area: &UploadArea) -> Result<BlobUpload<'_>> {
        self.ensure_writable()?;
        Ok(BlobUpload {
            upload: self.blob_uploads.begin(area)?,
            bytes_max: self.options.modules.module_bytes_max,
        })
    }

    /// Continues the unfinished upload that was begun with this digest in the same area, or else begins one. Only the area protects the
    /// upload from other users, so it must be the area of one user.
    ///
    /// # Errors
    /// As for [`begin_upload`](Self::begin_upload).
    pub fn continue_or_begin_upload(
        &self,
        area: &UploadArea,
        digest: &OciDigest,
    ) -> Result<BlobUpload<'_>> {
        self.ensure_writable()?;
        Ok(BlobUpload {
            upload: self.blob_uploads.continue_or_begin(area, digest)?,
            bytes_max: self.options.modules.module_bytes_max,
        })
    }

    /// Opens an unfinished upload to continue it. Returns `None` if there is no upload with this id.
    ///
    /// # Errors
    /// Another request is writing to the upload.
    pub fn resume_upload(&self, area: &UploadArea, id: &str) -> Result<Option<BlobUpload<'_>>> {
        let upload = self.blob_uploads.resume(area, id)?;
        Ok(upload.map(|upload| BlobUpload {
            upload,
            bytes_max: self.options.modules.module_bytes_max,
        }))
    }

    /// Opens the file of an uploaded blob that no manifest has named yet. Returns the file and its path.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn uploaded_blob(
        &self,
        repository: &RepositoryName,
        digest: &OciDigest,
    ) -> Result<Option<(File, PathBuf)>> {
        Ok(self.blob_uploads.blob(&repository.into(), digest)?)
    }

    /// Opens the file of an uploaded blob, whatever its repository is. Returns the file and its path.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn uploaded_blob_anywhere(&self, digest: &OciDigest) -> Result<Option<(File, PathBuf)>> {
        Ok(self.blob_uploads.blob_anywhere(digest)?)
    }

    /// Removes the uploads and uploaded blobs that have expired.
    ///
    /// # Errors
    /// The directory of the uploads cannot be read.
    pub fn remove_expired_blobs(&self) -> Result<()> {
        Ok(self.blob_uploads.remove_expired()?)
    }

    /// Removes expired uploads and uploaded blobs, again and again, for as long as the process lives. Each process only knows the blobs
    /// that it has received and those that existed when it started, so every server of a store runs this.
    pub fn run_upload_expiry(&self) -> ! {
        loop {
            if let Err(error) = self.remove_expired_blobs() {
                tracing::warn!(error = repo::chain(&error), "cannot remove expired uploads");
            }
            thread::sleep(EXPIRY_INTERVAL);
        }
    }

    /// Removes an uploaded blob. Returns whether it existed.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn remove_uploaded_blob(
        &self,
        repository: &RepositoryName,
        digest: &OciDigest,
    ) -> Result<bool> {
        Ok(self.blob_uploads.remove_blob(&repository.into(), digest)?)
    }
}

impl BlobUpload<'_> {
    /// Returns the id of the upload.
    pub fn id(&self) -> &str {
        self.upload.id()
    }

    /// Returns the number of bytes received so far.
    pub fn size_bytes(&self) -> u64 {
        self.upload.size_bytes()
    }

    /// Appends bytes to the upload.
    ///
    /// # Errors
    /// The upload would be larger than a module may be; there is no space. The upload then does not contain the bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if self.upload.size_bytes() + bytes.len() as u64 > self.bytes_max {
            return Err(repo::Error::LimitExceeded {
                object: "the upload".to_owned(),
                reason: format!("larger than {} bytes (--max-module-bytes)", self.bytes_max),
            }
            .into());
        }
        Ok(self.upload.write(bytes)?)
    }

    /// Appends the content of a file to the upload.
    ///
    /// # Errors
    /// The errors of [`write`](Self::write); the file cannot be read.
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

    /// Returns whether the bytes have this digest.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn has_digest(&mut self, digest: &OciDigest) -> Result<bool> {
        let mut reader = self.upload.reader()?;
        Ok(digest_of(&mut reader, digest).map_err(Error::Output)? == *digest)
    }

    /// Returns another handle of the file with the bytes, and its path. The upload is locked until both are dropped.
    pub(in crate::store) fn file(&self) -> Result<(File, PathBuf)> {
        Ok(self.upload.file()?)
    }

    /// Completes the upload if its bytes have this digest, and returns true. Otherwise discards the upload, and returns false.
    ///
    /// # Errors
    /// The file cannot be read or renamed.
    pub fn complete(mut self, digest: &OciDigest) -> Result<bool> {
        let is_equal = self.has_digest(digest)?;
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

/// Computes the digest of all bytes of `reader`, with the algorithm of the digest `like`.
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
