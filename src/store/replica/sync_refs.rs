//! Makes the refs of a replica equal to the refs of its primary.
//!
//! `HEAD` must refer to an existing branch at all times, and the default branch cannot be deleted. So before the old default branch is
//! deleted, the new one is created. If their names conflict, a temporary branch is the default branch until the old one is deleted.

use std::collections::{BTreeMap, BTreeSet};

use crate::names::{BranchName, CommitId, ObjectId, RefName};
use crate::repo::{self, IncomingObjects, RefUpdate, Refusal, TreeScale};
use crate::store::error::{Error, Result};
use crate::store::open::Store;

/// The maximum number of rounds of `sync_refs`, in each of which it compares the refs and updates the refs that differ. Fewer rounds are
/// enough, unless another process moves refs at the same time.
const ROUNDS_MAX: usize = 16;

/// The name of the temporary default branch. A number is appended if a ref has this name.
const TEMPORARY_BRANCH: &str = "following";

/// The refs of the primary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoteRefs {
    /// Every branch and tag and the registry's ref.
    pub refs: BTreeMap<RefName, ObjectId>,
    /// The default branch of the primary, if that branch exists.
    pub default: Option<BranchName>,
    /// The refs that are not in `refs` but that the primary may have, such as broken ones. The replica does not delete its own refs with
    /// these names.
    pub kept: BTreeSet<RefName>,
}

/// A ref of the primary that this store cannot have, for example because it does not point to a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedRef {
    /// The name of the ref.
    pub name: RefName,
    /// The object id of the ref in the primary.
    pub id: ObjectId,
    /// Why this store cannot have the ref.
    pub refusal: Refusal,
}

impl Store {
    /// Creates, moves and deletes branches, tags and the registry's ref until they equal the refs in `remote`, except the refs in
    /// [`kept`](RemoteRefs::kept), and sets the same default branch. Drops any history that only this store has. `fetch` must copy the
    /// objects with the given ids, and everything that they reach, into the store; no `gc` runs before refs reach them. Returns the refs
    /// that this store cannot have. Such refs are handled as if the primary did not have them.
    ///
    /// # Errors
    /// The error of `fetch`; the fetched history is incomplete; another process moved a ref; the store cannot be written. `NotReplica` if the
    /// replica was promoted: no ref was changed since then.
    pub fn sync_refs<E: From<Error>>(
        &self,
        remote: &RemoteRefs,
        fetch: impl Fn(&[ObjectId]) -> Result<(), E>,
    ) -> Result<Vec<SkippedRef>, E> {
        let (mut remote, mut skipped) = (remote.clone(), Vec::new());
        for _ in 0..ROUNDS_MAX {
            // Deletes a broken ref if `remote` contains a ref of the same name, so that the primary's value can replace it. Keeps all other
            // broken refs, because nothing would replace them.
            let is_replaced = |name: &_| remote.refs.contains_key(name);
            let deleted = self.repo.delete_broken_refs(is_replaced);
            deleted.map_err(Error::from)?;
            let temporary = self.sync_default_branch(&remote)?;
            let updates = match &temporary {
                Some(update) => vec![update.clone()],
                None => self.ref_differences(&remote)?,
            };
            if updates.is_empty() {
                return Ok(skipped);
            }
            for refused in self.fetch_and_update(&updates, &fetch)? {
                remote.refs.remove(&refused.name);
                skipped.push(refused);
            }
            if let Some(RefName::Branch(branch)) = temporary.map(|update| update.name) {
                let set = self.repo.set_replica_default_branch(&branch);
                set.map_err(Error::from)?;
            }
        }
        let refusal = Refusal::Stale;
        let name = "a ref".to_owned();
        Err(Error::RefNotSynced { name, refusal }.into())
    }

    /// Fetches the objects of the updates, then updates the refs. Returns the refs that this store cannot have,
    /// for example because they do not point to commits or because their commits exceed a limit.
    fn fetch_and_update<E: From<Error>>(
        &self,
        updates: &[RefUpdate],
        fetch: &impl Fn(&[ObjectId]) -> Result<(), E>,
    ) -> Result<Vec<SkippedRef>, E> {
        // Does not use `Store::begin`, which fails on a replica.
        let txn = self.repo.begin().map_err(Error::from)?;
        // Fetches all ids, even of objects that exist here, because only the fetch checks that everything that they reach exists too.
        let ids: BTreeSet<_> = updates.iter().filter_map(|update| update.new).collect();
        if !ids.is_empty() {
            fetch(&Vec::from_iter(ids))?;
        }
        let (updates, mut skipped) = self.refuse_excessive(updates)?;
        let results = self.repo.update_replica_refs(txn, &updates);
        for (update, result) in updates.iter().zip(results.map_err(Error::from)?) {
            let name = update.name.clone();
            match (result, update.new) {
                (Ok(()), _) => {}
                (Err(refusal @ (Refusal::NoCommit | Refusal::Symbolic)), Some(id)) => {
                    skipped.push(SkippedRef { name, id, refusal });
                }
                (Err(refusal), _) => {
                    let name = name.to_string();
                    return Err(Error::RefNotSynced { name, refusal }.into());
                }
            }
        }
        Ok(skipped)
    }

    /// Checks the limits on the trees of all commits that are new in this store. Returns the updates within the limits, and the refs of all
    /// other updates.
    fn refuse_excessive(&self, updates: &[RefUpdate]) -> Result<(Vec<RefUpdate>, Vec<SkippedRef>)> {
        self.catch_up_all()?;
        let incoming = self.repo.incoming(None, self.options.push)?;
        let mut scale = TreeScale::new(&incoming);
        let (mut allowed, mut skipped) = (Vec::new(), Vec::new());
        for update in updates {
            let refused = match update.new {
                Some(new) => self
                    .excess(&incoming, &mut scale, new)?
                    .map(|reason| (new, reason)),
                None => None,
            };
            match refused {
                Some((id, reason)) => skipped.push(SkippedRef {
                    name: update.name.clone(),
                    id,
                    refusal: Refusal::LimitExceeded(reason),
                }),
                None => allowed.push(update.clone()),
            }
        }
        Ok((allowed, skipped))
    }

