//! Removes records of the OCI registry. The removal was decided without a lock, and is published in parts.
//!
//! The records of a repository are removed only if the repository has not changed since the decision: a rollback, for example, restores a
//! module without a change of the records, and the manifest of the module must still exist. Changes of other repositories do not matter,
//! except for signatures, whose subjects may be in any repository. So unused records are removed even if clients make changes all the time.

use std::collections::{BTreeSet, HashSet};
use std::mem;

use super::error::{Error, Result};
use super::pull::pushed_digests;
use super::registry::{Registry, RepositoryKey};
use super::repository_records::synthesized_digests;
use super::touched::touched;
use crate::names::{OciDigest, RepositoryName};
use crate::store::{RecordsEdit, RegistryError as _, RegistryTips, RegistryView, Store};

/// The message of the commit that removes records.
pub(super) const MESSAGE: &str = "Remove unused manifests and blobs";

/// The collected edits are published once they remove this many records.
const RECORDS_MAX: usize = 10_000;

/// The maximum number of directories that are compared while the refs are locked.
const LOCKED_DIRECTORIES_MAX: usize = 2_000;

/// The maximum number of attempts to publish the collected edits. An attempt fails if clients have made more changes than can be compared
/// under the lock.
const TRIES_MAX: usize = 20;

/// The branches and the records of the OCI registry at one moment.
pub(super) struct State<'s> {
    pub tips: RegistryTips,
    /// A view of the modules of each branch. All views have the same records of the OCI registry.
    pub views: Vec<RegistryView<'s>>,
}

impl<'s> State<'s> {
    pub fn now(store: &'s Store) -> Result<Self> {
        Self::at(store, store.registry_tips()?)
    }

    pub fn at(store: &'s Store, tips: RegistryTips) -> Result<Self> {
        let views = store.registry_views(&tips)?;
        Ok(Self { tips, views })
    }
}

/// A removal of records (files in the tree of `refs/oci/records`). It is published in several steps.
pub(super) struct Removal<'s> {
    registry: &'s Registry,
    store: &'s Store,
    /// The latest state that was compared with the state on which the removal was decided. The repositories that differ between the two are
    /// in `touched`.
    known: State<'s>,
    /// The repositories that have changed since the removal was decided.
    touched: BTreeSet<RepositoryName>,
    /// The subjects of the signatures that are removed. Nothing more is removed once one of these subjects exists again.
    subjects: HashSet<OciDigest>,
    /// Whether a manifest in `subjects` exists again, so that the decision to remove records is no longer valid.
    is_void: bool,
    edits: Vec<(RepositoryName, RecordsEdit)>,
    records: usize,
    /// The repositories whose edits were not published, for example because clients have changed these repositories.
    left: BTreeSet<RepositoryName>,
}

impl<'s> Removal<'s> {
    /// Begins a removal of records. `tips` are the tips of the branches and of the records at the time when it was decided what to remove.
    /// `subjects` are the subjects of the signatures to remove.
    pub fn begin(
        registry: &'s Registry,
        store: &'s Store,
        tips: &RegistryTips,
        subjects: HashSet<OciDigest>,
    ) -> Result<Self> {
        Ok(Self {
            registry,
            store,
            known: State::at(store, tips.clone())?,
            touched: BTreeSet::new(),
            subjects,
            is_void: false,
            edits: Vec::new(),
            records: 0,
            left: BTreeSet::new(),
        })
    }

    /// Adds the edit that removes records of a repository. Publishes all edits so far if they remove many records.
    pub fn add(&mut self, name: &RepositoryName, edit: RecordsEdit) -> Result<()> {
        if edit.is_empty() {
            return Ok(());
        }
        self.records += edit.len();
        self.edits.push((name.clone(), edit));
        if self.records >= RECORDS_MAX {
            self.publish()?;
        }
        Ok(())
    }

    /// Publishes the remaining edits. Returns the repositories whose edits were not made, because they have changed in the meantime.
    pub fn finish(mut self) -> Result<BTreeSet<RepositoryName>> {
        self.publish()?;
        Ok(self.left)
    }

