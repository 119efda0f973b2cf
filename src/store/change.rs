//! A write to a branch: its branch, author, message and precondition.

use super::error::Result;
use super::precondition::{Precondition, PreconditionSubject, entity_tag};
use crate::names::{Author, BranchName, CommitId, Message};
use crate::repo::{Decision, Draft, RequestId};

/// The parameters that all writes have in common.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// The branch; `None` is the default branch.
    pub branch: Option<BranchName>,
    /// The author; `None` is `wasmstore <wasmstore@localhost>`.
    pub author: Option<Author>,
    /// The commit message; `None` is the default message of the operation.
    pub message: Option<Message>,
    /// The condition under which the write is made.
    pub precondition: Precondition,
    /// The request that asks for the write, if it may be sent again: the write is made at most once. Only for stores in a bucket.
    pub request: Option<RequestId>,
}

impl Change {
    /// Returns the author of the commit.
    pub(super) fn author(&self) -> Author {
        self.author.clone().unwrap_or_default()
    }

    /// Returns the commit message, or `default` if none was given.
    pub(super) fn message(&self, default: impl FnOnce() -> String) -> String {
        self.message
            .as_ref()
            .map_or_else(default, |message| message.as_str().to_owned())
    }

    /// Checks the precondition against the tip that the write replaces.
    pub(super) fn check(&self, draft: &Draft<'_>, subject: PreconditionSubject<'_>) -> Result<()> {
        if self.precondition.is_empty() {
            return Ok(());
        }
        let tip = || draft.tip().map(|tip| tip.id.to_string());
        let current = match subject {
            PreconditionSubject::Branch => tip(),
            PreconditionSubject::Module(hash) => hash,
            PreconditionSubject::Path(path) => entity_tag(draft.node(path)?, tip),
        };
        self.precondition.check(current.as_deref())
    }

    /// Decides to commit the draft if it differs from the tip or has `extra_parents`; otherwise to leave the branch unchanged.
    pub(super) fn commit_if_changed(
        &self,
        draft: &Draft<'_>,
        extra_parents: Vec<CommitId>,
        default_message: impl FnOnce() -> String,
    ) -> Decision {
        if !draft.is_changed() && extra_parents.is_empty() {
            return Decision::Unchanged;
        }
        Decision::Commit {
            tree: draft.tree(),
            more_parents: extra_parents,
            author: self.author(),
            message: self.message(default_message),
        }
    }
}
