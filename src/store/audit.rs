//! Lists the commits that changed a path.

use super::commit_page::CommitPage;
use super::error::Result;
use super::open::Store;
use super::revision::Revision;
use crate::names::{CommitId, ModuleHash, ModulePath};
use crate::repo::Commit;

/// A commit that changed a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// The commit.
    pub commit: Commit,
    /// The module at the path in the commit's tree; `None` if the commit removed the module.
    pub hash: Option<ModuleHash>,
}

impl Store {
    /// Returns every commit reachable from `revision` that changed or removed `path`, newest first; an empty list for an unknown path.
    pub fn audit(&self, revision: &Revision, path: &ModulePath) -> Result<Vec<AuditEntry>> {
        Ok(self.audit_page(revision, path, None, usize::MAX)?.0)
    }

    /// Returns at most `count` of the commits that [`audit`](Self::audit) returns, starting after the commit `after`; and whether
    /// there are more.
    ///
    /// # Errors
    /// `after` is not one of the commits.
    pub fn audit_page(
        &self,
        revision: &Revision,
        path: &ModulePath,
        after: Option<CommitId>,
        count: usize,
    ) -> Result<(Vec<AuditEntry>, bool)> {
        let (_, page) = self.as_of(revision, |resolved| {
            let mut page = CommitPage::new(after, count);
            for change in self.own_changes(resolved, path)?.into_iter().rev() {
                if page.accepts(change.commit) {
                    page.items.push(AuditEntry {
                        commit: self.repo.objects().linked_commit(change.commit)?,
                        hash: change.module,
                    });
                }
            }
            Ok(page)
        })?;
        page.finish()
    }
}
