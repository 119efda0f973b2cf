//! The decision of a change on a given tip, and the result of publishing it.

use crate::names::{Author, BranchName, CommitId};
use crate::repo::ids::TreeId;

/// The effect of a change on its branch, decided on a given tip.
#[derive(Debug)]
pub enum Decision {
    /// The branch stays where it is.
    Unchanged,
    /// The branch moves to an existing commit.
    FastForward(CommitId),
    /// The ref moves to a new commit without parents, which drops its earlier history. Only `refs/oci/records` is moved like this.
    Root {
        /// The tree.
        tree: TreeId,
        /// The author.
        author: Author,
        /// The message.
        message: String,
    },
    /// The branch gets a new commit on top of the tip.
    Commit {
        /// The tree.
        tree: TreeId,
        /// The parents after the first, which is the tip.
        more_parents: Vec<CommitId>,
        /// The author.
        author: Author,
        /// The message.
        message: String,
    },
}

/// The result of a published change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published<T> {
    /// The branch; `None` if it is unknown, or if the change was one of another ref.
    pub branch: Option<BranchName>,
    /// The branch's tip afterwards; `None` if the branch has no commit yet.
    pub commit: Option<CommitId>,
    /// Whether the change moved the branch.
    pub has_moved: bool,
    /// The value that the change returned with its decision.
    pub value: T,
}

impl<T> Published<T> {
    /// Replaces the value.
    pub fn with_value<U>(self, value: U) -> Published<U> {
        Published {
            branch: self.branch,
            commit: self.commit,
            has_moved: self.has_moved,
            value,
        }
    }
}
