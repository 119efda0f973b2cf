//! Undoing the newest change, and, repeated, the ones before it.
//!
//! Everything happens on the branch's first-parent line. The commit that a rollback makes names in its trailer the commit whose
//! content it brought back; the next rollback of the scope goes on from there, and so moves strictly back. A trailer is believed
//! only as far as the history bears it out, so a forged one is plain text.

use super::commit_messages::{self as message, RESTORES, SQUASHED};
use super::error::{Error, Result};
use super::open::{Change, Store};
use super::put::judged;
use super::revision::Revision;
use crate::index::{self, Reader};
use crate::names::{CommitId, TreePath};
use crate::repo::{Commit, Draft, Published};

impl Store {
    /// Commits `scope` (a module, a folder, or the whole tree) as it was before the newest change of it that is not undone yet.
    ///
    /// # Errors
    /// Nothing was ever there; nothing is left to undo, or only a squashed commit; a module is in the way; unknown branch.
    pub fn rollback(&self, change: &Change, scope: &TreePath) -> Result<Published<()>> {
        // Better before others wait for a lock than while they do; without the index the way back is walked.
        let known = self.catch_up(&Revision::Branch(change.branch.clone()));
        let index = known.and_then(|()| Ok(self.index.reader()?)).ok();
        let writing = self.begin()?;
        self.publish(writing, change.branch.as_ref(), |draft| {
            change.check(draft, scope.into())?;
            let index = index.as_ref();
            let target = Back {
                draft,
                index,
                scope,
            }
            .target()?;
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

/// The way back on a branch's first-parent line, by the index as far as that knows it.
struct Back<'b, 'd> {
    draft: &'b Draft<'d>,
    index: Option<&'b Reader>,
    scope: &'b TreePath,
}

impl Back<'_, '_> {
    /// The commit whose `scope` is to be brought back.
    fn target(&self) -> Result<CommitId> {
        let scope = self.scope;
        let nothing = || {
            Error::NothingToRollBack(match scope.is_root() {
                true => String::new(),
                false => format!(" at {scope}"),
            })
        };
        let tip = self.draft.tip().cloned().ok_or_else(nothing)?;
        let Some(mut newest) = self.newest_change(tip)? else {
            return Err(match scope.is_root() {
                true => nothing(),
                false => Error::NeverExisted(scope.to_string()),
            });
        };
        while let Some(restored) = self.restored_by(&newest)? {
            newest = self.newest_change(restored)?.ok_or_else(nothing)?;
        }
        if newest.trailer(SQUASHED) == Some("true") {
            return Err(nothing());
        }
        newest.parents.first().copied().ok_or_else(nothing)
    }

    /// The newest commit from `from` back whose scope differs from its first parent's; of a root, from nothing.
    fn newest_change(&self, from: Commit) -> Result<Option<Commit>> {
        let mut commit = from;
        let mut entry = self.draft.entry_in(&commit, self.scope)?;
        loop {
            let question = |index: &Reader| index.newest_change(commit.id, self.scope);
            if let Some(newest) = self.index_says(commit.id, question) {
                let newest = newest.map(|newest| self.draft.commit(newest));
                return Ok(newest.transpose()?);
            }
            let Some(parent) = self.draft.parent(&commit)? else {
                break;
            };
            let before = self.draft.entry_in(&parent, self.scope)?;
            if before != entry {
                return Ok(Some(commit));
            }
            (commit, entry) = (parent, before);
        }
        let holds_something = match self.scope.is_root() {
            true => !commit.tree.is_empty(),
            false => entry.is_some(),
        };
        Ok(holds_something.then_some(commit))
    }

    /// The commit that `rollback` brought the scope back from, if it is a rollback: its trailer names a first-parent ancestor with
    /// the same content in the scope.
    fn restored_by(&self, rollback: &Commit) -> Result<Option<Commit>> {
        let named = rollback.trailer(RESTORES);
        let Some(named) = named.and_then(|id| id.parse::<CommitId>().ok()) else {
            return Ok(None);
        };
        let Some(ancestor) = self.first_parent_ancestor(rollback, named)? else {
            return Ok(None);
        };
        let there = self.draft.entry_in(&ancestor, self.scope)?;
        let is_same = there == self.draft.entry_in(rollback, self.scope)?;
        Ok(is_same.then_some(ancestor))
    }

    /// The commit `named`, if it is on the line before `commit`.
    fn first_parent_ancestor(&self, commit: &Commit, named: CommitId) -> Result<Option<Commit>> {
        let mut next = self.draft.parent(commit)?;
        while let Some(ancestor) = next {
            if ancestor.id == named {
                return Ok(Some(ancestor));
            }
            let question = |index: &Reader| index.is_on_line(named, ancestor.id);
            if let Some(is_there) = self.index_says(ancestor.id, question) {
                let named = is_there.then(|| self.draft.commit(named));
                return Ok(named.transpose()?);
            }
            next = self.draft.parent(&ancestor)?;
        }
        Ok(None)
    }

    /// What the index says of a commit, if it knows it.
    fn index_says<T>(
        &self,
        commit: CommitId,
        question: impl FnOnce(&Reader) -> index::Result<T>,
    ) -> Option<T> {
        let index = self.index?;
        let is_known = index.has(commit).ok()?;
        is_known.then(|| question(index).ok())?
    }
}
