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
//! What is kept is decided without a lock, on the state between two changes. The removal is one change, which leaves out the repositories
//! that clients have changed in the meantime; these are decided again.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Result;
use super::kept::Retention;
use super::push::now_s;
use super::records::{DIRECTORIES, Records, day_of};
use super::registry::Registry;
use super::repository_records::RepositoryRecords;
use crate::names::{ModuleHash, ModulePath, RepositoryName};
use crate::store::{RecordsEdit, RegistryView, Store};

/// How often the records are decided again because clients push to a repository at the same time.
const ATTEMPTS_MAX: usize = 5;

impl Registry {
    /// Removes the records that are not kept, and replaces the history of the records by one commit. `keep_days` is how long a manifest without
    /// a tag is kept. Returns the number of repositories whose records are left for the next time because clients push to them all the time.
    ///
    /// # Errors
    /// The records cannot be read or written.
    pub fn prune(&self, store: &Store, keep_days: u64) -> Result<usize> {
        let mut left = 0;
        for _ in 0..ATTEMPTS_MAX {
            let today = day_of(now_s());
            let views = store.registry_views()?;
            let Some(view) = views.first().filter(|view| view.commit().is_some()) else {
                return Ok(0);
            };
            let mut edits = self.edits(&views, Retention { today, keep_days })?;
            for (name, edit) in &mut edits {
                for directory in DIRECTORIES {
                    let path = Records(name).directory(directory);
                    let tree = view.record_tree(&path)?;
                    edit.directories.push((path, tree));
                }
            }
            let edits: Vec<_> = edits.into_values().collect();
            let write = store.begin_registry_write(None)?;
            left = write.replace_records(&edits, "Remove unused manifests and blobs")?;
            if left == 0 {
                return Ok(0);
            }
        }
        tracing::warn!(
            repositories = left,
            "the unused records of some repositories are left for the next gc, because clients push to them all the time"
        );
        Ok(left)
    }

    /// Returns the edits that leave the records that are kept, by repository. A repository without an edit is kept as it is.
    fn edits(
        &self,
        views: &[RegistryView<'_>],
        retention: Retention,
    ) -> Result<BTreeMap<RepositoryName, RecordsEdit>> {
        let Some(view) = views.first() else {
            return Ok(BTreeMap::new());
        };
        let mut kept = BTreeSet::new();
        let mut edits = BTreeMap::<RepositoryName, RecordsEdit>::new();
        for repository in self.kept(views, retention)? {
            for (path, hash) in kept_records(view, &repository)? {
                if view.record(path.as_tree_path())? != Some(hash) {
                    let edit = edits.entry(repository.name.clone()).or_default();
                    edit.added.push((path.clone(), hash));
                }
                kept.insert(path);
            }
        }
        for path in view.record_paths()? {
            if !kept.contains(&path)
                && let Some(name) = Records::repository_of(&path)
            {
                edits.entry(name).or_default().removed.push(path);
            }
        }
        Ok(edits)
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
