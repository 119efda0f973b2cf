//! Creates cursors, which follow a branch.

use super::cursor::BranchCursor;
use super::event::CursorPosition;
use crate::names::{BranchName, CommitId, TreePath};
use crate::repo::{self, TreeId};
use crate::store::error::{Error, Result};
use crate::store::open::Store;
use crate::store::revision::Revision;

impl Store {
    /// Returns a cursor on `branch`, or on the default branch if `branch` is `None`. Its position is the commit `since`, or the tip if
    /// `since` is `None`. The cursor has no list of modules, so a `gc` can remove the tree at its position.
    ///
    /// # Errors
    /// Unknown branch or commit; the store does not exist.
    pub fn cursor(
        &self,
        branch: Option<&BranchName>,
        since: Option<CommitId>,
    ) -> Result<BranchCursor> {
        // Another server of the store may have sent the client newer commits than this server has, so updates first.
        if since.is_some()
            && let Err(error) = self.follow()
        {
            tracing::debug!(%error, "cannot follow the bucket for a watcher");
        }
        let branch = branch.map_or_else(|| self.default_branch(), |branch| Ok(branch.clone()))?;
        if self.repo.is_absent() {
            return Err(Error::NoCommit(branch.to_string()));
        }
        self.tip(Some(&branch))?;
        let revision =
            since.map_or_else(|| Revision::Branch(Some(branch.clone())), Revision::Commit);
        let position = self.read(&revision, |resolved| {
            let position = resolved.commit.zip(resolved.tree);
            Ok(position.map(|(commit, tree)| CursorPosition { commit, tree }))
        });
        match (position, since) {
            (Err(Error::Repo(repo::Error::UnknownCommit(_))), Some(since)) => {
                self.cursor_at_dropped_commit(branch, since)
            }
            (position, _) => Ok(BranchCursor::new(branch, position?)),
        }
    }

    /// Returns the same as [`cursor`](Self::cursor), but with a list of the modules at the position of the cursor, so that the cursor can
    /// continue even if a `gc` removes the tree at this position.
    ///
    /// # Errors
    /// The errors of `cursor`.
    pub fn gc_safe_cursor(
        &self,
        branch: Option<&BranchName>,
        since: Option<CommitId>,
    ) -> Result<BranchCursor> {
        let attempt = || {
            let mut cursor = self.cursor(branch, since)?;
            if cursor.keep_content() {
                return Ok(cursor);
            }
            let tree = cursor.position().map(|position| position.tree);
            let modules = tree.map(|tree| self.modules_in(tree, &TreePath::root()));
            let content = modules.transpose()?.unwrap_or_default();
            Ok(cursor.with_content(content, false))
        };
        match attempt() {
            // A `gc` has squashed the history after the tip was read. The second attempt reads the new tip.
            Err(error) if Error::is_missing_object(&error) && since.is_none() => attempt(),
            result => result,
        }
    }

    /// Returns a cursor at a commit that a `gc` dropped. Takes the tree id and the modules of the commit from the index, if the index has
    /// it.
    fn cursor_at_dropped_commit(
        &self,
        branch: BranchName,
        commit: CommitId,
    ) -> Result<BranchCursor> {
        let index = self.index.reader()?;
        let entry = index.commit(commit)?;
        let tree = entry
            .and_then(|entry| TreeId::from_bytes(&entry.tree))
            .ok_or(repo::Error::UnknownCommit(commit))?;
        let content = index.modules_in(commit)?;
        let position = CursorPosition { commit, tree };
        Ok(BranchCursor::new(branch, Some(position)).with_content(content, true))
    }
}
