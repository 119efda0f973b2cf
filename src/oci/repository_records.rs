//! The records of one repository, and which of them a `gc` keeps: see `prune.rs` for the rules.
//!
//! Only the digests that a manifest names are held in memory, because a manifest can be as large as 4 MiB.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::branches::BranchModules;
use super::error::Result;
use super::layers::{Layers, TagState, tag_state};
use super::named_digests::ManifestDigests;
use super::records::{MANIFESTS, REFERRERS, Records, TAGS, UNTAGGED, digest_of};
use super::registry::{Registry, modules};
use super::signature_tag::subject_of_tag;
use crate::names::{ModuleHash, ModulePath, OciDigest, OciTag, RepositoryName};
use crate::store::{RecordsEdit, RegistryView, TreeNode};

/// How long manifests without a tag are kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retention {
    /// The current day, counted from 1970-01-01.
    pub today: u64,
    pub keep_days: u64,
}

/// The records of one repository.
pub(super) struct RepositoryRecords<'v> {
    view: &'v RegistryView<'v>,
    name: RepositoryName,
    all: BTreeMap<ModulePath, ModuleHash>,
    manifests: BTreeMap<OciDigest, ManifestDigests>,
    /// The digests under which each manifest was pushed, by the id of the git blob that contains the manifest.
    digests: HashMap<ModuleHash, Vec<OciDigest>>,
    tags: BTreeMap<OciTag, ModuleHash>,
    /// The day from which the retention time of each manifest is counted, such as the last day on which it lost a tag, by the git blob of
    /// the manifest. A day is the number of days since 1970-01-01.
    untagged: BTreeMap<ModuleHash, u64>,
    /// The manifests that name another manifest as their `subject`, by the digest of the subject.
    referrers: HashMap<OciDigest, Vec<OciDigest>>,
}

/// The records of an OCI repository that a prune does not remove.
#[derive(Default)]
pub(super) struct Kept {
    /// The digests of the manifests to keep, including manifests that have no record.
    pub manifests: BTreeSet<OciDigest>,
    /// The subjects of the signatures that will be removed because their subjects are not kept.
    pub unkept_subjects: Vec<OciDigest>,
    tags: BTreeSet<OciTag>,
    /// The day from which the retention time of each manifest is counted, such as the last day on which it lost a tag, by the git blob of
    /// the manifest. A day is the number of days since 1970-01-01.
    untagged: BTreeMap<ModuleHash, u64>,
}

impl<'v> RepositoryRecords<'v> {
    /// Reads the records of a repository.
    pub fn read(view: &'v RegistryView<'v>, name: &RepositoryName) -> Result<Self> {
        let mut records = Self {
            view,
            name: name.clone(),
            all: BTreeMap::new(),
            manifests: BTreeMap::new(),
            digests: HashMap::new(),
            tags: BTreeMap::new(),
            untagged: BTreeMap::new(),
            referrers: HashMap::new(),
        };
        walk(view, name, |path, hash| {
            records.all.insert(path, hash);
        })?;
        let all = std::mem::take(&mut records.all);
        for (path, hash) in &all {
            records.add(path, *hash)?;
        }
        records.all = all;
        Ok(records)
    }

    /// Returns the number of records of a repository.
    pub fn count(view: &RegistryView<'_>, name: &RepositoryName) -> Result<usize> {
        let mut count = 0;
        walk(view, name, |_, _| count += 1)?;
        Ok(count)
    }

