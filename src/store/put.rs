//! Putting a module at a path.

use std::io::Read;

use super::error::Result;
use super::message;
use super::open::{Change, Store};
use crate::names::{CommitId, ModuleHash, ModulePath};
use crate::repo::{Draft, Judged};

impl Store {
    /// Validates the bytes of `source` to their end, stores them, and puts them at `path` in one commit. The same bytes at the
    /// same path: no commit. Returns the module's hash.
    ///
    /// # Errors
    /// The bytes are no valid module, too many, or cannot be read to their end; `path` would be module and folder at once;
    /// unknown branch. Nothing is stored then.
    pub fn put(&self, change: &Change, path: &ModulePath, source: impl Read) -> Result<ModuleHash> {
        let mut received = self.receive(&path.to_string(), source)?;
        let mut writing = self.repo.begin()?;
        let hash = writing.add_blob(&mut received.spool)?;
        writing.publish(change.branch.as_ref(), |draft| -> Result<_> {
            draft.set(&[(path.clone(), hash)])?;
            Ok((
                judged(change, draft, Vec::new(), || {
                    message::import(path.as_tree_path())
                }),
                (),
            ))
        })?;
        Ok(hash)
    }
}

/// A commit of the draft if it differs from the tip.
pub(super) fn judged(
    change: &Change,
    draft: &Draft<'_>,
    also: Vec<CommitId>,
    message: impl FnOnce() -> String,
) -> Judged {
    if !draft.is_changed() && also.is_empty() {
        return Judged::Unchanged;
    }
    Judged::Commit {
        tree: draft.tree(),
        also,
        author: change.author(),
        message: change.message(message),
    }
}
