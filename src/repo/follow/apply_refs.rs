//! Makes the refs of this repository equal to the refs of a shared state.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use gix::bstr::ByteSlice;
use gix::refs::Target;

use crate::names::{ObjectId, RefName};
use crate::repo::authority::{SharedRefs, SharedState};
use crate::repo::error::{Error, Result};
use crate::repo::parts::Parts;
use crate::repo::refs::lock::{OUTSIDE_MAX, PACKED_REFS, RefLock};

/// The maximum number of refs that are set one by one. If more refs differ, as in a new copy, all refs are first written to `packed-refs`
/// at once.
const SINGLE_MAX: usize = 1000;

/// Refs with their new values; `None` for a ref to delete.
type Differences = BTreeMap<RefName, Option<ObjectId>>;

impl Parts {
    /// Moves, creates and deletes refs until they equal the refs of `state`, and sets the default branch. If `known` is given, the refs
    /// must be equal to that state, and only the differences between `known` and `state` are applied. Otherwise, all refs are read and
    /// compared.
    ///
    /// # Errors
    /// A ref cannot be read or written; another git process holds a lock file.
    pub(crate) fn apply_refs(
        &self,
        state: &SharedState,
        known: Option<&SharedState>,
    ) -> Result<()> {
        let differences = match known {
            Some(known) => differences_between(&known.refs, &state.refs),
            None => self.bulk_differences(state)?,
        };
        let (deleted, mut set): (Vec<_>, Vec<_>) =
            differences.iter().partition(|(_, value)| value.is_none());
        // The ref with the records of the OCI registry is set first: if a branch had a pushed module before its manifest is recorded, a
        // pull would get another manifest than the pushed one.
        set.sort_by_key(|(name, _)| **name != RefName::Oci);
        let is_in_the_way =
            |name: &RefName| set.iter().any(|(other, _)| other.conflicts_with(name));
        let (first, last): (Vec<_>, Vec<_>) = deleted
            .into_iter()
            .partition(|(name, _)| is_in_the_way(name));
        // In this order, HEAD names an existing branch at every moment, unless the names of its old and its new branch conflict, as `a` and
        // `a/b` do.
        for (name, value) in first.into_iter().chain(set) {
            self.set_ref(name, *value)?;
        }
        if self.refs.default_branch().ok().as_ref() != Some(&state.head) {
            let head = self.refs.lock_head(&state.head)?;
            self.refs.rename_lock(head)?;
        }
        last.into_iter()
            .try_for_each(|(name, value)| self.set_ref(name, *value))
    }

    /// Reads all local refs, and returns those that differ from the shared state. If many differ, first writes all refs of the shared state
    /// to `packed-refs`.
    fn bulk_differences(&self, state: &SharedState) -> Result<Differences> {
        let differences = self.differences_from(state)?;
        if differences.len() <= SINGLE_MAX {
            return Ok(differences);
        }
        let mut refs: Vec<_> = state.refs.iter().collect();
        refs.sort_unstable();
        let mut text = "# pack-refs with: sorted \n".to_owned();
        for (name, id) in refs {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{id} {name}");
        }
        let lock = RefLock::take(self.root(), PACKED_REFS, text.as_bytes(), OUTSIDE_MAX)?;
        self.refs.rename_lock(lock)?;
        self.differences_from(state)
    }

    fn differences_from(&self, state: &SharedState) -> Result<Differences> {
        let list = self.refs.list("refs/")?;
        let mut local = BTreeMap::new();
        for (name, target) in list.refs {
            let name = name
                .to_str()
                .ok()
                .and_then(|name| RefName::parse(name).ok());
            // Refs other than branches, tags and the ref of the OCI registry are not shared, so they are not changed.
            if let (Some(name), Target::Object(id)) = (name, target) {
                local.insert(name, ObjectId::from_bytes(id.as_bytes()));
            }
        }
        let broken = list.broken.into_iter();
        let broken: Vec<_> = broken
            .filter_map(|broken| RefName::parse(&broken.name).ok())
            .collect();
        for name in &broken {
            self.refs.delete_broken(name)?;
        }
        let names: BTreeSet<&RefName> = local
            .keys()
            .chain(state.refs.iter().map(|(name, _)| name))
            .collect();
        let differences = names.into_iter().filter_map(|name| {
            let value = state.refs.get(name);
            (local.get(name).copied().flatten() != value).then(|| (name.clone(), value))
        });
        Ok(differences.collect())
    }

    /// Sets a ref to `value`, or deletes it for `None`, whatever its current value is.
    fn set_ref(&self, name: &RefName, value: Option<ObjectId>) -> Result<()> {
        let repo = self.objects.handle_for(name)?;
        let new = value.map(|id| crate::repo::ids::object_id(&repo, id.as_bytes()));
        let new = match new {
            Some(None) => {
                let reason = "an id of another object format";
                return Err(Error::database(format!("follow {name}"))(reason));
            }
            new => new.flatten(),
        };
        let old = match self.refs.target(&name.to_string()) {
            Ok(Some(Target::Object(id))) => Some(id),
            Ok(_) => None,
            Err(Error::BrokenRef(_)) => {
                self.refs.delete_broken(name)?;
                None
            }
            Err(error) => return Err(error),
        };
        if old == new {
            return Ok(());
        }
        self.refs.swap(name, old, new, OUTSIDE_MAX)
    }
}

/// Returns the refs that differ between two states, with their values in `new`.
fn differences_between(old: &SharedRefs, new: &SharedRefs) -> Differences {
    let names: BTreeSet<&RefName> = if Arc::ptr_eq(&old.base, &new.base) {
        old.changed.keys().chain(new.changed.keys()).collect()
    } else {
        let all = old.iter().chain(new.iter());
        all.map(|(name, _)| name).collect()
    };
    let differs = |name: &&RefName| old.get(name) != new.get(name);
    let names = names.into_iter().filter(differs);
    names.map(|name| (name.clone(), new.get(name))).collect()
}
