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
    /// Unknown branch or commit; the store does not exist; the store is in a bucket that cannot be reached, and this copy is too old to know
    /// whether the branch has the commit.
    pub fn cursor(
        &self,
        branch: Option<&BranchName>,
        since: Option<CommitId>,
    ) -> Result<BranchCursor> {
        // Another server of the store may have sent the client newer commits than this server has, so updates first.
        let followed = since.map_or(Ok(()), |_| self.follow());
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
            (Err(Error::Repo(repo::Error::UnknownCommit(_))), Some(since)) => self
                .cursor_at_dropped_commit(branch, since)
                // Without the newest state, it is not known whether the commit exists.
                .map_err(|error| followed.err().unwrap_or(error)),
            (position, _) => {
                let position = position?;
                if let Err(error) = followed
                    && !self.has_in_history(&branch, position)?
                {
                    return Err(error);
                }
                Ok(BranchCursor::new(branch, position))
            }
        }
    }

    /// Returns whether the first-parent history of the branch, as far as this server has it, contains the position. If not, it may contain it
    /// in the newest state: the objects of a commit can be here before the branch moves to it.
    fn has_in_history(
        &self,
        branch: &BranchName,
        position: Option<CursorPosition>,
    ) -> Result<bool> {
        let commit = position.map(|position| position.commit());
        let Some(tip) = self.tip(Some(branch))? else {
            return Ok(commit.is_none());
        };
        let history = self.repo.objects().first_parent_history(commit, tip)?;
        Ok(history.is_some())
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
