//! Putting a stored module at another path.

use super::commit_messages as message;
use super::error::{Error, Result};
use super::open::{Change, Store};
use super::put::judged;
use crate::names::{HashRef, ModuleHash, ModulePath};
use crate::repo::Published;
use crate::wasm;

impl Store {
    /// Puts the module that the object store has under `hash` at `path`, in one commit. Returns its hash and the branch's tip.
    ///
    /// # Errors
    /// No such blob, or one that is no valid module; `path` would be module and folder at once; unknown branch.
    pub fn set(
        &self,
        change: &Change,
        hash: &HashRef,
        path: &ModulePath,
    ) -> Result<Published<ModuleHash>> {
        let unknown = || Error::NoModule(hash.to_string());
        // A digest may take long to find: better before others wait for a lock than while they do.
        let hash = self.stored(hash)?.ok_or_else(unknown)?;
        let mut writing = self.begin()?;
        let bytes = self.repo.objects().blob(hash)?.ok_or_else(unknown)?;
        wasm::validate(bytes.as_slice(), &self.options.modules).map_err(|_| unknown())?;
        writing.adopt_blob(hash)?;
        self.publish(writing, change.branch.as_ref(), |draft| {
            change.check(draft, path.as_tree_path().into())?;
            draft.set(&[(path.clone(), hash)])?;
            let message = || message::set(path, hash);
            Ok((judged(change, draft, Vec::new(), message), hash))
        })
    }
}
