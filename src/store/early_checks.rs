//! Checks that refuse a write before the body of the request is read or stored.
//!
//! These checks only save work. They are repeated when the write is published, because the branch may have moved in the meantime.

use super::change::Change;
use super::error::Result;
use super::open::Store;
use super::precondition::{CurrentTag, entity_tag};
use super::revision::{ResolvedRevision, Revision};
use crate::names::{BranchName, ModulePath, ModuleRef, TreePath};
use crate::repo::{Decision, Draft};

impl Store {
    /// Checks the precondition of a write to the module `name`, or to the whole tree if `name` is `None`, on the branch's current tip.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`](super::Error::PreconditionFailed); unknown branch.
    pub fn check_precondition(&self, change: &Change, name: Option<&ModuleRef>) -> Result<()> {
        self.read(&Revision::Branch(change.branch.clone()), |resolved| {
            if change.precondition.is_empty() {
                return Ok(());
            }
            let current = match name {
                None => resolved.commit.map(CurrentTag::Tip),
                Some(ModuleRef::Path(path)) => {
                    let path = path.as_tree_path();
                    let current = self.tag_at(resolved, path)?;
                    return self.check_current_at(&change.precondition, path, current);
                }
                Some(ModuleRef::Hash(hash)) => self.listed(resolved, hash)?.map(CurrentTag::Module),
            };
            self.check_current(&change.precondition, current)
        })
    }

    /// Returns the entity tag that is compared with the precondition of a write to `path`: the hash of the module, or the branch's tip if
    /// `path` is a directory or the root. Returns `None` if nothing is at `path`.
    ///
    /// # Errors
    /// Unknown branch.
    pub fn current_tag(&self, branch: &BranchName, path: &TreePath) -> Result<Option<String>> {
        self.read(&Revision::Branch(Some(branch.clone())), |resolved| {
            if path.is_root() {
                Ok(resolved.commit.map(|tip| tip.to_string()))
            } else {
                Ok(self.tag_at(resolved, path)?.map(|tag| tag.to_string()))
            }
        })
    }

    /// Checks that modules can be put at `paths`: no path may be a directory or lie below a module.
    pub(super) fn check_free<'p>(
        &self,
        change: &Change,
        paths: impl IntoIterator<Item = &'p ModulePath> + Clone,
    ) -> Result<()> {
        let check = |resolved: ResolvedRevision| {
            let Some(tree) = resolved.tree else {
                return Ok(());
            };
            for path in paths.clone() {
                self.repo
                    .objects()
                    .check_free(tree, path, self.name_rules)?;
            }
            Ok(())
        };
        self.refuse_early(change, || {
            self.read(&Revision::Branch(change.branch.clone()), check)
        })
    }

    /// Runs `check`. If it fails, runs it again inside a write that changes nothing, because a write first makes the branch's tip durable.
    /// Otherwise a power cut could undo the state that was the reason for the refusal. A request with a request id is not checked early: it
    /// may be a repeated request, which must not be refused because of the change that it has already made.
    pub(super) fn refuse_early(
        &self,
        change: &Change,
        check: impl Fn() -> Result<()>,
    ) -> Result<()> {
        self.ensure_writable()?;
        if change.request.is_some() {
            return Ok(());
        }
        match check() {
            Err(_) if !self.repo.is_absent() => {
                let decide = |_: &mut Draft<'_>| check().map(|()| (Decision::Unchanged, ()));
                let mut txn = self.begin()?;
                txn.fails_if_overtaken = change.fails_if_overtaken;
                let checked = self.repo.publish(txn, change.branch.as_ref(), decide);
                checked.map(drop)
            }
            checked => checked,
        }
    }

    fn tag_at(&self, resolved: ResolvedRevision, path: &TreePath) -> Result<Option<CurrentTag>> {
        let node = match resolved.tree {
            Some(tree) => self.repo.objects().node(tree, path)?,
            None => None,
        };
        Ok(entity_tag(node, || resolved.commit))
    }
}
