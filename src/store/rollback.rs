//! Rolls back: undoes the newest change of a path. Each further rollback undoes the change before.
//!
//! Only the branch's first-parent history matters. The trailer of a rollback commit names the commit whose content was restored. The next
//! rollback of the same scope continues from that commit, so repeated rollbacks always go further back. A trailer that does not agree with
//! the history, such as a forged one, is ignored.

use super::change::Change;
use super::commit_messages::{self as message, RESTORES, SQUASHED};
use super::error::{Error, Result};
use super::open::Store;
use super::revision::Revision;
use crate::index::{self, Reader};
use crate::names::{CommitId, TreePath};
use crate::repo::{Commit, Draft, Published};

/// The change that a rollback undoes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UndoneChange {
    /// The commit that made the change.
    pub undone: CommitId,
    /// The commit whose content is restored: the first parent of `undone`.
    pub restored: CommitId,
}

impl Store {
    /// Commits `scope` (a module, a directory, or the whole tree) as it was before its newest change that has not been undone.
    ///
    /// # Errors
    /// `scope` never existed; nothing is left to undo; the change to undo is a squashed commit; a parent directory of `scope` is a module;
    /// unknown branch.
    pub fn rollback(&self, change: &Change, scope: &TreePath) -> Result<Published<UndoneChange>> {
        // Updates the index before the lock is taken, because that may take long.
        let index = self.index_for_rollback(&Revision::Branch(change.branch.clone()));
        let txn = self.begin()?;
        self.publish(txn, change, |draft| {
            change.check(self, draft, scope.into())?;
            let search = RollbackSearch {
                draft,
                index: index.as_ref(),
                scope,
            };
            let target = search.target()?;
            draft.restore(target.restored, scope)?;
            let user_message = change.message(|| message::rollback(scope));
            let message = message::with_restores_trailer(&user_message, target.restored);
            let without_message = Change {
                message: None,
                ..change.clone()
            };
            let decision = without_message.commit_if_changed(draft, Vec::new(), || message);
            Ok((decision, target))
        })
    }

    /// Returns the commit of `revision`, and the change that a rollback of `scope` would undo if this commit is the branch's tip. Changes
    /// nothing.
    ///
    /// # Errors
    /// As for [`rollback`](Self::rollback).
    pub fn preview_rollback(
        &self,
        revision: &Revision,
        scope: &TreePath,
    ) -> Result<(CommitId, UndoneChange)> {
        let tip = self.snapshot(revision)?;
        let index = self.index_for_rollback(&Revision::Commit(tip));
        let target = self.repo.with_draft(tip, |draft| {
            let search = RollbackSearch {
                draft,
                index: index.as_ref(),
                scope,
            };
            search.target()
        });
        Ok((tip, target?))
    }

    /// Returns the index with the commits of a revision; `None` if it cannot be read. Then the search walks the history.
    fn index_for_rollback(&self, revision: &Revision) -> Option<Reader> {
        self.catch_up(revision)
            .and_then(|()| Ok(self.index.reader()?))
            .ok()
    }
}

/// The search for the commit whose content a rollback restores. Uses the index for the commits that the index contains.
struct RollbackSearch<'b, 'd> {
    draft: &'b Draft<'d>,
    index: Option<&'b Reader>,
    scope: &'b TreePath,
}

impl RollbackSearch<'_, '_> {
    /// Returns the change that the rollback undoes, and the commit whose content it restores.
    fn target(&self) -> Result<UndoneChange> {
        let scope = self.scope;
        let is_root = scope.is_root();
        let nothing = || {
            let at_scope = if is_root {
                String::new()
            } else {
                format!(" at {scope}")
            };
            Error::NothingToRollBack(at_scope)
        };
        let tip = self.draft.tip().cloned().ok_or_else(nothing)?;
        let Some(mut newest) = self.newest_change(tip)? else {
            return Err(if is_root {
                nothing()
            } else {
                Error::NeverExisted(scope.to_string())
            });
        };
        while let Some(restored) = self.restored_by(&newest)? {
            newest = self.newest_change(restored)?.ok_or_else(nothing)?;
        }
        if newest.trailer(SQUASHED) == Some("true") {
            return Err(nothing());
        }
        Ok(UndoneChange {
            undone: newest.id,
            restored: newest.parents.first().copied().ok_or_else(nothing)?,
        })
    }

    /// Returns the newest commit in the first-parent history of `from` in which `scope` differs from the first parent. A commit without
    /// parents is compared with an empty tree.
    fn newest_change(&self, from: Commit) -> Result<Option<Commit>> {
        let mut commit = from;
        let mut entry = self.draft.entry_in(&commit, self.scope)?;
        loop {
            let query = |index: &Reader| index.newest_change(commit.id, self.scope);
            if let Some(newest) = self.query_index(commit.id, query) {
                let newest = newest.map(|newest| self.draft.commit(newest));
                return Ok(newest.transpose()?);
            }
            let Some(parent) = self.draft.parent(&commit)? else {
                break;
            };
            let parent_entry = self.draft.entry_in(&parent, self.scope)?;
            if parent_entry != entry {
                return Ok(Some(commit));
            }
            (commit, entry) = (parent, parent_entry);
        }
        let is_present = if self.scope.is_root() {
            !commit.tree.is_empty()
        } else {
            entry.is_some()
        };
        Ok(is_present.then_some(commit))
    }

    /// Returns the commit from which `rollback` restored the scope; `None` if `rollback` is not a rollback commit. `rollback` is a rollback
    /// commit if its trailer names a first-parent ancestor that has the same content in the scope.
    fn restored_by(&self, rollback: &Commit) -> Result<Option<Commit>> {
        let trailer = rollback.trailer(RESTORES);
        let Some(named) = trailer.and_then(|id| id.parse::<CommitId>().ok()) else {
            return Ok(None);
        };
        let Some(ancestor) = self.first_parent_ancestor(rollback, named)? else {
            return Ok(None);
        };
        let restored = self.draft.entry_in(&ancestor, self.scope)?;
        let is_same = restored == self.draft.entry_in(rollback, self.scope)?;
        Ok(is_same.then_some(ancestor))
    }

    /// Returns the commit `named` if it is a first-parent ancestor of `commit`.
    fn first_parent_ancestor(&self, commit: &Commit, named: CommitId) -> Result<Option<Commit>> {
        let mut next = self.draft.parent(commit)?;
        while let Some(ancestor) = next {
            if ancestor.id == named {
                return Ok(Some(ancestor));
            }
            let query = |index: &Reader| index.is_first_parent_ancestor(named, ancestor.id);
            if let Some(is_ancestor) = self.query_index(ancestor.id, query) {
                let named = is_ancestor.then(|| self.draft.commit(named));
                return Ok(named.transpose()?);
            }
            next = self.draft.parent(&ancestor)?;
        }
        Ok(None)
    }

    /// Runs a query about a commit on the index. Returns `None` if the index does not contain the commit, or if the query fails.
    fn query_index<T>(
        &self,
        commit: CommitId,
        query: impl FnOnce(&Reader) -> index::Result<T>,
    ) -> Option<T> {
        let index = self.index?;
        let is_indexed = index.contains(commit).ok()?;
        is_indexed.then(|| query(index).ok())?
    }
}
