//! Undoing the newest change, and, repeated, the ones before it.
//!
//! Everything happens on the branch's first-parent line. The commit that a rollback makes names in its trailer the commit whose
//! content it brought back; the next rollback of the scope goes on from there, and so moves strictly back. A trailer is believed
//! only as far as the history bears it out, so a forged one is plain text.

use super::error::{Error, Result};
use super::message::{self, RESTORES, SQUASHED};
use super::open::{Change, Store};
use super::put::judged;
use crate::names::{CommitId, TreePath};
use crate::repo::{Commit, Draft, Published};

impl Store {
    /// Commits `scope` (a module, a folder, or the whole tree) as it was before the newest change of it that is not undone yet.
    ///
    /// # Errors
    /// Nothing was ever there; nothing is left to undo, or only a squashed commit; a module is in the way; unknown branch.
    pub fn rollback(&self, change: &Change, scope: &TreePath) -> Result<Published<()>> {
        let writing = self.repo.begin()?;
        writing.publish(change.branch.as_ref(), |draft| -> Result<_> {
            change.check(draft, scope.into())?;
            let target = target(draft, scope)?;
            draft.restore(target, scope)?;
            let default = || message::rollback(scope);
            let message = message::restoring(&change.message(default), target);
            let change = Change {
                message: None,
                ..change.clone()
            };
            Ok((judged(&change, draft, Vec::new(), || message), ()))
        })
    }
}

/// The commit whose `scope` is to be brought back.
fn target(draft: &Draft<'_>, scope: &TreePath) -> Result<CommitId> {
    let nothing = || {
        Error::NothingToRollBack(if scope.is_root() {
            String::new()
        } else {
            format!(" at {scope}")
        })
    };
    let Some(tip) = draft.tip().cloned() else {
        return Err(nothing());
    };
    let Some(mut newest) = newest_change(draft, tip, scope)? else {
        return Err(if scope.is_root() {
            nothing()
        } else {
            Error::NeverExisted(scope.to_string())
        });
    };
    while let Some(restored) = restored_by(draft, &newest, scope)? {
        newest = newest_change(draft, restored, scope)?.ok_or_else(nothing)?;
    }
    if newest.trailer(SQUASHED) == Some("true") {
        return Err(nothing());
    }
    newest.parents.first().copied().ok_or_else(nothing)
}

/// The newest commit from `from` back whose `scope` differs from its first parent's; of a root, from nothing.
fn newest_change(draft: &Draft<'_>, from: Commit, scope: &TreePath) -> Result<Option<Commit>> {
    let mut commit = from;
    let mut entry = draft.entry_in(&commit, scope)?;
    while let Some(parent) = draft.parent(&commit)? {
        let before = draft.entry_in(&parent, scope)?;
        if before != entry {
            return Ok(Some(commit));
        }
        (commit, entry) = (parent, before);
    }
    let holds_something = if scope.is_root() {
        !commit.tree.is_empty()
    } else {
        entry.is_some()
    };
    Ok(holds_something.then_some(commit))
}

/// The commit that `rollback` brought `scope` back from, if it is a rollback: its trailer names a first-parent ancestor with the
/// same content in `scope`.
fn restored_by(draft: &Draft<'_>, rollback: &Commit, scope: &TreePath) -> Result<Option<Commit>> {
    let named = rollback
        .trailer(RESTORES)
        .and_then(|id| id.parse::<CommitId>().ok());
    let Some(named) = named else { return Ok(None) };
    let mut next = draft.parent(rollback)?;
    while let Some(ancestor) = next {
        if ancestor.id == named {
            let same = draft.entry_in(&ancestor, scope)? == draft.entry_in(rollback, scope)?;
            return Ok(same.then_some(ancestor));
        }
        next = draft.parent(&ancestor)?;
    }
    Ok(None)
}
