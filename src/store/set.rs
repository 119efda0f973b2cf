//! Puts a module that the store has at another path.

use super::change::Change;
use super::commit_messages as message;
use super::error::{Error, Result};
use super::error_kind::ErrorKind;
use super::open::Store;
use crate::names::{HashRef, ModuleHash, ModulePath};
use crate::repo::Published;

impl Store {
    /// Puts the module with a hash or digest at `path`, in one commit. The object store must have the module. Returns its hash and the
    /// branch's tip.
    ///
    /// # Errors
    /// The object store does not have the blob, or the blob is not a valid module; `path` is a directory or lies below a module; unknown
    /// branch.
    pub fn set(
        &self,
        change: &Change,
        hash: &HashRef,
        path: &ModulePath,
    ) -> Result<Published<ModuleHash>> {
        let unknown = || Error::NoModule(hash.to_string());
        // Looks the module up before the lock is taken, because looking up a digest may take long.
        let stored = self.stored(hash)?.ok_or_else(unknown)?;
        let bytes = self.repo.objects().blob(stored)?.ok_or_else(unknown)?;
        match self.check_bytes(&hash.to_string(), stored, &bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Busy => return Err(error),
            Err(_) => return Err(unknown()),
        }
        drop(bytes);
        let mut txn = self.begin()?;
        // A `gc` may have removed the blob before the write began, so checks again that it exists.
        let size = self.repo.objects().blob_size_bytes(stored)?;
        size.ok_or_else(unknown)?;
        txn.sync_existing_blob(stored)?;
        self.publish(txn, change, |draft| {
            let module = [(path.clone(), stored)];
            change.check_put(self, draft, path.as_tree_path().into(), &module)?;
            draft.set(&module)?;
            let message = || message::set(path, stored);
            Ok((change.commit_if_changed(draft, Vec::new(), message), stored))
        })
    }
}
