//! Lists the commits that changed a module, or something below a directory.

use super::after_commit::AfterCommit;
use super::error::Result;
use super::open::Store;
use super::revision::Revision;
use crate::names::{CommitId, ModuleHash, ModulePath};
use crate::repo::{Commit, TreeNode};

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

    /// Returns whether the log of a path is that of a directory: the path is a directory in the tree of `revision`, or it is nothing there
    /// and never was a module.
    pub fn has_directory_log(&self, revision: &Revision, path: &ModulePath) -> Result<bool> {
        let node = self.read(revision, |resolved| match resolved.tree {
            Some(tree) => Ok(self.repo.objects().node(tree, path.as_tree_path())?),
            None => Ok(None),
        })?;
        match node {
            Some(TreeNode::Directory(_)) => Ok(true),
            Some(TreeNode::Module(_)) => Ok(false),
            Some(TreeNode::Foreign) | None => Ok(self.own_changes(revision, path)?.is_empty()),
        }
    }

    /// Calls `visit` for the commits reachable from `revision` that changed, added or removed a module below the directory at `path`,
    /// newest first, starting with the first one after the commit `after`, until `visit` returns `false`. Like
    /// [`audit`](Self::audit), it lists a change for the commit that made it, and not again for a merge. Pass a revision that
    /// [`as_of`](Self::as_of) resolved.
    ///
    /// # Errors
    /// `after` is not one of these commits.
    pub fn log_directory_after(
        &self,
        revision: &Revision,
        path: &ModulePath,
        after: Option<CommitId>,
        mut visit: impl FnMut(Commit) -> bool,
    ) -> Result<()> {
        let commits = self.read(revision, |resolved| match resolved.commit {
            Some(tip) => self.query_index(tip, |index| {
                Ok(index.commits_below(tip, path.as_tree_path())?)
            }),
            None => Ok(Vec::new()),
        })?;
        let mut selection = AfterCommit::new(after);
        for id in commits.into_iter().rev() {
            if selection.selects(id) && !visit(self.repo.objects().linked_commit(id)?) {
                break;
            }
        }
        selection.finish()
    }
}
