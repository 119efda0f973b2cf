//! Becoming equal to another store.

use std::collections::{BTreeMap, BTreeSet};

use super::error::{Error, Result};
use super::open::Store;
use crate::names::{BranchName, ObjectId, RefName};
use crate::repo::{Dropping, RefUpdate, Refusal, Together};

/// What another store has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Every branch and tag.
    pub refs: BTreeMap<RefName, ObjectId>,
    /// The default branch, if it exists.
    pub default: Option<BranchName>,
}

impl Store {
    /// Moves, creates and deletes branches and tags until they are as `wanted`, history that only this store has included, and
    /// chooses the same default branch. `fetch` is to bring objects into the store, with all that they reach; nothing is
    /// collected until refs lead to them. Returns whether there was anything to do.
    ///
    /// # Errors
    /// What `fetch` returns; what it brought is not whole; a ref was moved by others meanwhile; the store cannot be written.
    pub fn follow<E: From<Error>>(
        &self,
        wanted: &Wanted,
        fetch: impl FnOnce(&[ObjectId]) -> Result<(), E>,
    ) -> Result<bool, E> {
        // Nobody deletes the default branch, so first there is to be another.
        let chosen = self.choose_default(wanted)?;
        let updates = self.differences(wanted)?;
        if updates.is_empty() {
            return Ok(chosen);
        }
        let writing = self.repo.begin().map_err(Error::from)?;
        // Also what seems to be there: whoever fetches looks whether it is whole.
        let wants: BTreeSet<_> = updates.iter().filter_map(|update| update.new).collect();
        if !wants.is_empty() {
            fetch(&Vec::from_iter(wants))?;
        }
        let done = writing.update_refs(&updates, Dropping::Allowed, Together::Each);
        let done = done.map_err(Error::from)?;
        self.choose_default(wanted)?;
        for (update, done) in updates.into_iter().zip(done) {
            match done {
                Ok(()) => {}
                // It is gone from the other store, and goes from here when the new one is chosen.
                Err(Refusal::DefaultBranch) => {}
                Err(refusal) => {
                    let name = update.name.to_string();
                    return Err(Error::NotFollowed { name, refusal }.into());
                }
            }
        }
        Ok(true)
    }

    /// Makes the wanted branch the default one, if it is there; returns whether it was another before.
    fn choose_default(&self, wanted: &Wanted) -> Result<bool> {
        let Some(branch) = &wanted.default else {
            return Ok(false);
        };
        if self.default_branch().ok().as_ref() == Some(branch) || !self.has_branch(branch)? {
            return Ok(false);
        }
        self.set_default_branch(branch, None)?;
        Ok(true)
    }

    fn differences(&self, wanted: &Wanted) -> Result<Vec<RefUpdate>> {
        let here: BTreeMap<_, _> = self.refs()?.into_iter().collect();
        let names = here.keys().chain(wanted.refs.keys());
        let names: BTreeSet<_> = names.collect();
        let update = |name: &&RefName| RefUpdate {
            name: (*name).clone(),
            old: here.get(*name).copied(),
            new: wanted.refs.get(*name).copied(),
        };
        let updates = names.iter().map(update);
        Ok(updates.filter(|update| update.old != update.new).collect())
    }
}
