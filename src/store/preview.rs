//! Uploads in two steps: the user looks at the uploaded modules before a change puts them at their paths.
//!
//! The first step validates a module and keeps it: stores its bytes in a file outside of the repository, like an unfinished push of an OCI
//! client. These files expire, and the same limits apply to them. The second step finds the file by its digest, validates the bytes again,
//! because a power cut may have damaged them, and commits the module (`put_kept`).

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use super::diff::{ModuleComparison, compare_bytes};
use super::error::{Error, Result};
use super::open::Store;
use super::upload::{Upload, ValidatedUpload};
use crate::names::{Digest, ModuleHash, ModulePath, OciDigest};
use crate::repo::UploadArea;
use crate::wasm::{self, Facts, ModuleInfo};

/// The size of the buffer for copying a module to its file, in bytes.
const BUFFER_BYTES: usize = 1 << 16;

/// A module that is stored in a file until a change commits it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewedModule {
    /// The SHA-256 digest of its bytes, by which the file is found.
    pub digest: Digest,
    /// The imports, exports and sections of the module.
    pub info: ModuleInfo,
    /// The facts about the module; `None` if they could not be collected.
    pub facts: Option<Facts>,
}

impl Store {
    /// Completes an upload, and stores the module in a file for a preview.
    ///
    /// # Errors
    /// The module is invalid; too many files are kept for previews and OCI pushes; the bytes cannot be written.
    pub fn keep_for_preview(&self, upload: Upload) -> Result<PreviewedModule> {
        let ValidatedUpload {
            mut spool,
            info,
            facts,
        } = upload.finish()?;
        let mut kept = self.blob_uploads.begin(&UploadArea::Previews)?;
        let mut copy = || -> Result<()> {
            let mut reader = spool.reader()?;
            let mut buffer = vec![0; BUFFER_BYTES];
            loop {
                match reader.read(&mut buffer).map_err(Error::Output)? {
                    0 => return Ok(()),
                    read => kept.write(&buffer[..read])?,
                }
            }
        };
        if let Err(error) = copy() {
            kept.discard()?;
            return Err(error);
        }
        kept.complete(&OciDigest::Sha256(info.sha256))?;
        Ok(PreviewedModule {
            digest: Digest::from_bytes(info.sha256),
            info,
            facts,
        })
    }

    /// Stores a text in a file and returns the digest of the text. The file expires like the file of a module that is kept for a preview.
    ///
    /// # Errors
    /// Too many files are kept for previews and OCI pushes; the text cannot be written.
    pub fn keep_text(&self, text: &str) -> Result<Digest> {
        self.ensure_writable()?;
        let mut kept = self.blob_uploads.begin(&UploadArea::Previews)?;
        if let Err(error) = kept.write(text.as_bytes()) {
            kept.discard()?;
            return Err(error.into());
        }
        let digest = wasm::sha256(text.as_bytes());
        kept.complete(&OciDigest::Sha256(digest))?;
        Ok(Digest::from_bytes(digest))
    }

    /// Returns the text that [`keep_text`](Self::keep_text) stored under this digest. Returns `None` if there is none, or if it is longer
    /// than `bytes_max`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn kept_text(&self, digest: &Digest, bytes_max: u64) -> Result<Option<String>> {
        let Some((file, path)) = self.kept_file(digest)? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        let read = file.take(bytes_max).read_to_end(&mut bytes);
        read.map_err(|source| Error::File {
            action: "read",
            path,
            source,
        })?;
        let is_intact = wasm::sha256(&bytes) == *digest.as_bytes();
        Ok(String::from_utf8(bytes).ok().filter(|_| is_intact))
    }

    /// Returns whether the file of a module that was kept for a preview still exists.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn is_kept(&self, digest: &Digest) -> Result<bool> {
        Ok(self.kept_file(digest)?.is_some())
    }

    /// Validates a module that was kept for a preview, and returns its description. `path` identifies the module in errors.
    ///
    /// # Errors
    /// The module is not kept any more.
    pub fn preview(&self, digest: &Digest, path: &ModulePath) -> Result<PreviewedModule> {
        let ValidatedUpload { info, facts, .. } = self.validate_kept(digest, path)?;
        Ok(PreviewedModule {
            digest: *digest,
            info,
            facts,
        })
    }

    /// Compares a module of the store with an uploaded module that is stored for a preview, but not committed. Reads both into memory.
    ///
    /// # Errors
    /// One of them does not exist any more.
    pub fn compare_with_kept(
        &self,
        old: ModuleHash,
        (digest, path): (&Digest, &ModulePath),
    ) -> Result<ModuleComparison> {
        let mut new_bytes = Vec::new();
        let mut spool = self.validate_kept(digest, path)?.spool;
        let read = spool.reader()?.read_to_end(&mut new_bytes);
        read.map_err(Error::Output)?;
        let old_bytes = self.bytes(old)?;
        let (old, new) = (old.to_string(), path.to_string());
        let diff = compare_bytes((&old, old_bytes.as_ref()), (&new, &new_bytes));
        ModuleComparison::of(diff)
    }

    /// Reads the file of a module that was uploaded for a preview, and validates the module again, because the file may have been damaged
    /// since. `path` names the module in errors.
    pub(super) fn validate_kept(
        &self,
        digest: &Digest,
        path: &ModulePath,
    ) -> Result<ValidatedUpload> {
        let gone = || Error::NotKept(path.to_string());
        let (file, file_path) = self.kept_file(digest)?.ok_or_else(gone)?;
        let validated = self.validate_file(&path.to_string(), file, &file_path);
        match validated {
            Ok(upload) if upload.info.sha256 == *digest.as_bytes() => Ok(upload),
            // The file is not fsynced, so a power cut may have damaged it.
            Ok(_) | Err(Error::Invalid { .. }) => {
                tracing::warn!(%digest, "removing a module that was kept for a preview and is damaged");
                self.blob_uploads
                    .remove_blob(&UploadArea::Previews, &kept_as(digest))?;
                Err(gone())
            }
            Err(error) => Err(error),
        }
    }

    fn kept_file(&self, digest: &Digest) -> Result<Option<(File, PathBuf)>> {
        let area = UploadArea::Previews;
        Ok(self.blob_uploads.blob(&area, &kept_as(digest))?)
    }
}