    fn add(&mut self, path: &ModulePath, hash: ModuleHash) -> Result<()> {
        let prefix = self.name.as_str().len() + 1;
        let mut segments = path.as_str()[prefix..].split('/');
        let directory = segments.next().unwrap_or_default();
        match directory {
            MANIFESTS => {
                if let Some(digest) = digest_of(segments) {
                    self.digests.entry(hash).or_default().push(digest);
                    let manifest = ManifestDigests::read(self.view, hash)?;
                    self.manifests.insert(digest, manifest);
                }
            }
            TAGS => {
                let tag = segments.next().and_then(|tag| OciTag::parse(tag).ok());
                self.tags.extend(tag.map(|tag| (tag, hash)));
            }
            UNTAGGED => {
                if let Some(day) = segments.next().and_then(|day| day.parse().ok()) {
                    let last = self.untagged.entry(hash).or_insert(day);
                    *last = day.max(*last);
                }
            }
            REFERRERS => {
                let subject = digest_of(segments.by_ref().take(3));
                if let (Some(subject), Some(digest)) = (subject, digest_of(segments)) {
                    self.referrers.entry(subject).or_default().push(digest);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Decides which records stay when unused records are removed. `is_kept` returns whether a digest, the subject of a signature, stays in
    /// another repository.
    pub fn kept(
        &self,
        registry: &Registry,
        branches: &[BranchModules<'_>],
        retention: Retention,
        is_kept: &dyn Fn(&OciDigest) -> bool,
    ) -> Result<Kept> {
        let layers = Layers::new(&self.name, &self.all, branches);
        let mut kept = Kept::default();
        let is_recent = |day: u64| day.saturating_add(retention.keep_days) > retention.today;
        let untagged = self.untagged.iter().filter(|(_, day)| is_recent(**day));
        kept.untagged = untagged.map(|(hash, day)| (*hash, *day)).collect();
        for (digest, manifest) in &self.manifests {
            let is_module = match manifest.module {
                Some(layer) => layers.is_module(&layer)?,
                None => false,
            };
            if is_module || kept.untagged.contains_key(&manifest.hash) {
                kept.manifests.insert(*digest);
            }
        }
        let mut signatures = HashMap::<_, Vec<_>>::new();
        for (tag, hash) in &self.tags {
            let digests = self.digests.get(hash);
            let manifest = digests.and_then(|digests| self.manifests.get(digests.first()?));
            let Some(manifest) = manifest else {
                continue;
            };
            match (manifest.module, subject_of_tag(tag)) {
                (Some(layer), _) => match tag_state(branches, tag, layers.hash(&layer)?) {
                    TagState::Served => {}
                    TagState::Removed => continue,
                    TagState::Moved if retention.keep_days == 0 => continue,
                    TagState::Moved if !self.is_recent_or_new(*hash, &kept) => continue,
                    TagState::Moved => {
                        kept.untagged.entry(*hash).or_insert(retention.today);
                    }
                },
                (None, Some(subject))
                    if !is_kept(&subject) && !kept.untagged.contains_key(hash) =>
                {
                    signatures.entry(subject).or_default().push((tag, *hash));
                    continue;
                }
                (None, _) => {}
            }
            kept.add_tag(tag, digests);
        }
        self.follow(registry, branches, &mut signatures, &mut kept)?;
        kept.unkept_subjects = signatures.into_keys().collect();
        Ok(kept)
    }

    /// Returns whether a manifest without a tag is within its retention time, or has no record yet of the day on which it lost its tag.
    fn is_recent_or_new(&self, hash: ModuleHash, kept: &Kept) -> bool {
        kept.untagged.contains_key(&hash) || !self.untagged.contains_key(&hash)
    }

    /// Adds to `kept` all manifests that manifests in `kept` name, and all that refer to manifests in `kept`. Moves the signatures of these
    /// manifests from `signatures` to `kept`.
    fn follow(
        &self,
        registry: &Registry,
        branches: &[BranchModules<'_>],
        signatures: &mut HashMap<OciDigest, Vec<(&OciTag, ModuleHash)>>,
        kept: &mut Kept,
    ) -> Result<()> {
        let mut todo: Vec<_> = kept.manifests.iter().copied().collect();
        if !self.referrers.is_empty() || !signatures.is_empty() {
            // Referrers and signatures may also refer to synthesised manifests.
            for branch in branches {
                todo.extend(synthesized_digests(registry, branch.view(), &self.name)?);
            }
        }
        while let Some(digest) = todo.pop() {
            let mut found = Vec::new();
            for (tag, hash) in signatures.remove(&digest).into_iter().flatten() {
                kept.tags.insert(tag.clone());
                found.extend(self.digests.get(&hash).into_iter().flatten());
            }
            found.extend(self.referrers.get(&digest).into_iter().flatten());
            if let Some(manifest) = self.manifests.get(&digest) {
                found.extend(manifest.named(self.view)?.manifests);
            }
            let new = found.into_iter().filter(|it| kept.manifests.insert(*it));
            todo.extend(new);
        }
        Ok(())
    }

    /// Returns the edit that removes every record that is not in `kept`, and adds the missing records of the days on which manifests in
    /// `kept` lost a tag.
    pub fn edit(self, kept: &Kept) -> Result<RecordsEdit> {
        let records = Records(&self.name);
        let (mut left, mut added) = (self.all, Vec::new());
        for digest in &kept.manifests {
            let Some(manifest) = self.manifests.get(digest) else {
                continue;
            };
            left.remove(&records.manifest(digest));
            left.remove(&records.media_type(digest));
            for blob in manifest.named(self.view)?.blobs {
                left.remove(&records.blob(&blob));
            }
            if let Some(subject) = &manifest.subject {
                left.remove(&records.referrer(subject, digest));
            }
            if let Some(day) = kept.untagged.get(&manifest.hash) {
                let path = records.untagged(*day, manifest.hash);
                // If the manifest has two digests, the loop has perhaps removed the path from `left` for the other digest.
                if left.remove(&path).is_none() && self.view.record(path.as_tree_path())?.is_none()
                {
                    added.push((path, manifest.hash));
                }
            }
        }
        for tag in &kept.tags {
            left.remove(&records.tag(tag));
        }
        Ok(RecordsEdit {
            removed: left.into_keys().collect(),
            added,
        })
    }
}

impl Kept {
    fn add_tag(&mut self, tag: &OciTag, digests: Option<&Vec<OciDigest>>) {
        self.manifests.extend(digests.into_iter().flatten());
        self.tags.insert(tag.clone());
    }
}

/// Calls `visit` with each record of a repository.
fn walk(
    view: &RegistryView<'_>,
    name: &RepositoryName,
    mut visit: impl FnMut(ModulePath, ModuleHash),
) -> Result<()> {
    let root = Records(name).root();
    for (directory, node) in view.records(&root)? {
        // Directories whose names begin with `_` have the records of this repository; the others are parts of the names of other
        // repositories.
        if let (TreeNode::Directory(_), true) = (node, directory.starts_with('_')) {
            view.walk_records(&root.join(&directory)?, &mut visit)?;
        }
    }
    Ok(())
}

/// Returns the digests of the synthesised manifests of a repository.
pub(super) fn synthesized_digests(
    registry: &Registry,
    view: &RegistryView<'_>,
    name: &RepositoryName,
) -> Result<Vec<OciDigest>> {
    let modules = modules(view, name)?;
    let named: Vec<_> = modules
        .iter()
        .map(|module| (module.hash, module.file_name.as_str()))
        .collect();
    let entries = registry.manifest_digests(view, &named)?.into_iter();
    Ok(entries.map(|entry| entry.digest.into()).collect())
}
