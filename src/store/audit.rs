//! Who changed a path, and when.

use super::error::Result;
use super::open::Store;
use super::view::At;
use crate::names::{ModuleHash, ModulePath};
use crate::repo::Commit;

/// One change of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// The commit that made it.
    pub commit: Commit,
    /// What it put there; `None` if it removed what was there.
    pub hash: Option<ModuleHash>,
}

impl Store {
    /// Every commit in the history of `at` that changed `path`, removals included, newest first. None for an unknown path.
    pub fn audit(&self, at: &At, path: &ModulePath) -> Result<Vec<AuditEntry>> {
        let (_, entries) = self.as_of(at, |at| {
            let changes = self.own_changes(at, path)?.into_iter().rev();
            let entry = |change: crate::index::OwnChange| {
                Ok(AuditEntry {
                    commit: self.repo.linked_commit(change.commit)?,
                    hash: change.module,
                })
            };
            changes.map(entry).collect::<Result<Vec<_>>>()
        })?;
        Ok(entries)
    }
}
