//! Removes the records that a `gc` does not keep, and squashes the history of the others.
//!
//! A manifest is kept if
//! - a tag names it: one that is served with it, or whose module was moved by another client less than `keep_days` ago;
//! - it lost its last tag, or was pushed without one, less than `keep_days` ago;
//! - its only layer is a module of its repository on the default branch, so a tag may be served with it;
//! - a kept index names it, or its subject is kept. A tag `sha256-<digits>.sig` and the like, as cosign writes them, is one of its subject.
//!
//! The tag of a module that was removed, and its manifest, are not kept: otherwise removing a module would free nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::error::{Error, Result};
use super::manifest::Manifest;
use super::pull::{is_manifest_of, pushed_digests, pushed_manifest, tagged_module};
use super::push::now_s;
use super::records::{Records, TAGS, UNTAGGED, day_of};
use super::referrers;
use super::registry::{Registry, modules};
use crate::names::{ModuleHash, ModulePath, OciDigest, OciTag, RepositoryName};
use crate::store::{RegistryView, Store, TreeNode};

/// How often the records are read again because clients push at the same time.
const ATTEMPTS_MAX: usize = 5;

/// The records of one repository.
struct RepositoryRecords {
    name: RepositoryName,
    manifests: BTreeMap<OciDigest, (ModuleHash, Manifest)>,
    /// The digests of each manifest.
    digests: BTreeMap<ModuleHash, Vec<OciDigest>>,
    tags: BTreeMap<OciTag, ModuleHash>,
    /// The last day on which each manifest lost a tag.
    untagged: BTreeMap<ModuleHash, u64>,
    /// Those of them whose last day is too long ago.
    expired: BTreeMap<ModuleHash, u64>,
}

/// The tags of signatures by the digest of their subject, each with the digests of its manifest.
type Signatures = BTreeMap<OciDigest, Vec<(OciTag, Vec<OciDigest>)>>;

/// The manifests and tags that stay.
#[derive(Default)]
struct Kept {
    manifests: BTreeSet<OciDigest>,
    tags: BTreeSet<OciTag>,
}

impl Registry {
    /// Removes the records that are not kept, and replaces the history of the records by one commit. `keep_days` is how long a manifest without
    /// a tag is kept. If clients push all the time, leaves the records as they are.
    ///
    /// # Errors
    /// The records cannot be read or written.
    pub fn prune(&self, store: &Store, keep_days: u64) -> Result<()> {
        for _ in 0..ATTEMPTS_MAX {
            let today = day_of(now_s());
            let (basis, records) = store.read_registry(|view| {
                let mut records = Vec::new();
                for name in self.recorded(view)? {
                    let kept = self.kept_records(view, &name, (today, keep_days))?;
                    records.extend(kept);
                }
                let basis = view.commit().map(|commit| (commit, view.modules_root()));
                Ok::<_, Error>((basis, records))
            })?;
            let Some((commit, modules)) = basis else {
                return Ok(());
            };
            let write = store.begin_registry_write(None)?;
            let message = "Remove unused manifests and blobs";
            if write.replace_records((commit, modules), &records, message)? {
                return Ok(());
            }
        }
        tracing::warn!(
            "the records of the registry were not pruned, because clients push all the time"
        );
        Ok(())
    }

    /// Returns the records of a repository that stay.
    fn kept_records(
        &self,
        view: &RegistryView<'_>,
        name: &RepositoryName,
        (today, keep_days): (u64, u64),
    ) -> Result<Vec<(ModulePath, ModuleHash)>> {
        let mut repository = read(view, name)?;
        let (untagged, expired) = std::mem::take(&mut repository.untagged)
            .into_iter()
            .partition(|(_, day)| day.saturating_add(keep_days) > today);
        (repository.untagged, repository.expired) = (untagged, expired);
        let kept = self.kept(view, &mut repository, (today, keep_days))?;
        let records = Records(name);
        let mut paths = Vec::new();
        let mut days = Vec::new();
        for digest in &kept.manifests {
            let Some((hash, manifest)) = repository.manifests.get(digest) else {
                continue;
            };
            paths.push(records.manifest(digest));
            paths.push(records.media_type(digest));
            paths.extend(manifest.blobs().map(|blob| records.blob(&blob.digest)));
            let subject = manifest.subject.as_ref();
            paths.extend(subject.map(|subject| records.referrer(&subject.digest, digest)));
            let day = repository.untagged.get(hash);
            days.extend(day.map(|day| (records.untagged(*day, *hash), *hash)));
        }
        paths.extend(kept.tags.iter().map(|tag| records.tag(tag)));
        let mut existing = days;
        for path in paths {
            let hash = view.record(path.as_tree_path())?;
            existing.extend(hash.map(|hash| (path, hash)));
        }
        Ok(existing)
    }

