//! A write to a branch: its branch, author, message and precondition.

use super::error::{Error, Result};
use super::open::Store;
use super::path_conditions::PathConditions;
use super::precondition::{CurrentTag, Precondition, PreconditionSubject, entity_tag};
use crate::names::{Author, BranchName, CommitId, Message, ModuleHash, ModulePath};
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
    /// The condition on the branch or module under which the write is made (`If-Match`, `If-None-Match`).
    pub precondition: Precondition,
    /// The conditions for single paths under which the write is made.
    pub path_conditions: PathConditions,
    /// The id of the client's request, if the client may send the request again. The write is made at most once for each id. Used only for
    /// stores in a bucket.
    pub request: Option<RequestId>,
    /// Whether the write fails with `Moved` as soon as another server changes the store first, so that the caller can forward the write to
    /// that server. Otherwise the write is retried for some seconds. Used only for stores in a bucket.
    pub fails_if_overtaken: bool,
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

    /// Checks all conditions of a write that does not name the paths that it writes. Compares them with the tip that the write replaces.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`]; [`Error::NoWrittenPaths`] for a condition that is about such paths.
    pub(super) fn check(
        &self,
        store: &Store,
        draft: &Draft<'_>,
        subject: PreconditionSubject<'_>,
    ) -> Result<()> {
        if self.path_conditions.others_absent {
            return Err(Error::NoWrittenPaths);
        }
        self.check_precondition(store, draft, subject)?;
        self.path_conditions.check(draft, &[])
    }

    /// Checks all conditions of a write that puts `modules` at their paths. Compares them with the tip that the write replaces.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`].
    pub(super) fn check_put(
        &self,
        store: &Store,
        draft: &Draft<'_>,
        subject: PreconditionSubject<'_>,
        modules: &[(ModulePath, ModuleHash)],
    ) -> Result<()> {
        self.check_precondition(store, draft, subject)?;
        self.path_conditions.check(draft, modules)
    }

    /// Checks the precondition, without the conditions for single paths.
    fn check_precondition(
        &self,
        store: &Store,
        draft: &Draft<'_>,
        subject: PreconditionSubject<'_>,
    ) -> Result<()> {
        if self.precondition.is_empty() {
            return Ok(());
        }
        let tip = || draft.tip().map(|tip| tip.id);
        let current = match subject {
            PreconditionSubject::Branch => tip().map(CurrentTag::Tip),
            PreconditionSubject::Module(hash) => hash.map(CurrentTag::Module),
            PreconditionSubject::Path(path) => {
                let current = entity_tag(draft.node(path)?, tip);
                return store.check_current_at(&self.precondition, path, current);
            }
        };
        store.check_current(&self.precondition, current)
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
