//! Bringing back what a commit had, as a new commit.

use super::commit_messages as message;
use super::error::{Error, Result};
use super::open::{Change, Store};
use super::put::judged;
use crate::names::{CommitId, TreePath};
use crate::repo::Published;

impl Store {
    /// Makes a commit on the branch in which `scope` (a module, a folder, or the whole tree) is as in `commit`; absent there, it
    /// is removed. Nothing to change: no commit.
    ///
    /// # Errors
    /// Unknown commit or branch; `scope` is absent on both sides; a module is in the way.
    pub fn restore(
        &self,
        change: &Change,
        commit: CommitId,
        scope: &TreePath,
    ) -> Result<Published<()>> {
        let mut writing = self.begin()?;
        writing.adopt_commit(commit)?;
        self.publish(writing, change.branch.as_ref(), |draft| {
            change.check(draft, scope.into())?;
            let there = draft.entry_in(&draft.commit(commit)?, scope)?;
            if there.is_none() && draft.node(scope)?.is_none() {
                return Err(Error::NoModule(format!(
                    "{scope} in commit {commit}, nor now"
                )));
            }
            draft.restore(commit, scope)?;
            Ok((
                judged(change, draft, Vec::new(), || message::restore(scope)),
                (),
            ))
        })
    }
}