    fn publish(&mut self) -> Result<()> {
        self.records = 0;
        let mut edits = mem::take(&mut self.edits);
        for _ in 0..TRIES_MAX {
            self.note_changes()?;
            edits.retain(|(name, _)| {
                let is_current = !self.is_void && !self.touched.contains(name);
                if !is_current {
                    self.left.insert(name.clone());
                }
                is_current
            });
            if edits.is_empty() || self.try_publish(&edits)? {
                return Ok(());
            }
        }
        self.left.extend(edits.into_iter().map(|(name, _)| name));
        Ok(())
    }

    /// Publishes edits. Skips the repositories that have changed since the state `known`, and adds them to `left`. Returns false, and
    /// publishes nothing, if there were too many changes to compare the states.
    fn try_publish(&mut self, edits: &[(RepositoryName, RecordsEdit)]) -> Result<bool> {
        let write = self.store.begin_registry_write(None)?;
        let (tips, changed) = write.replace_records::<_, Error>(MESSAGE, |tips| {
            let changed = match self.changed(tips) {
                // The tip may be a commit of this batch, which is not written yet, or another `gc` may have removed the object.
                Err(error) if error.is_missing_object() => None,
                changed => changed?,
            };
            let mut all = RecordsEdit::default();
            if let Some(changed) = &changed {
                let current = edits.iter().filter(|(name, _)| !changed.contains(name));
                current.for_each(|(_, edit)| all.extend(edit.clone()));
            }
            Ok((all, changed))
        })?;
        let Some(changed) = changed else {
            return Ok(false);
        };
        let names = edits.iter().map(|(name, _)| name);
        let left = names.filter(|name| changed.contains(*name));
        self.left.extend(left.cloned());
        self.touched.extend(changed);
        self.known = State::at(self.store, tips)?;
        Ok(true)
    }

    /// Returns the repositories that differ between `self.known` and the state with these tips; `None` if there are too many differences to
    /// compare under the lock, or if one of `self.subjects` might exist again.
    fn changed(&self, tips: &RegistryTips) -> Result<Option<BTreeSet<RepositoryName>>> {
        if *tips == self.known.tips {
            return Ok(Some(BTreeSet::new()));
        }
        let state = State::at(self.store, tips.clone())?;
        let changed = touched(&self.known.views, &state.views, LOCKED_DIRECTORIES_MAX)?;
        Ok(changed.filter(|changed| changed.is_empty() || self.subjects.is_empty()))
    }

    /// Compares the current state with `known`, without a lock, and records the repositories that have changed.
    fn note_changes(&mut self) -> Result<()> {
        let tips = self.store.registry_tips()?;
        if tips == self.known.tips {
            return Ok(());
        }
        let state = State::at(self.store, tips)?;
        match touched(&self.known.views, &state.views, usize::MAX)? {
            Some(changed) => {
                for name in &changed {
                    let present = present_digests(self.registry, &state, name)?;
                    let mut present = present.iter();
                    self.is_void |= present.any(|digest| self.subjects.contains(digest));
                }
                self.touched.extend(changed);
            }
            None => self.is_void = true,
        }
        self.known = state;
        Ok(())
    }
}

/// Returns the digests of all manifests that a repository has, pushed or synthesised.
pub(super) fn present_digests(
    registry: &Registry,
    state: &State<'_>,
    name: &RepositoryName,
) -> Result<Vec<OciDigest>> {
    let mut digests = Vec::new();
    if let Some(view) = state.views.first() {
        digests = pushed_digests(view, name)?;
    }
    // Most branches have the same modules of a repository, so each distinct set is read once.
    let mut seen = HashSet::new();
    for view in &state.views {
        if seen.insert(RepositoryKey::of(view, name)?) {
            digests.extend(synthesized_digests(registry, view, name)?);
        }
    }
    Ok(digests)
}

#[cfg(test)]
mod tests;
