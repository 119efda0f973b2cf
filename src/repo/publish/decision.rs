//! The effect of a change on a ref, and the result of publishing the change.

use crate::names::{Author, BranchName, CommitId};
use crate::repo::ids::TreeId;

/// The effect of a change on its ref, decided on a given tip.
#[derive(Debug)]
pub enum Decision {
    /// The ref does not move.
    Unchanged,
    /// The ref moves to an existing commit.
    FastForward(CommitId),
    /// The ref moves to a new commit without parents, so that its earlier history is dropped. Only used for `refs/oci/records`.
    Root {
        /// The tree of the new commit.
        tree: TreeId,
        /// The author of the new commit.
        author: Author,
        /// The message of the new commit.
        message: String,
    },
    /// The ref moves to a new commit whose first parent is the tip.
    Commit {
        /// The tree of the new commit.
        tree: TreeId,
        /// The second and further parents of the new commit.
        more_parents: Vec<CommitId>,
        /// The author of the new commit.
        author: Author,
        /// The message of the new commit.
        message: String,
    },
}

/// The result of a published change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published<T> {
    /// The branch of the change; `None` if it is unknown, or if the change was made to another kind of ref.
    pub branch: Option<BranchName>,
    /// The tip of the branch or ref after the change; `None` if there is no commit yet.
    pub commit: Option<CommitId>,
    /// Whether the change moved a ref.
    pub has_moved: bool,
    /// The value that `decide` returned with its decision.
    pub value: T,
}

impl<T> Published<T> {
    /// Replaces the value, and keeps everything else.
    pub fn with_value<U>(self, value: U) -> Published<U> {
        Published {
            branch: self.branch,
            commit: self.commit,
            has_moved: self.has_moved,
            value,
        }
    }
}
