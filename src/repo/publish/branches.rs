//! Creates and deletes branches, and sets the default branch.

use gix::refs::Target;

use crate::names::{BranchName, CommitId, RefName};
use crate::repo::authority::RefUpdate;
use crate::repo::error::{Error, Result};
use crate::repo::ids::{commit_id, shared_id};
use crate::repo::objects::commit;
use crate::repo::parts::Parts;
use crate::repo::publish::write_txn::WriteTxn;

/// Makes `branch` the default branch. If it does not exist, creates it at the tip of `from`, or of the current default branch if `from` is
/// `None`. `check` runs under `refs.lock`; if it fails, nothing changes.
///
/// # Errors
/// `UnknownBranch`; `BranchClash`; `Name` if a new branch may not have this name; the error of `check`. After these errors, no branch was
/// created.
pub(crate) fn set_default_branch(
    parts: &Parts,
    branch: &BranchName,
    from: Option<&BranchName>,
    check: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let refs = &parts.refs;
    let mut txn = WriteTxn::begin(parts)?;
    // Makes the commit durable before `refs.lock` is taken, because that may take long, and would block all other ref updates under the
    // lock.
    if refs.tip(branch)?.is_none()
        && let Some(tip) = refs.tip(&refs.resolve_branch(from)?)?
    {
        txn.sync_history_of(tip)?;
        txn.sync()?;
    }
    let _refs_lock = parts.locks.refs()?;
    check()?;
    parts.until_swapped(|| {
        if refs.default_branch().ok().as_ref() == Some(branch) {
            return refs.sync_head();
        }
        let start = match txn.durable_tip(&branch.clone().into())? {
            Some(_) => None,
            None => {
                let from = refs.resolve_branch(from)?;
                let tip = refs.tip(&from)?;
                Some(tip.ok_or_else(|| Error::UnknownBranch(from.to_string()))?)
            }
        };
        if txn.is_shared() {
            return txn.swap_default_branch(branch, start);
        }
        let head = refs.lock_head(branch)?;
        if let Some(tip) = start {
            txn.start_branch(branch, tip)?;
        }
        refs.rename_lock(head)
    })
}

/// Deletes a branch. Objects that only this branch reached stay until the next `gc`. If `expected` is given and the branch has another tip,
/// returns that tip and deletes nothing.
///
/// # Errors
/// `UnknownBranch`; `DefaultBranch`, unless the default branch of a repository on one machine is broken.
pub(crate) fn delete_branch(
    parts: &Parts,
    branch: &BranchName,
    expected: Option<CommitId>,
) -> Result<Option<CommitId>> {
    let mut txn = WriteTxn::begin(parts)?;
    let _refs_lock = parts.locks.refs()?;
    parts.until_swapped(|| delete_locked_branch(&mut txn, branch, expected))
}

/// Deletes a branch. The caller must hold `refs.lock`.
fn delete_locked_branch(
    txn: &mut WriteTxn<'_>,
    branch: &BranchName,
    expected: Option<CommitId>,
) -> Result<Option<CommitId>> {
    let refs = &txn.parts.refs;
    let name = branch.clone().into();
    let default = [refs.default_branch(), refs.resolve_branch(None)];
    // A broken default branch can be deleted, because it has no history to lose, and cannot be created again while its file exists. If
    // several machines share the repository, only the local copy may be broken.
    let is_default = default.iter().flatten().any(|default| default == branch);
    if is_default && (txn.is_shared() || !refs.is_broken(&name)?) {
        refs.sync_head()?;
        return Err(Error::DefaultBranch(branch.to_string()));
    }
    let deleted = match txn.durable_tip(&name) {
        Ok(Some(tip)) if expected.is_some_and(|expected| expected != commit_id(&tip)) => {
            return Ok(Some(commit_id(&tip)));
        }
        Ok(Some(tip)) => txn.move_ref(&name, Some(tip), None),
        // Repairs the local copy of the shared state first, and then tries again.
        Err(Error::Missing { .. } | Error::BrokenRef(_)) if txn.is_shared() => {
            txn.parts.doubt();
            Err(Error::Moved(name))
        }
        // The history is incomplete, so it cannot be made durable. That does not matter, because no ref needs it after the deletion.
        Err(error @ Error::Missing { .. }) => match refs.target(&branch.full_ref())? {
            Some(Target::Object(tip)) => txn.move_ref(&name, Some(tip), None),
            _ if refs.is_broken(&name)? => refs.delete_broken(&name),
            _ => Err(error),
        },
        _ if refs.is_broken(&name)? => refs.delete_broken(&name),
        Ok(None) => Err(Error::UnknownBranch(branch.to_string())),
        Err(error) => Err(error),
    };
    deleted.map(|()| None)
}

