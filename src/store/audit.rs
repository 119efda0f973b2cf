//! Who changed a path, and when.

use super::error::Result;
use super::log::Page;
use super::open::Store;
use super::revision::Revision;
use crate::names::{CommitId, ModuleHash, ModulePath};
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
    pub fn audit(&self, at: &Revision, path: &ModulePath) -> Result<Vec<AuditEntry>> {
        Ok(self.audit_page(at, path, None, usize::MAX)?.0)
    }

    /// Revision most `count` of them, that come after the commit `after`; and whether there are more.
    ///
    /// # Errors
    /// `after` is not among them.
    pub fn audit_page(
        &self,
        at: &Revision,
        path: &ModulePath,
        after: Option<CommitId>,
        count: usize,
    ) -> Result<(Vec<AuditEntry>, bool)> {
        let (_, page) = self.as_of(at, |at| {
            let mut page = Page::new(after, count);
            for change in self.own_changes(at, path)?.into_iter().rev() {
                if page.wants(change.commit) {
                    page.items.push(AuditEntry {
                        commit: self.repo.objects().linked_commit(change.commit)?,
                        hash: change.module,
                    });
                }
            }
            Ok(page)
        })?;
        page.end()
    }
}
