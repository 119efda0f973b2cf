//! Becoming equal to another store.
//!
//! `HEAD` leads to a branch that exists at every moment, and nobody deletes the default branch. So before the default branch goes
//! there is the new one, or, where their names clash, one that stands in for it until the old one is gone.

use std::collections::{BTreeMap, BTreeSet};

use crate::names::{BranchName, ObjectId, RefName};
use crate::repo::{Dropping, RefUpdate, Refusal, Together};
use crate::store::error::{Error, Result};
use crate::store::open::Store;

/// In how many steps this store becomes equal to another one, if nobody else moves its refs.
const STEPS_MAX: usize = 16;

/// The name of what stands in for the default branch, unless it is taken.
const STAND_IN: &str = "following";

/// What another store has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoteRefs {
    /// Every branch and tag.
    pub refs: BTreeMap<RefName, ObjectId>,
    /// The default branch, if it exists.
    pub default: Option<BranchName>,
}

/// A ref of another store that this one does not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedRef {
    /// Which.
    pub name: RefName,
    /// Where it is in the other store.
    pub id: ObjectId,
    /// Why not.
    pub refusal: Refusal,
}

impl Store {
    /// Moves, creates and deletes branches and tags until they are as `wanted`, history that only this store has included, and
    /// chooses the same default branch. `fetch` is to bring objects into the store, with all that they reach; nothing is
    /// collected until refs lead to them. Returns the refs that no store takes: it is as if the other one had not got them.
    ///
    /// # Errors
    /// What `fetch` returns; what it brought is not whole; a ref was moved by others meanwhile; the store cannot be written.
    pub fn sync_refs<E: From<Error>>(
        &self,
        wanted: &RemoteRefs,
        fetch: impl Fn(&[ObjectId]) -> Result<(), E>,
    ) -> Result<Vec<SkippedRef>, E> {
        let (mut wanted, mut skipped) = (wanted.clone(), Vec::new());
        for _ in 0..STEPS_MAX {
            let stand_in = self.choose_default(&wanted)?;
            let updates = match &stand_in {
                Some(update) => vec![update.clone()],
                None => self.differences(&wanted)?,
            };
            if updates.is_empty() {
                return Ok(skipped);
            }
            for refused in self.make(&updates, &fetch)? {
                wanted.refs.remove(&refused.name);
                skipped.push(refused);
            }
            if let Some(RefName::Branch(branch)) = stand_in.map(|update| update.name) {
                let chosen = self.repo.set_default_branch(&branch, None);
                chosen.map_err(Error::from)?;
            }
        }
        let refusal = Refusal::Stale;
        let name = "a ref".to_owned();
        Err(Error::RefNotSynced { name, refusal }.into())
    }

    /// Makes updates of objects that are fetched first, and returns those that cannot be.
    fn make<E: From<Error>>(
        &self,
        updates: &[RefUpdate],
        fetch: &impl Fn(&[ObjectId]) -> Result<(), E>,
    ) -> Result<Vec<SkippedRef>, E> {
        // Past the check for changes: this is what a replica is changed by.
        let writing = self.repo.begin().map_err(Error::from)?;
        // Also what seems to be there: whoever fetches looks whether it is whole.
        let wants: BTreeSet<_> = updates.iter().filter_map(|update| update.new).collect();
        if !wants.is_empty() {
            fetch(&Vec::from_iter(wants))?;
        }
        let done = writing.update_refs(updates, Dropping::Allowed, Together::Each);
        let mut skipped = Vec::new();
        for (update, done) in updates.iter().zip(done.map_err(Error::from)?) {
            let name = update.name.clone();
            match (done, update.new) {
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

    /// Makes the wanted branch the default one, if it is there. If it cannot be before the present one is gone, returns what is
    /// to be made and chosen instead for the time being.
    fn choose_default(&self, wanted: &RemoteRefs) -> Result<Option<RefUpdate>> {
        let present = self.default_branch().ok();
        let Some((branch, tip)) = wanted.default_beside(present.as_ref()) else {
            return Ok(None);
        };
        if present.as_ref() == Some(branch) {
            return Ok(None);
        }
        if self.has_branch(branch)? {
            self.repo.set_default_branch(branch, None)?;
            return Ok(None);
        }
        match present.is_some_and(|present| present.conflicts_with(branch)) {
            true => Ok(Some(RefUpdate {
                name: self.stand_in(wanted)?,
                old: None,
                new: Some(tip),
            })),
            false => Ok(None),
        }
    }

    /// The name of a branch that nobody has, and that goes together with all others.
    fn stand_in(&self, wanted: &RemoteRefs) -> Result<RefName> {
        let here = self.refs()?;
        let taken = here.iter().map(|(name, _)| name).chain(wanted.refs.keys());
        let taken: Vec<_> = taken.collect();
        let names = (0..).map(|n| match n {
            0 => STAND_IN.to_owned(),
            n => format!("{STAND_IN}-{n}"),
        });
        let mut names = names.map(|name| {
            let branch = BranchName::parse(&name);
            RefName::from(branch.expect("BUG: these are names of branches"))
        });
        let is_free = |name: &RefName| {
            let is_in_the_way = |other: &&RefName| *other == name || other.conflicts_with(name);
            !taken.iter().any(is_in_the_way)
        };
        Ok(names.find(is_free).expect("BUG: there are finitely many"))
    }

    /// What is to be done as long as the default branch is the present one: what it is in the way of has to wait.
    fn differences(&self, wanted: &RemoteRefs) -> Result<Vec<RefUpdate>> {
        let here: BTreeMap<_, _> = self.refs()?.into_iter().collect();
        let present = self.default_branch().ok().map(RefName::from);
        let leaving = present.filter(|present| !wanted.refs.contains_key(present));
        let waits = |name: &RefName| {
            let leaving = leaving.as_ref();
            leaving.is_some_and(|leaving| leaving == name || leaving.conflicts_with(name))
        };
        let names = here.keys().chain(wanted.refs.keys());
        let names: BTreeSet<_> = names.filter(|name| !waits(name)).collect();
        let update = |name: &&RefName| RefUpdate {
            name: (*name).clone(),
            old: here.get(*name).copied(),
            new: wanted.refs.get(*name).copied(),
        };
        let updates = names.iter().map(update);
        Ok(updates.filter(|update| update.old != update.new).collect())
    }
}

impl RemoteRefs {
    /// The branch that is to be the default one, and its tip. If none is chosen, or none that is there, the present one stays; if
    /// that has to go, it is the first of all.
    fn default_beside(&self, present: Option<&BranchName>) -> Option<(&BranchName, ObjectId)> {
        let branches = || {
            self.refs.iter().filter_map(|(name, id)| match name {
                RefName::Branch(branch) => Some((branch, *id)),
                RefName::Tag(_) => None,
            })
        };
        let named = |named: &BranchName| branches().find(|(branch, _)| *branch == named);
        let chosen = self.default.as_ref().and_then(named);
        chosen
            .or_else(|| present.and_then(named))
            .or_else(|| branches().next())
    }
}
