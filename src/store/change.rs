//! A write to a branch: its branch, author, message and precondition.

use super::error::Result;
use super::precondition::{Precondition, PreconditionSubject, entity_tag};
use crate::names::{Author, BranchName, CommitId, Message};
use crate::repo::{Decision, Draft, RequestId};

/// The parameters that every write has.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// The branch to write to; `None` is the default branch.
    pub branch: Option<BranchName>,
    /// The author of the commit; `None` is `wasmstore <wasmstore@localhost>`.
    pub author: Option<Author>,
    /// The commit message; `None` is the default message of the operation.
    pub message: Option<Message>,
    /// What must be true of the branch or module for the write to be made (`If-Match`, `If-None-Match`).
    pub precondition: Precondition,
    /// The id of the client's request, if the client may send the request again. The write is made at most once for each id. Used only for
    /// stores in a bucket.
    pub request: Option<RequestId>,
}

impl Change {
    /// Returns the author of the commit, or the default author if none was given.
    pub(super) fn author(&self) -> Author {
        self.author.clone().unwrap_or_default()
    }

    /// Returns the commit message, or `default` if none was given.
    pub(super) fn message(&self, default: impl FnOnce() -> String) -> String {
        self.message
            .as_ref()
            .map_or_else(default, |message| message.as_str().to_owned())
    }

    /// Checks the precondition of the write against `draft`, which starts at the tip that the write replaces. `subject` says what the
    /// precondition is about.
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

    /// Returns the decision to commit the draft if it differs from the tip or has `extra_parents`; otherwise the decision to leave the
    /// branch unchanged.
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
