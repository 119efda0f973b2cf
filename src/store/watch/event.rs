//! Events: the changes of a branch's tip that a watcher receives.

use crate::names::CommitId;
use crate::repo::{Commit, PathChange, TreeId};

/// The approximate memory for a change without the text of its path, and for a commit without its message, in bytes.
const CHANGE_BYTES: usize = 200;

/// A change of a branch's tip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The branch's tip after the event.
    pub commit: Commit,
    /// Whether the first-parent history of the tip does not contain the cursor's commit, as after a reset, a squash, or a push of a merge
    /// whose first parent is another commit. In this case, `changes` is the difference between the trees of the cursor's commit and the
    /// tip.
    pub reset: bool,
    /// Every path that changed, sorted by path.
    pub changes: Vec<PathChange>,
}

/// The position of a cursor: a commit and its tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CursorPosition {
    pub(super) commit: CommitId,
    pub(super) tree: TreeId,
}

impl Event {
    /// Returns the position of the cursor after this event.
    pub fn position(&self) -> CursorPosition {
        CursorPosition {
            commit: self.commit.id,
            tree: self.commit.tree,
        }
    }

    /// Returns the approximate size of the event in memory, in bytes.
    pub fn bytes(&self) -> usize {
        let paths = self.changes.iter().map(|change| change.path.as_str().len());
        paths.map(|path| path + CHANGE_BYTES).sum::<usize>()
            + self.commit.message.len()
            + CHANGE_BYTES
    }
}

impl CursorPosition {
    /// Returns the commit at the position.
    pub fn commit(&self) -> CommitId {
        self.commit
    }
}
