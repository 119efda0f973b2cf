//! Removes the records of the OCI registry that a `gc` does not keep, and squashes the history of the records.
//!
//! A manifest is kept if
//! - a tag names it, and a pull of the tag gets it, or another client replaced the tag's module less than `keep_days` ago;
//! - it lost its last tag, or was pushed without one, less than `keep_days` ago;
//! - its only layer is a module of its repository on a branch, so a pull of a tag may get it;
//! - a kept image index names it, or its subject is kept. A manifest with a tag such as `sha256-<digits>.sig`, as cosign writes it, is a
//!   signature, and its subject is the manifest with the digest in the tag, which may be in another repository. If the subject was not in
//!   the same repository when the signature was pushed, the signature is kept for `keep_days` in any case, because the subject may be
//!   pushed later.
//!
//! The tag of a module that was removed, and its manifest, are not kept: otherwise removing a module would free nothing. The modules of all
//! branches are considered, because a server may have another default branch than the store.
//!
//! Which records are kept is decided without a lock, for one repository after the other, so that only the records of one repository are in
//! memory. The removal is published in parts: see `removal.rs`. If a repository changes in between, the decision is made again; if it
//! changes every time, the decision is made under the lock of the refs.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::branches::Branches;
use super::error::{Error, Result};
use super::push::now_s;
use super::records::{Records, TAGS, day_of};
use super::registry::Registry;
use super::removal::{MESSAGE, Removal, State, present_digests};
use super::repository_records::{Kept, RepositoryRecords, Retention};
use super::signature_tag::subject_of_tag;
use super::touched::touched;
use crate::names::{OciDigest, OciTag, RepositoryName};
use crate::store::{RecordsEdit, RegistryError as _, RegistryTips, RegistryView, Store};

/// The maximum number of times that the records to keep are determined for a repository, if clients change the repository each time.
const ATTEMPTS_MAX: usize = 5;

/// The maximum number of records in the repositories that are examined while the refs are locked.
const LOCKED_RECORDS_MAX: usize = 10_000;

impl Registry {
    /// Removes the records of pushed manifests and blobs that are no longer needed, and replaces the history of the records by one commit.
    /// `keep_days` is how many days a manifest without a tag stays. Returns whether all repositories were handled. A large repository is
    /// left for the next `gc` if clients change it all the time.
    ///
    /// # Errors
    /// The records cannot be read or written.
    pub fn prune(&self, store: &Store, keep_days: u64) -> Result<bool> {
        let today = day_of(now_s());
        for _ in 1..ATTEMPTS_MAX {
            let prune = Prune::new(self, store, Retention { today, keep_days });
            match prune.run() {
                // Another `gc` has removed objects that this one was reading.
                Err(error) if error.is_missing_object() => {}
                result => return result,
            }
        }
        Prune::new(self, store, Retention { today, keep_days }).run()
    }
}

/// A set of repositories.
type Names = BTreeSet<RepositoryName>;

struct Prune<'p> {
    registry: &'p Registry,
    store: &'p Store,
    retention: Retention,
    /// The subjects of all signatures: the digests that the tags of the signatures contain.
    subjects: HashSet<OciDigest>,
    /// The digests in `subjects` whose manifests are not removed, so that the signatures of these manifests are not removed either.
    kept: HashSet<OciDigest>,
}

impl<'p> Prune<'p> {
    fn new(registry: &'p Registry, store: &'p Store, retention: Retention) -> Self {
        Self {
            registry,
            store,
            retention,
            subjects: HashSet::new(),
            kept: HashSet::new(),
        }
    }

