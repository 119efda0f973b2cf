//! Puts a module at a path.

use std::io::Read;

use super::change::Change;
use super::commit_messages as message;
use super::error::{Error, Result};
use super::open::Store;
use super::upload::{Upload, ValidatedUpload};
use crate::names::{Digest, ModuleHash, ModulePath, ModuleRef};
use crate::repo::Published;

impl Store {
    /// Reads `source` to its end, validates and stores the bytes, and puts the module at `path` in one commit. Makes no commit if `path`
    /// already has this module. Returns the module's hash and the branch's tip.
    ///
    /// # Errors
    /// Invalid module; too many bytes; `source` cannot be read to its end; `path` is a directory or below a module; unknown branch. In
    /// these cases nothing is stored.
    pub fn put(
        &self,
        change: &Change,
        path: &ModulePath,
        source: impl Read,
    ) -> Result<Published<ModuleHash>> {
        self.put_with_digest(change, path, None, source)
    }

    /// Puts a module at `path` like [`put`](Self::put), if its bytes have the digest `expected`. `None` accepts any bytes.
    ///
    /// # Errors
    /// The errors of `put`; the bytes have another digest. Then nothing is stored.
    pub fn put_with_digest(
        &self,
        change: &Change,
        path: &ModulePath,
        expected: Option<Digest>,
        source: impl Read,
    ) -> Result<Published<ModuleHash>> {
        let upload = self.receive(&path.to_string(), source)?;
        let actual = Digest::from_bytes(upload.info.sha256);
        match expected {
            Some(expected) if expected != actual => Err(Error::OtherDigest {
                name: path.to_string(),
                expected,
                actual,
            }),
            _ => self.put_upload(change, path, upload),
        }
    }

    /// Begins to put a module at `path`. The caller writes the bytes to the returned upload, and passes it to
    /// [`finish_put`](Self::finish_put).
    ///
    /// # Errors
    /// The errors of [`put`](Self::put) that can be found without the bytes.
    pub fn begin_put(&self, change: &Change, path: &ModulePath) -> Result<Upload> {
        self.check_put(change, path)?;
        Ok(self.upload(&path.to_string()))
    }

    /// Checks a [`put`](Self::put) as far as that is possible without the bytes.
    ///
    /// # Errors
    /// The errors of [`put`](Self::put) that do not depend on the bytes.
    pub fn check_put(&self, change: &Change, path: &ModulePath) -> Result<()> {
        let name = ModuleRef::Path(path.clone());
        self.refuse_early(change, || self.check_precondition(change, Some(&name)))?;
        self.check_free(change, [path])
    }

    /// Validates the completed upload and puts it at `path`, like [`put`](Self::put).
    ///
    /// # Errors
    /// As for [`put`](Self::put).
    pub fn finish_put(
        &self,
        change: &Change,
        path: &ModulePath,
        upload: Upload,
    ) -> Result<Published<ModuleHash>> {
        self.put_upload(change, path, upload.finish()?)
    }

    /// Puts a validated upload at `path`, like [`put`](Self::put).
    pub(super) fn put_upload(
        &self,
        change: &Change,
        path: &ModulePath,
        mut upload: ValidatedUpload,
    ) -> Result<Published<ModuleHash>> {
        self.check_free(change, [path])?;
        let mut txn = self.begin()?;
        let hash = txn.add_blob(&mut upload.spool)?;
        self.note_validated(hash, &upload.info, upload.facts.take());
        self.publish(txn, change, |draft| {
            let module = [(path.clone(), hash)];
            change.check_put(self, draft, path.as_tree_path().into(), &module)?;
            draft.set(&module)?;
            let message = || message::import(path.as_tree_path());
            Ok((change.commit_if_changed(draft, Vec::new(), message), hash))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::config::Options;
    use crate::repo::ObjectFormat;

    fn count_files(directory: &Path) -> usize {
        let entries = std::fs::read_dir(directory).unwrap();
        let count = |path: PathBuf| {
            if path.is_dir() { count_files(&path) } else { 1 }
        };
        entries.map(|entry| count(entry.unwrap().path())).sum()
    }

    #[test]
    fn refused_modules_are_not_stored() {
        let dir = tempfile::tempdir().unwrap();
        let store =
            Store::open_or_create(dir.path(), Options::default(), ObjectFormat::Sha1).unwrap();
        let module = |text: &str| wat::parse_str(text).unwrap();
        let put = |branch: Option<&str>, path: &str, text: &str| {
            let change = Change {
                branch: branch.map(|branch| branch.parse().unwrap()),
                ..Change::default()
            };
            store.put(&change, &path.parse().unwrap(), module(text).as_slice())
        };
        put(None, "a/b", "(module)").unwrap();
        let objects = || count_files(&dir.path().join("objects"));
        let before = objects();
        let other = "(module (func))";
        for (branch, path) in [(None, "a"), (None, "a/b/c"), (Some("x"), "d")] {
            put(branch, path, other).unwrap_err();
            assert_eq!(objects(), before, "{branch:?} {path}");
        }
        put(None, "a/c", other).unwrap();
        assert_eq!(objects(), before + 2, "a pack and its index");
    }
}