    fn kept(
        &self,
        view: &RegistryView<'_>,
        repository: &mut RepositoryRecords,
        (today, keep_days): (u64, u64),
    ) -> Result<Kept> {
        let name = repository.name.clone();
        let mut kept = Kept::default();
        let (mut current, mut digests) = (BTreeSet::new(), BTreeSet::new());
        for module in modules(view, &name)? {
            current.insert(module.hash);
            digests.insert(OciDigest::from(view.digest(module.hash)?));
        }
        for (digest, (hash, manifest)) in &repository.manifests {
            let is_current = match manifest.module() {
                Some(layer @ OciDigest::Sha512(_)) => {
                    let blob = view.record(Records(&name).blob(&layer).as_tree_path())?;
                    blob.is_some_and(|blob| current.contains(&blob))
                }
                Some(layer) => digests.contains(&layer),
                None => false,
            };
            if is_current || repository.untagged.contains_key(hash) {
                kept.manifests.insert(*digest);
            }
        }
        let mut signatures = Signatures::new();
        for (tag, hash) in repository.tags.clone() {
            let digests = repository.digests.get(&hash).cloned().unwrap_or_default();
            let manifest = digests.first().and_then(|it| repository.manifests.get(it));
            let Some((_, manifest)) = manifest else {
                continue;
            };
            match (manifest.module(), subject_of_tag(&tag)) {
                (Some(layer), _) => {
                    let Some(module) = tagged_module(view, &name, &tag)? else {
                        continue;
                    };
                    if !is_manifest_of(view, &name, Some(layer), module.hash)? {
                        if keep_days == 0 || repository.expired.contains_key(&hash) {
                            continue;
                        }
                        repository.untagged.entry(hash).or_insert(today);
                    }
                }
                (None, Some(subject)) => {
                    signatures.entry(subject).or_default().push((tag, digests));
                    continue;
                }
                (None, None) => {}
            }
            kept.manifests.extend(digests);
            kept.tags.insert(tag);
        }
        self.keep_reachable(view, repository, &mut kept, &signatures)?;
        Ok(kept)
    }

    /// Adds what kept manifests name, and what refers to them.
    fn keep_reachable(
        &self,
        view: &RegistryView<'_>,
        repository: &RepositoryRecords,
        kept: &mut Kept,
        signatures: &Signatures,
    ) -> Result<()> {
        let name = &repository.name;
        let mut todo: Vec<OciDigest> = kept.manifests.iter().copied().collect();
        // Signatures also refer to the manifests of modules that no client has pushed.
        for module in modules(view, name)? {
            todo.push(
                self.synthesized(view, module.hash, &module.file_name)?
                    .digest,
            );
        }
        while let Some(digest) = todo.pop() {
            let manifest = repository.manifests.get(&digest);
            let children = manifest
                .iter()
                .flat_map(|(_, manifest)| &manifest.manifests);
            let mut found: Vec<_> = children.map(|child| child.digest).collect();
            found.extend(referrers::digests(view, name, &digest)?);
            for (tag, digests) in signatures.get(&digest).into_iter().flatten() {
                kept.tags.insert(tag.clone());
                found.extend(digests);
            }
            todo.extend(
                found
                    .into_iter()
                    .filter(|found| kept.manifests.insert(*found)),
            );
        }
        Ok(())
    }
}

/// Returns the digest that the name of a tag contains: `sha256-<digits>`, with a suffix such as `.sig`, `.att` or `.sbom` (cosign's tag scheme,
/// and the referrers tag schema of the OCI distribution specification).
pub(super) fn subject_of_tag(tag: &OciTag) -> Option<OciDigest> {
    let (algorithm, rest) = tag.as_str().split_once('-')?;
    let digits = rest.split('.').next()?;
    OciDigest::parse(&format!("{algorithm}:{digits}")).ok()
}

/// Reads the records of a repository.
fn read(view: &RegistryView<'_>, name: &RepositoryName) -> Result<RepositoryRecords> {
    let records = Records(name);
    let mut manifests = BTreeMap::new();
    let mut digests = BTreeMap::<_, Vec<_>>::new();
    for digest in pushed_digests(view, name)? {
        let hash = view.record(records.manifest(&digest).as_tree_path())?;
        let found = pushed_manifest(view, name, &digest)?;
        if let (Some(hash), Some(found)) = (hash, found) {
            // A record that does not parse as a manifest names nothing. Clients cannot push one.
            manifests.insert(digest, (hash, found.parse().unwrap_or_default()));
            digests.entry(hash).or_default().push(digest);
        }
    }
    let mut tags = BTreeMap::new();
    for (tag, node) in view.records(&records.directory(TAGS))? {
        if let (Ok(tag), TreeNode::Module(hash)) = (OciTag::parse(&tag), node) {
            tags.insert(tag, hash);
        }
    }
    let mut untagged = BTreeMap::new();
    let directory = records.directory(UNTAGGED);
    for (day, _) in view.records(&directory)? {
        let Ok(number) = day.parse::<u64>() else {
            continue;
        };
        for (_, node) in view.records(&directory.join(&day)?)? {
            if let TreeNode::Module(hash) = node {
                let last = untagged.entry(hash).or_insert(number);
                *last = number.max(*last);
            }
        }
    }
    Ok(RepositoryRecords {
        name: name.clone(),
        manifests,
        digests,
        tags,
        untagged,
        expired: BTreeMap::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_signature_tag_contains_its_subject() {
        let digits = "a".repeat(64);
        for (tag, is_signature) in [
            (format!("sha256-{digits}.sig"), true),
            (format!("sha256-{digits}"), true),
            (format!("sha256-{digits}.att"), true),
            (format!("sha256-{}", "a".repeat(63)), false),
            ("latest".to_owned(), false),
            ("v1-rc".to_owned(), false),
        ] {
            let subject = subject_of_tag(&OciTag::parse(&tag).unwrap());
            assert_eq!(subject.is_some(), is_signature, "{tag}");
        }
    }
}