    fn run(mut self) -> Result<bool> {
        let state = State::now(self.store)?;
        if state.tips.records.is_none() {
            return Ok(true);
        }
        let mut left = Names::new();
        if let Some(view) = state.views.first() {
            let all = self.registry.recorded(view)?;
            let (signing, subjects) = signatures(view, &all)?;
            self.subjects = subjects;
            let others = all.difference(&signing).cloned().collect();
            left.extend(self.remove_from_others(&state, others)?);
            left.extend(self.remove_signatures(state, signing)?);
        }
        let mut names: Vec<_> = left.iter().map(RepositoryName::as_str).collect();
        let is_done = names.is_empty();
        if !is_done {
            names.truncate(10);
            let repositories = names.join(", ");
            tracing::warn!(
                repositories,
                "unused records are left for the next gc, because clients make changes all the time"
            );
        }
        let write = self.store.begin_registry_write(None)?;
        write.replace_records::<_, Error>(MESSAGE, |_| Ok((RecordsEdit::default(), ())))?;
        Ok(is_done)
    }

    /// Removes the unused records of repositories without signatures. Returns the repositories for which this was not done. A signature
    /// that a client pushes during the removal stays until the next `gc`, because it is not known yet whether its subject is kept.
    fn remove_from_others(&mut self, state: &State<'_>, names: Names) -> Result<Names> {
        let mut left = self.remove(state, &names, HashSet::new())?;
        for _ in 1..ATTEMPTS_MAX {
            if left.is_empty() {
                return Ok(left);
            }
            let state = State::now(self.store)?;
            if let Some(view) = state.views.first() {
                self.kept.extend(signatures(view, &left)?.1);
            }
            left = self.remove(&state, &left, HashSet::new())?;
        }
        self.remove_under_lock(left)
    }

    /// Removes the unused records of repositories with signatures. A signature is unused, too, if no repository keeps the manifest that it
    /// signs. Returns the repositories in which unused signatures may remain.
    fn remove_signatures(&mut self, first: State<'_>, names: Names) -> Result<Names> {
        let (mut left, mut known) = (names, first);
        if left.is_empty() {
            return Ok(left);
        }
        let (subjects, kept) = (&self.subjects, &mut self.kept);
        self.registry.all_synthesized(&known.views, &mut |digest| {
            if subjects.contains(&digest) {
                kept.insert(digest);
            }
        })?;
        for _ in 0..ATTEMPTS_MAX {
            let state = State::now(self.store)?;
            let changed = touched(&known.views, &state.views, usize::MAX)?;
            let (Some(changed), Some(view)) = (changed, state.views.first()) else {
                // The last branch was deleted. Its modules may come back, so nothing is removed.
                return Ok(left);
            };
            for name in changed {
                let present = present_digests(self.registry, &state, &name)?;
                self.note_kept(&present);
            }
            if state.tips != known.tips {
                // It is not known whether the subjects of new signatures are kept, so new signatures stay until the next `gc`.
                let (_, subjects) = signatures(view, &left)?;
                self.kept.extend(subjects.difference(&self.subjects));
            }
            self.follow_signatures(&state, &left)?;
            let unkept = self.subjects.difference(&self.kept).copied().collect();
            left = self.remove(&state, &left, unkept)?;
            if left.is_empty() {
                return Ok(left);
            }
            known = state;
        }
        // Under the lock, the records other than signatures are removed. The signatures stay.
        self.remove_under_lock(left.clone())?;
        Ok(left)
    }

    /// Adds to `kept` the digest of every manifest that stays and that a signature signs. Repeats this while it finds more, because a
    /// signature may itself be signed by another signature.
    fn follow_signatures(&mut self, state: &State<'_>, names: &Names) -> Result<()> {
        let branches = Branches::of(&state.views);
        let (mut todo, mut unkept) = (names.clone(), BTreeMap::new());
        while !todo.is_empty() {
            for name in todo {
                let (_, kept) = self.decide(state, &branches, &name)?;
                unkept.insert(name, kept.unkept_subjects);
            }
            let is_kept = |subject: &OciDigest| self.kept.contains(subject);
            let with_kept = unkept
                .iter()
                .filter(|(_, subjects)| subjects.iter().any(is_kept));
            todo = with_kept.map(|(name, _)| name.clone()).collect();
        }
        Ok(())
    }