/// Returns the file name under which a module or text is stored for a preview.
pub(super) fn kept_as(digest: &Digest) -> OciDigest {
    OciDigest::Sha256(*digest.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::{BlobUploadLimits, Options};
    use crate::names::ModuleRef;
    use crate::repo::ObjectFormat;
    use crate::store::{Change, ErrorKind, PlannedModule, Revision};

    fn store(dir: &std::path::Path) -> Store {
        Store::open_or_create(dir, Options::default(), ObjectFormat::Sha1).unwrap()
    }

    fn path(text: &str) -> ModulePath {
        text.parse().unwrap()
    }

    fn keep(store: &Store, at: &str, text: &str) -> PreviewedModule {
        let mut upload = store.begin_put(&Change::default(), &path(at)).unwrap();
        upload.write(&wat::parse_str(text).unwrap()).unwrap();
        store.keep_for_preview(upload).unwrap()
    }

    fn planned(at: &str, module: &PreviewedModule, replaced: Option<ModuleHash>) -> PlannedModule {
        PlannedModule {
            path: path(at),
            digest: module.digest,
            replaced,
        }
    }

    #[test]
    fn kept_modules_are_committed_together() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let one = keep(&store, "m/a", "(module)");
        let two = keep(&store, "m/b/c", "(module (func (export \"f\")))");
        let revision = Revision::default();
        let before = store.snapshot(&revision).unwrap();
        let plan = [planned("m/a", &one, None), planned("m/b/c", &two, None)];
        let published = store.put_kept(&Change::default(), &plan).unwrap();
        let commit = store.commit(published.commit.unwrap()).unwrap();
        assert_eq!(
            (commit.parents, commit.message.as_str()),
            (vec![before], "Import /m")
        );
        let found = store
            .find(&revision, &ModuleRef::Path(path("m/b/c")))
            .unwrap();
        assert_eq!(found.digest, two.digest);
        assert!(!store.put_kept(&Change::default(), &plan).unwrap().has_moved);
    }

    #[test]
    fn a_change_in_between_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let new = keep(&store, "a", "(module)");
        let other = wat::parse_str("(module (func))").unwrap();
        let other = store
            .put(&Change::default(), &path("a"), other.as_slice())
            .unwrap()
            .value;
        let put = |replaced| store.put_kept(&Change::default(), &[planned("a", &new, replaced)]);
        let error = put(None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Precondition, "{error}");
        assert!(put(Some(other)).unwrap().has_moved);
    }

    #[test]
    fn a_kept_module_is_compared_with_its_predecessor() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let old = wat::parse_str("(module (func (export \"f\")))").unwrap();
        let old = store
            .put(&Change::default(), &path("a"), old.as_slice())
            .unwrap()
            .value;
        let new = keep(&store, "a", "(module (func (export \"g\")))");
        let compared = store
            .compare_with_kept(old, (&new.digest, &path("a")))
            .unwrap();
        let ModuleComparison::Compared(diff) = compared else {
            panic!("{compared:?}");
        };
        assert_eq!(
            diff.verdict.compatibility,
            crate::store::Compatibility::Breaking
        );
    }

    #[test]
    fn a_damaged_file_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let kept = keep(&store, "a", "(module)");
        let (_, file) = store.kept_file(&kept.digest).unwrap().unwrap();
        for damage in [&b"\0asm\x01\0\0\0\0\x01\0"[..], b"\0as"] {
            std::fs::write(&file, damage).unwrap();
            let error = store.preview(&kept.digest, &path("a")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
            assert!(!file.exists());
        }
    }

    #[test]
    fn texts_are_kept_within_the_limits() {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            blob_uploads: BlobUploadLimits {
                bytes_max: 10,
                files_max: 10,
                age_max: Duration::from_secs(3600),
            },
            ..Options::default()
        };
        let store = Store::open_or_create(dir.path(), options, ObjectFormat::Sha1).unwrap();
        let digest = store.keep_text("a plan").unwrap();
        assert_eq!(
            store.kept_text(&digest, 100).unwrap().as_deref(),
            Some("a plan")
        );
        assert_eq!(store.kept_text(&digest, 3).unwrap(), None);
        let error = store.keep_text("another plan").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Full, "{error}");
    }
}
