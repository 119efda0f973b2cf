//! Puts a module that was uploaded in chunks at a path.

use super::change::Change;
use super::error::Result;
use super::error_kind::ErrorKind;
use super::open::Store;
use super::registry::BlobUpload;
use crate::names::{ModuleHash, ModulePath};
use crate::repo::{Published, UploadArea};
use crate::wasm;

impl Store {
    /// Returns the area (directory) for the uploads of a user, so that users cannot continue each other's uploads. `user` is any text that
    /// identifies the user; `None` stands for a client without a name.
    pub fn module_upload_area(user: Option<&str>) -> UploadArea {
        let digest = wasm::sha256(user.unwrap_or_default().as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        UploadArea::Modules(bytes)
    }

    /// Validates the bytes of an upload, and puts them at `path`, like [`put`](Self::put). Calls `hold` with the number of bytes that are
    /// buffered in memory, and fails if `hold` returns false. Afterwards, the caller discards the upload, which is returned.
    ///
    /// # Errors
    /// As for [`put`](Self::put). An upload that is not a valid module is discarded. After other errors it can be put again, for example at
    /// another path.
    pub fn put_uploaded<'s>(
        &'s self,
        change: &Change,
        path: &ModulePath,
        upload: BlobUpload<'s>,
        hold: &mut dyn FnMut(usize) -> bool,
    ) -> Result<(Published<ModuleHash>, BlobUpload<'s>)> {
        let (file, file_path) = upload.file()?;
        let name = path.to_string();
        let validated = self.validate_charged_file(&name, (file, &file_path), hold);
        let validated = match validated {
            Err(error)
                if [ErrorKind::InvalidModule, ErrorKind::TooLarge].contains(&error.kind()) =>
            {
                upload.discard()?;
                return Err(error);
            }
            validated => validated?,
        };
        Ok((self.put_upload(change, path, validated)?, upload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Options;
    use crate::names::{BranchName, ModuleRef};
    use crate::repo::ObjectFormat;
    use crate::store::{EntityTags, Error, Revision};

    fn upload(store: &Store, bytes: &[u8]) -> String {
        let mut upload = store
            .begin_upload(&Store::module_upload_area(None))
            .unwrap();
        bytes
            .chunks(7)
            .for_each(|chunk| upload.write(chunk).unwrap());
        upload.id().to_owned()
    }

    fn put(store: &Store, change: &Change, id: &str) -> Result<Published<ModuleHash>> {
        let area = Store::module_upload_area(None);
        let upload = store.resume_upload(&area, id)?.expect("an upload");
        let path = "a/b".parse().unwrap();
        let (published, upload) = store.put_uploaded(change, &path, upload, &mut |_| true)?;
        upload.discard()?;
        Ok(published)
    }

    #[test]
    fn an_upload_is_kept_unless_it_is_put_or_invalid() {
        let dir = tempfile::tempdir().unwrap();
        let store =
            Store::open_or_create(dir.path(), Options::default(), ObjectFormat::Sha1).unwrap();
        let area = Store::module_upload_area(None);
        let is_there = |id: &str| store.resume_upload(&area, id).unwrap().is_some();
        let bytes = wat::parse_str("(module (func (export \"f\")))").unwrap();
        let id = upload(&store, &bytes);
        let mut unmet = Change::default();
        unmet.precondition.if_match = Some(EntityTags::Any);
        let unknown = Change {
            branch: Some(BranchName::parse("next").unwrap()),
            ..Change::default()
        };
        for (change, kind) in [
            (unmet, ErrorKind::Precondition),
            (unknown, ErrorKind::NotFound),
        ] {
            let error = put(&store, &change, &id).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert!(is_there(&id));
        }
        let published = put(&store, &Change::default(), &id).unwrap();
        assert!(published.has_moved && !is_there(&id));
        let name = ModuleRef::Path("a/b".parse().unwrap());
        let found = store.find(&Revision::default(), &name).unwrap();
        assert_eq!(found.digest.as_bytes(), &wasm::sha256(&bytes));
        let id = upload(&store, &bytes[..bytes.len() - 1]);
        let error = put(&store, &Change::default(), &id).unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }) && !is_there(&id));
        let id = upload(&store, &bytes);
        assert!(!put(&store, &Change::default(), &id).unwrap().has_moved);
    }
}
