//! Removes the records that a `gc` does not keep, and squashes the history of the others.
//!
//! A manifest is kept if
//! - a tag names it: one that is served with it, or whose module was moved by another client less than `keep_days` ago;
//! - it lost its last tag, or was pushed without one, less than `keep_days` ago;
//! - its only layer is a module of its repository on a branch, so a tag may be served with it;
//! - a kept index names it, or its subject is kept. A tag `sha256-<digits>.sig` and the like, as cosign writes them, is one of its subject, which
//!   may be in another repository.
//!
//! The tag of a module that was removed, and its manifest, are not kept: otherwise removing a module would free nothing. All branches count,
//! because a server may have another default branch than the store.
//!
//! What is kept is decided without a lock, on the state between two changes. The removal is one change. If a branch or the records have
//! changed in the meantime, it removes nothing, and everything is decided again: a rollback, for example, brings a module back without a
//! change of the records, and its manifest must still be there.

use std::collections::BTreeSet;

use super::error::Result;
use super::kept::Retention;
use super::push::now_s;
use super::records::{Records, day_of};
use super::registry::Registry;
use super::repository_records::RepositoryRecords;
use crate::names::{ModuleHash, ModulePath};
use crate::store::{RecordsEdit, RegistryError as _, RegistryView, Store};

/// How often the records are decided again because clients change the branches or the records at the same time.
const ATTEMPTS_MAX: usize = 5;

impl Registry {
    /// Removes the records that are not kept, and replaces the history of the records by one commit. `keep_days` is how long a manifest without
    /// a tag is kept. Returns whether it did so. It leaves the records for the next time if clients make changes all the time.
    ///
    /// # Errors
    /// The records cannot be read or written.
    pub fn prune(&self, store: &Store, keep_days: u64) -> Result<bool> {
        for attempt in 1..=ATTEMPTS_MAX {
            match self.prune_once(store, keep_days) {
                Ok(false) => {}
                // Another `gc` has removed history that was being read.
                Err(error) if error.is_missing_object() && attempt < ATTEMPTS_MAX => {}
                result => return result,
            }
        }
        tracing::warn!(
            "unused records of the registry are left for the next gc, because clients make changes all the time"
        );
        Ok(false)
    }

    fn prune_once(&self, store: &Store, keep_days: u64) -> Result<bool> {
        let today = day_of(now_s());
        let (tips, views) = store.registry_views()?;
        if tips.records.is_none() {
            return Ok(true);
        }
        let edit = self.edit(&views, Retention { today, keep_days })?;
        let write = store.begin_registry_write(None)?;
        Ok(write.replace_records(&tips, &edit, "Remove unused manifests and blobs")?)
    }

    /// Returns the edit that leaves the records that are kept.
    fn edit(&self, views: &[RegistryView<'_>], retention: Retention) -> Result<RecordsEdit> {
        let mut edit = RecordsEdit::default();
        let Some(view) = views.first() else {
            return Ok(edit);
        };
        let mut kept = BTreeSet::new();
        for repository in self.kept(views, retention)? {
            for (path, hash) in kept_records(view, &repository)? {
                if view.record(path.as_tree_path())? != Some(hash) {
                    edit.added.push((path.clone(), hash));
                }
                kept.insert(path);
            }
        }
        let is_unused =
            |path: &ModulePath| !kept.contains(path) && Records::repository_of(path).is_some();
        edit.removed = view.record_paths()?;
        edit.removed.retain(is_unused);
        Ok(edit)
    }
}

/// Returns the records of a repository that stay, and those that are new: the days on which manifests lost their tags.
fn kept_records(
    view: &RegistryView<'_>,
    repository: &RepositoryRecords,
) -> Result<Vec<(ModulePath, ModuleHash)>> {
    let records = Records(&repository.name);
    let (mut paths, mut kept) = (Vec::new(), Vec::new());
    for digest in &repository.kept_manifests {
        let Some((hash, manifest)) = repository.manifests.get(digest) else {
            continue;
        };
        paths.push(records.manifest(digest));
        paths.push(records.media_type(digest));
        paths.extend(manifest.blobs().map(|blob| records.blob(&blob.digest)));
        let subject = manifest.subject.as_ref();
        paths.extend(subject.map(|subject| records.referrer(&subject.digest, digest)));
        let day = repository.untagged.get(hash);
        kept.extend(day.map(|day| (records.untagged(*day, *hash), *hash)));
    }
    paths.extend(repository.kept_tags.iter().map(|tag| records.tag(tag)));
    for path in paths {
        let hash = view.record(path.as_tree_path())?;
        kept.extend(hash.map(|hash| (path, hash)));
    }
    Ok(kept)
}
