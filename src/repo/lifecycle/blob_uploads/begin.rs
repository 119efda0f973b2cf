//! Beginning and continuing an upload.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;

use super::upload::{BlobUpload, lock};
use super::{BlobUploads, UPLOADS, in_dir};
use crate::names::OciDigest;
use crate::repo::error::{Error, Result};
use crate::repo::fs::names_in;
use crate::repo::lifecycle::upload_area::UploadArea;
use crate::sharing::share;

/// The number of characters in the id of an upload. They are random, so that only clients that were told the id can continue the upload.
const ID_CHARS: usize = 32;
/// The number of characters at the beginning of the id that are the first digits of a digest instead, if the client has announced one.
const DIGEST_CHARS: usize = 16;

impl BlobUploads {
    /// Begins an empty upload.
    ///
    /// # Errors
    /// `UploadsFull` if there are too many uploads; the file cannot be created.
    pub fn begin(&self, area: &UploadArea) -> Result<BlobUpload<'_>> {
        self.create(area, "")
    }

    /// Continues the upload that a client has begun with this digest in `area`, if it is unfinished and no request is writing to it.
    /// Otherwise begins an empty one. Whether the bytes have the digest is not checked before the upload is completed.
    ///
    /// # Errors
    /// As for [`begin`](Self::begin); the directory of the area cannot be read.
    pub fn continue_or_begin(
        &self,
        area: &UploadArea,
        digest: &OciDigest,
    ) -> Result<BlobUpload<'_>> {
        let mut prefix = digest.to_hex();
        prefix.truncate(DIGEST_CHARS);
        for name in names_in(&self.uploads_dir(area)).unwrap_or_default() {
            let id = name.to_str().filter(|id| id.starts_with(&prefix));
            match id.map(|id| self.resume(area, id)).transpose() {
                Ok(Some(Some(upload))) => return Ok(upload),
                Ok(_) | Err(Error::Busy(_)) => {}
                Err(error) => return Err(error),
            }
        }
        self.create(area, &prefix)
    }

    /// Creates the file of an upload whose id begins with `prefix`.
    fn create(&self, area: &UploadArea, prefix: &str) -> Result<BlobUpload<'_>> {
        self.reserve(0, 1)?;
        let dir = self.uploads_dir(area);
        let failed = || Error::io("create a file in", &dir);
        let mut builder = tempfile::Builder::new();
        builder.prefix(prefix).rand_bytes(ID_CHARS - prefix.len());
        builder.permissions(fs::Permissions::from_mode(0o644));
        let file = in_dir(&dir, || builder.tempfile_in(&dir)).map_err(failed())?;
        let (file, path) = file.keep().map_err(|error| failed()(error.error))?;
        share(&path);
        // `lock` does not block, because no other request knows the name of the file yet.
        file.lock().map_err(failed())?;
        Ok(BlobUpload {
            uploads: self,
            area: area.clone(),
            path,
            file,
            size_bytes: 0,
        })
    }

    /// Opens an upload to continue it; `None` if there is no upload with this id.
    ///
    /// # Errors
    /// `Busy` if another request writes to it.
    pub fn resume(&self, area: &UploadArea, id: &str) -> Result<Option<BlobUpload<'_>>> {
        if id.len() != ID_CHARS || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Ok(None);
        }
        let path = self.uploads_dir(area).join(id);
        let failed = || Error::io("open", &path);
        let opened = OpenOptions::new().read(true).append(true).open(&path);
        let file = match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(failed())?,
        };
        lock(&file, &path)?;
        // Another request may have completed or discarded the upload before this request got the lock.
        let inode = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        let locked = file.metadata().map(inode).map_err(failed())?;
        if fs::metadata(&path).map(inode).ok() != Some(locked) {
            return Ok(None);
        }
        let size_bytes = file.metadata().map_err(failed())?.len();
        Ok(Some(BlobUpload {
            uploads: self,
            area: area.clone(),
            path,
            file,
            size_bytes,
        }))
    }

    fn uploads_dir(&self, area: &UploadArea) -> PathBuf {
        self.dir.join(area.dir()).join(UPLOADS)
    }
}