    /// Returns an error text if `id` reaches a new commit that exceeds a limit. Skips commits that are in the version index, because they
    /// were checked before.
    fn excess(
        &self,
        incoming: &IncomingObjects,
        scale: &mut TreeScale<'_>,
        id: ObjectId,
    ) -> Result<Option<String>> {
        let bytes_max = self.options.push.tree_path_bytes_max;
        let tips: Vec<CommitId> = incoming.peel(id)?.into_iter().collect();
        let new = self.with_index(|reader| {
            incoming.new_commits(&tips, |id| Ok::<_, Error>(reader.contains(id)?))
        });
        let checked = new.and_then(|new| {
            let mut new = new.iter();
            Ok(new.try_for_each(|commit| scale.check(commit, bytes_max))?)
        });
        match checked {
            Ok(()) => Ok(None),
            Err(Error::Repo(error @ repo::Error::LimitExceeded { .. })) => {
                Ok(Some(error.to_string()))
            }
            // Ignores a missing object here: `update_refs` reports it for the ref that reaches it.
            Err(error) if error.is_missing_object() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes the default branch of `remote` the default branch, if this store has it. If it cannot be created because its name conflicts
    /// with the current default branch, returns the update that creates a temporary default branch.
    fn sync_default_branch(&self, remote: &RemoteRefs) -> Result<Option<RefUpdate>> {
        let current = self.default_branch().ok();
        let Some((branch, tip)) = remote.next_default(current.as_ref()) else {
            return Ok(None);
        };
        if current.as_ref() == Some(branch) {
            return Ok(None);
        }
        if self.has_branch(branch)? {
            self.repo.set_replica_default_branch(branch)?;
            return Ok(None);
        }
        if !current.is_some_and(|current| current.conflicts_with(branch)) {
            return Ok(None);
        }
        Ok(Some(RefUpdate {
            name: self.temporary_branch(remote)?,
            old: None,
            new: Some(tip),
        }))
    }

    /// Returns a branch name that neither this store nor the primary uses, and that conflicts with no branch of either.
    fn temporary_branch(&self, remote: &RemoteRefs) -> Result<RefName> {
        let local = self.refs()?;
        let taken: Vec<_> = local
            .iter()
            .map(|(name, _)| name)
            .chain(remote.refs.keys())
            .collect();
        let mut candidates = (0..).map(|n| {
            let name = match n {
                0 => TEMPORARY_BRANCH.to_owned(),
                n => format!("{TEMPORARY_BRANCH}-{n}"),
            };
            let branch = BranchName::parse(&name).expect("BUG: the name is a valid branch name");
            RefName::from(branch)
        });
        let is_free = |name: &RefName| {
            let conflicts = |other: &&RefName| *other == name || other.conflicts_with(name);
            !taken.iter().any(conflicts)
        };
        let free = candidates.find(is_free);
        Ok(free.expect("BUG: the number of taken names is finite"))
    }

    /// Returns the updates that make the refs equal to `remote`. Leaves out the deletion of the old default branch, and updates whose names
    /// conflict with it: they are made later, when another branch is the default.
    fn ref_differences(&self, remote: &RemoteRefs) -> Result<Vec<RefUpdate>> {
        let local: BTreeMap<_, _> = self.refs()?.into_iter().collect();
        let default = self.default_branch().ok().map(RefName::from);
        let obsolete = default.filter(|default| !remote.may_have(default));
        let must_wait = |name: &RefName| {
            obsolete
                .as_ref()
                .is_some_and(|obsolete| obsolete == name || obsolete.conflicts_with(name))
        };
        let names: BTreeSet<_> = local
            .keys()
            .filter(|name| remote.refs.contains_key(name) || !remote.kept.contains(name))
            .chain(remote.refs.keys())
            .filter(|name| !must_wait(name))
            .collect();
        let updates = names.into_iter().map(|name| RefUpdate {
            name: name.clone(),
            old: local.get(name).copied(),
            new: remote.refs.get(name).copied(),
        });
        Ok(updates.filter(|update| update.old != update.new).collect())
    }
}

impl RemoteRefs {
    /// Returns whether the primary has, or may have, a ref with this name.
    fn may_have(&self, name: &RefName) -> bool {
        self.refs.contains_key(name) || self.kept.contains(name)
    }

    /// Returns the branch that must become this store's default branch, and its tip: the primary's default branch if that branch exists;
    /// otherwise `current`, this store's default branch, if the primary has it; otherwise the primary's first branch by name. Returns
    /// `None` if `current` must stay because the primary may have it, or if the primary has no branch.
    fn next_default(&self, current: Option<&BranchName>) -> Option<(&BranchName, ObjectId)> {
        let branches = || {
            self.refs.iter().filter_map(|(name, id)| match name {
                RefName::Branch(branch) => Some((branch, *id)),
                RefName::Tag(_) | RefName::Oci => None,
            })
        };
        let find = |name: &BranchName| branches().find(|(branch, _)| *branch == name);
        let default = self.default.as_ref().and_then(find);
        let current = current.filter(|_| default.is_none());
        if current.is_some_and(|current| self.kept.contains(&current.clone().into())) {
            return None;
        }
        default
            .or_else(|| current.and_then(find))
            .or_else(|| branches().next())
    }
}