    /// Removes the unused records of these repositories. Skips the repositories that change in the meantime, and returns them. `subjects`
    /// are the subjects of the signatures that are removed: the manifests that were signed.
    fn remove(
        &mut self,
        state: &State<'_>,
        names: &Names,
        subjects: HashSet<OciDigest>,
    ) -> Result<Names> {
        if state.views.is_empty() {
            // The last branch was deleted. Its modules may come back, so nothing is removed.
            return Ok(names.clone());
        }
        let branches = Branches::of(&state.views);
        let mut removal = Removal::begin(self.registry, self.store, &state.tips, subjects)?;
        for name in names {
            let (records, kept) = self.decide(state, &branches, name)?;
            removal.add(name, records.edit(&kept)?)?;
        }
        removal.finish()
    }

    /// Reads the records of an OCI repository (the files in `refs/oci/records` with its manifests, tags and so on), and decides which of
    /// them stay.
    fn decide<'v>(
        &mut self,
        state: &'v State<'_>,
        branches: &Branches<'_>,
        name: &RepositoryName,
    ) -> Result<(RepositoryRecords<'v>, Kept)> {
        let view = state.views.first().expect("BUG: there is a branch");
        let records = RepositoryRecords::read(view, name)?;
        let modules = branches.modules(name)?;
        let is_kept = |subject: &OciDigest| self.kept.contains(subject);
        let kept = records.kept(self.registry, &modules, self.retention, &is_kept)?;
        self.note_kept(&kept.manifests);
        Ok((records, kept))
    }

    fn note_kept<'d>(&mut self, digests: impl IntoIterator<Item = &'d OciDigest>) {
        let digests = digests.into_iter().copied();
        let subjects = &self.subjects;
        self.kept
            .extend(digests.filter(|digest| subjects.contains(digest)));
    }

    /// While the refs are locked, decides which records of the repositories `names` to keep, and removes the others. Keeps all signatures.
    /// Returns the repositories that it skipped, for example because they have too many records to read under a lock.
    fn remove_under_lock(&self, names: Names) -> Result<Names> {
        if names.is_empty() {
            return Ok(names);
        }
        let write = self.store.begin_registry_write(None)?;
        let removed = write.replace_records(MESSAGE, |tips| match self.edit_of(tips, &names) {
            Err(error) if error.is_missing_object() => Ok((RecordsEdit::default(), names.clone())),
            result => result,
        })?;
        Ok(removed.1)
    }

    fn edit_of(&self, tips: &RegistryTips, names: &Names) -> Result<(RecordsEdit, Names)> {
        let state = State::at(self.store, tips.clone())?;
        let Some(view) = state.views.first() else {
            // The last branch was deleted. Its modules may come back, so nothing is removed.
            return Ok((RecordsEdit::default(), names.clone()));
        };
        let branches = Branches::of(&state.views);
        let (mut edit, mut left) = (RecordsEdit::default(), Names::new());
        let mut records_left = LOCKED_RECORDS_MAX;
        for name in names {
            let count = RepositoryRecords::count(view, name)?;
            let Some(rest) = records_left.checked_sub(count) else {
                left.insert(name.clone());
                continue;
            };
            records_left = rest;
            let records = RepositoryRecords::read(view, name)?;
            let modules = branches.modules(name)?;
            let kept = records.kept(self.registry, &modules, self.retention, &|_| true)?;
            edit.extend(records.edit(&kept)?);
        }
        Ok((edit, left))
    }
}

/// Returns the repositories among `names` that have tags of signatures, and the subjects of these signatures.
fn signatures(view: &RegistryView<'_>, names: &Names) -> Result<(Names, HashSet<OciDigest>)> {
    let (mut signing, mut subjects) = (Names::new(), HashSet::new());
    for name in names {
        for (tag, _) in view.records(&Records(name).directory(TAGS))? {
            let tag = OciTag::parse(&tag).ok();
            if let Some(subject) = tag.as_ref().and_then(subject_of_tag) {
                subjects.insert(subject);
                signing.insert(name.clone());
            }
        }
    }
    Ok((signing, subjects))
}

#[cfg(test)]
mod tests;
