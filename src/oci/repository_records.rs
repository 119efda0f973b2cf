//! The records of one repository, and which of its tags and manifests a `gc` keeps by themselves.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Result;
use super::kept::{Retention, subject_of_tag};
use super::manifest::Manifest;
use super::pull::{is_manifest_of, pushed_digests, pushed_manifest, tagged_module};
use super::records::{Records, TAGS, UNTAGGED};
use super::registry::modules;
use crate::names::{ModuleHash, OciDigest, OciTag, RepositoryName};
use crate::store::{RegistryView, TreeNode};

/// The records of one repository, and what is kept of them.
pub(super) struct RepositoryRecords {
    pub name: RepositoryName,
    pub manifests: BTreeMap<OciDigest, (ModuleHash, Manifest)>,
    /// The digests of each manifest.
    digests: BTreeMap<ModuleHash, Vec<OciDigest>>,
    tags: BTreeMap<OciTag, ModuleHash>,
    /// The last day on which each manifest lost a tag, unless it is too long ago.
    pub untagged: BTreeMap<ModuleHash, u64>,
    /// Those of which it is too long ago.
    expired: BTreeSet<ModuleHash>,
    pub kept_manifests: BTreeSet<OciDigest>,
    pub kept_tags: BTreeSet<OciTag>,
}

impl RepositoryRecords {
    /// Returns the digests of the manifest that a tag names.
    pub fn manifests_of(&self, tag: &OciTag) -> Vec<OciDigest> {
        let digests = self.tags.get(tag).and_then(|hash| self.digests.get(hash));
        digests.cloned().unwrap_or_default()
    }

    /// Keeps the manifests of modules, those without a tag that have not expired, and the tags with their manifests. Returns the tags of
    /// signatures, each with the digest of its subject.
    pub fn keep_tagged(
        &mut self,
        branches: &[&RegistryView<'_>],
        retention: Retention,
    ) -> Result<Vec<(OciDigest, OciTag)>> {
        for view in branches {
            let (mut hashes, mut digests) = (BTreeSet::new(), BTreeSet::new());
            for module in modules(view, &self.name)? {
                hashes.insert(module.hash);
                digests.insert(OciDigest::from(view.digest(module.hash)?));
            }
            for (digest, (_, manifest)) in &self.manifests {
                let is_current = match manifest.module() {
                    Some(layer @ OciDigest::Sha512(_)) => {
                        let blob = view.record(Records(&self.name).blob(&layer).as_tree_path())?;
                        blob.is_some_and(|blob| hashes.contains(&blob))
                    }
                    Some(layer) => digests.contains(&layer),
                    None => false,
                };
                if is_current {
                    self.kept_manifests.insert(*digest);
                }
            }
        }
        for (digest, (hash, _)) in &self.manifests {
            if self.untagged.contains_key(hash) {
                self.kept_manifests.insert(*digest);
            }
        }
        let mut signatures = Vec::new();
        for (tag, hash) in self.tags.clone() {
            let digests = self.manifests_of(&tag);
            let manifest = digests.first().and_then(|it| self.manifests.get(it));
            let Some((_, manifest)) = manifest else {
                continue;
            };
            match (manifest.module(), subject_of_tag(&tag)) {
                (Some(layer), _) => match self.tag_state(branches, &tag, layer)? {
                    TagState::Served => {}
                    TagState::Moved if retention.keep_days == 0 => continue,
                    TagState::Moved if self.expired.contains(&hash) => continue,
                    TagState::Moved => {
                        self.untagged.entry(hash).or_insert(retention.today);
                    }
                    TagState::Removed => continue,
                },
                (None, Some(subject)) => {
                    signatures.push((subject, tag));
                    continue;
                }
                (None, None) => {}
            }
            self.kept_manifests.extend(digests);
            self.kept_tags.insert(tag);
        }
        Ok(signatures)
    }

    /// Returns the state of a tag that was pushed with a manifest with this layer.
    fn tag_state(
        &self,
        branches: &[&RegistryView<'_>],
        tag: &OciTag,
        layer: OciDigest,
    ) -> Result<TagState> {
        let mut state = TagState::Removed;
        for view in branches {
            if let Some(module) = tagged_module(view, &self.name, tag)? {
                if is_manifest_of(view, &self.name, Some(layer), module.hash)? {
                    return Ok(TagState::Served);
                }
                state = TagState::Moved;
            }
        }
        Ok(state)
    }
}

/// The state of a tag that was pushed with a module.
enum TagState {
    /// The tag is served with the manifest.
    Served,
    /// Another client has moved the tag to another module.
    Moved,
    /// No branch has a module for the tag.
    Removed,
}

/// Reads the records of a repository.
pub(super) fn read(
    view: &RegistryView<'_>,
    name: RepositoryName,
    retention: Retention,
) -> Result<RepositoryRecords> {
    let records = Records(&name);
    let mut manifests = BTreeMap::new();
    let mut digests = BTreeMap::<_, Vec<_>>::new();
    for digest in pushed_digests(view, &name)? {
        let hash = view.record(records.manifest(&digest).as_tree_path())?;
        let found = pushed_manifest(view, &name, &digest)?;
        if let (Some(hash), Some(found)) = (hash, found) {
            // A record that does not parse as a manifest names nothing. Clients cannot push one.
            let fields = found.fields().map(|fields| (*fields).clone());
            manifests.insert(digest, (hash, fields.unwrap_or_default()));
            digests.entry(hash).or_default().push(digest);
        }
    }
    let mut tags = BTreeMap::new();
    for (tag, node) in view.records(&records.directory(TAGS))? {
        if let (Ok(tag), TreeNode::Module(hash)) = (OciTag::parse(&tag), node) {
            tags.insert(tag, hash);
        }
    }
    let (untagged, expired): (BTreeMap<_, _>, BTreeMap<_, _>) = untagged_days(view, &name)?
        .into_iter()
        .partition(|(_, day)| day.saturating_add(retention.keep_days) > retention.today);
    Ok(RepositoryRecords {
        name,
        manifests,
        digests,
        tags,
        untagged,
        expired: expired.into_keys().collect(),
        kept_manifests: BTreeSet::new(),
        kept_tags: BTreeSet::new(),
    })
}

/// Returns the last day on which each manifest lost a tag.
fn untagged_days(
    view: &RegistryView<'_>,
    name: &RepositoryName,
) -> Result<BTreeMap<ModuleHash, u64>> {
    let mut days = BTreeMap::new();
    let directory = Records(name).directory(UNTAGGED);
    for (day, _) in view.records(&directory)? {
        let Ok(number) = day.parse::<u64>() else {
            continue;
        };
        for (_, node) in view.records(&directory.join(&day)?)? {
            if let TreeNode::Module(hash) = node {
                let last = days.entry(hash).or_insert(number);
                *last = number.max(*last);
            }
        }
    }
    Ok(days)
}
