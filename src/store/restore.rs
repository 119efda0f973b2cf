//! Restores the content of an earlier commit in a new commit.

use super::change::Change;
use super::commit_messages as message;
use super::error::{Error, Result};
use super::open::Store;
use super::revision::Revision;
use crate::names::{CommitId, TreePath};
use crate::repo::Published;

impl Store {
    /// Restores `scope` to its state in the commit to which `from` resolves now, like [`restore`](Self::restore).
    ///
    /// # Errors
    /// The errors of `restore`; `from` is unknown.
    pub fn restore_from(
        &self,
        change: &Change,
        from: &Revision,
        scope: &TreePath,
    ) -> Result<Published<()>> {
        self.restore(change, self.commit_id(from)?, scope)
    }

    /// Makes a commit in which `scope` (a module, a directory, or the whole tree) is as in `commit`. If `commit` does not have `scope`,
    /// removes it. Makes no commit if nothing would change.
    ///
    /// # Errors
    /// Unknown commit or branch; `scope` exists neither in `commit` nor on the branch; a parent directory of `scope` is a module.
    pub fn restore(
        &self,
        change: &Change,
        commit: CommitId,
        scope: &TreePath,
    ) -> Result<Published<()>> {
        let mut txn = self.begin()?;
        self.named_commit(commit)?;
        txn.sync_existing_commit(commit)?;
        self.publish(txn, change, |draft| {
            change.check(self, draft, scope.into())?;
            let restored = draft.entry_in(&draft.commit(commit)?, scope)?;
            if restored.is_none() && draft.node(scope)?.is_none() {
                return Err(Error::NoModule(format!(
                    "{scope} in commit {commit} or at the tip of the branch"
                )));
            }
            draft.restore(commit, scope)?;
            let message = || message::restore(scope);
            Ok((change.commit_if_changed(draft, Vec::new(), message), ()))
        })
    }
}