/// Deletes the broken branches and tags that `is_selected` accepts. `check` runs under `refs.lock`; if it fails, nothing changes.
///
/// # Errors
/// The refs cannot be listed or written; the error of `check`.
pub(crate) fn delete_broken_refs(
    parts: &Parts,
    is_selected: impl Fn(&RefName) -> bool,
    check: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let selected = || -> Result<Vec<RefName>> {
        let broken = parts.refs.broken()?.into_iter();
        let names = broken.filter_map(|broken| RefName::parse(&broken.name).ok());
        Ok(names.filter(&is_selected).collect())
    };
    if selected()?.is_empty() {
        return Ok(());
    }
    let _refs_lock = parts.locks.refs()?;
    check()?;
    let names = selected()?;
    names
        .iter()
        .try_for_each(|name| parts.refs.delete_broken(name))
}

impl WriteTxn<'_> {
    /// Creates the branch `branch` at the commit `from`.
    ///
    /// # Errors
    /// `BranchExists`; `BranchClash`; `UnknownCommit`; `Name` if a new branch may not have this name.
    pub fn create_branch(mut self, branch: &BranchName, from: CommitId) -> Result<()> {
        // Makes the commit durable before `refs.lock` is taken, because that may take long, and would block all other ref updates under the
        // lock.
        commit::read(self.repo(), from)?;
        self.sync_history_of(from)?;
        self.sync()?;
        let parts = self.parts;
        let _refs_lock = parts.locks.refs()?;
        parts.until_swapped(|| {
            if self.durable_tip(&branch.clone().into())?.is_some() {
                return Err(Error::BranchExists(branch.to_string()));
            }
            self.start_branch(branch, from)
        })
    }

    /// Creates the ref of a new branch. The caller must hold `refs.lock`.
    fn start_branch(&mut self, branch: &BranchName, from: CommitId) -> Result<()> {
        let id = self.prepare_branch(branch, from)?;
        match self.move_ref(&branch.clone().into(), None, Some(id)) {
            Err(Error::Moved(_)) if !self.is_shared() => {
                Err(Error::BranchExists(branch.to_string()))
            }
            result => result,
        }
    }

    /// Checks the name of a new branch, and makes its commit durable. The caller must hold `refs.lock`.
    fn prepare_branch(&mut self, branch: &BranchName, from: CommitId) -> Result<gix::ObjectId> {
        branch.check_new()?;
        self.forget_unnamed();
        let refs = &self.parts.refs;
        if let Some(RefName::Branch(existing)) = refs.conflicting(&branch.clone().into())? {
            return Err(Error::BranchClash {
                new: branch.to_string(),
                existing: existing.to_string(),
            });
        }
        commit::read(self.repo(), from)?;
        let id = self.sync_history_of(from)?;
        self.sync()?;
        Ok(id)
    }

    /// Makes `branch` the default branch of the shared state. If `start` is given, creates the branch at this commit in the same atomic
    /// change.
    fn swap_default_branch(&mut self, branch: &BranchName, start: Option<CommitId>) -> Result<()> {
        let name = RefName::from(branch.clone());
        let mut updates = Vec::new();
        if let Some(tip) = start {
            let new = Some(shared_id(&self.prepare_branch(branch, tip)?));
            updates.push(RefUpdate {
                name: name.clone(),
                old: None,
                new,
            });
        }
        self.swap_refs(updates, Some(branch.clone()), name)
    }
}
