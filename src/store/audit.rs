//! Lists the commits that changed a module.

use super::after_commit::AfterCommit;
use super::error::Result;
use super::open::Store;
use super::revision::Revision;
use crate::names::{CommitId, ModuleHash, ModulePath};
use crate::repo::Commit;

/// A commit that changed a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// The commit that changed the path.
    pub commit: Commit,
    /// The module at the path in the commit's tree; `None` if the commit removed the module from the path.
    pub hash: Option<ModuleHash>,
}

impl Store {
    /// Returns every commit reachable from `revision` that changed or removed the module at `path`, newest first. The list is empty for an
    /// unknown path.
    pub fn audit(&self, revision: &Revision, path: &ModulePath) -> Result<Vec<AuditEntry>> {
        let (_, entries) = self.as_of(revision, |resolved| {
            let mut entries = Vec::new();
            self.audit_after(resolved, path, None, |entry| {
                entries.push(entry);
                true
            })?;
            Ok(entries)
        })?;
        Ok(entries)
    }

    /// Calls `visit` for the commits that [`audit`](Self::audit) returns, starting with the first one after the commit `after`, until
    /// `visit` returns `false`. Pass a revision that [`as_of`](Self::as_of) resolved.
    ///
    /// # Errors
    /// `after` is not one of the commits that `audit` returns.
    pub fn audit_after(
        &self,
        revision: &Revision,
        path: &ModulePath,
        after: Option<CommitId>,
        mut visit: impl FnMut(AuditEntry) -> bool,
    ) -> Result<()> {
        let mut selection = AfterCommit::new(after);
        for change in self.own_changes(revision, path)?.into_iter().rev() {
            if !selection.selects(change.commit) {
                continue;
            }
            let entry = AuditEntry {
                commit: self.repo.objects().linked_commit(change.commit)?,
                hash: change.module,
            };
            if !visit(entry) {
                break;
            }
        }
        selection.finish()
    }
}
