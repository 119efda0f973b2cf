//! The change of the records and of the default branch that a push of a manifest makes.

use super::error::{Error, Result};
use super::manifest::Manifest;
use super::push::{ManifestPush, PushedManifest};
use super::records::Records;
use super::tag_path;
use crate::names::{BranchName, ModuleHash, ModulePath, OciDigest, OciTag};
use crate::store::{self, ErrorKind, RegistryDraft};

/// A checked push whose blobs are stored.
pub(super) struct PreparedPush<'p> {
    pub push: &'p ManifestPush,
    pub digest: OciDigest,
    pub manifest: Manifest,
    pub tags: Vec<OciTag>,
    pub manifest_hash: ModuleHash,
    pub media_type_hash: Option<ModuleHash>,
    pub blobs: Vec<(OciDigest, ModuleHash)>,
    /// The records of the synthesised manifests to which the push attaches something.
    pub subjects: Vec<(ModulePath, ModuleHash)>,
    pub branch: BranchName,
    pub day: u64,
}

impl PreparedPush<'_> {
    /// Edits the draft, and returns the message of the commits.
    pub fn apply(&self, draft: &mut RegistryDraft<'_, '_>) -> Result<(String, PushedManifest)> {
        let records = Records(&self.push.repository);
        let mut set = vec![(records.manifest(&self.digest), self.manifest_hash)];
        set.extend(
            self.media_type_hash
                .map(|hash| (records.media_type(&self.digest), hash)),
        );
        for (digest, hash) in &self.blobs {
            set.push((records.blob(digest), *hash));
        }
        for (path, hash) in &self.subjects {
            // A client may have pushed the tag in the meantime.
            if draft.record(path.as_tree_path())?.is_none() {
                set.push((path.clone(), *hash));
            }
        }
        if let Some(subject) = &self.manifest.subject {
            let path = records.referrer(&subject.digest, &self.digest);
            set.push((path, self.manifest_hash));
        }
        if self.tags.is_empty() {
            let is_new = draft
                .record(records.manifest(&self.digest).as_tree_path())?
                .is_none();
            set.extend(is_new.then(|| {
                let path = records.untagged(self.day, self.manifest_hash);
                (path, self.manifest_hash)
            }));
        }
        for tag in &self.tags {
            set.push((records.tag(tag), self.manifest_hash));
            set.extend(self.replaced(draft, tag)?);
        }
        draft.set_records(&set)?;
        self.move_tags(draft)?;
        let value = PushedManifest {
            digest: self.digest,
            subject: self.manifest.subject.as_ref().map(|subject| subject.digest),
        };
        Ok((self.message(), value))
    }

    /// Returns the record that the manifest which the tag had until now loses a tag.
    fn replaced(
        &self,
        draft: &RegistryDraft<'_, '_>,
        tag: &OciTag,
    ) -> Result<Option<(ModulePath, ModuleHash)>> {
        let records = Records(&self.push.repository);
        let current = draft.record(records.tag(tag).as_tree_path())?;
        let replaced = current.filter(|current| *current != self.manifest_hash);
        Ok(replaced.map(|hash| (records.untagged(self.day, hash), hash)))
    }

    /// Makes the only wasm layer the module of each tag. The module of a tag that gets another kind of manifest is removed.
    fn move_tags(&self, draft: &mut RegistryDraft<'_, '_>) -> Result<()> {
        let layer = self.manifest.module();
        let stored = |digest| self.blobs.iter().find(|(blob, _)| *blob == digest);
        let module = layer.and_then(stored).map(|(_, hash)| *hash);
        for tag in &self.tags {
            let repository = &self.push.repository;
            let find = |path: &_| draft.module(path);
            let current = tag_path::find(repository, tag, &self.branch, find)?;
            match (module, current) {
                (Some(module), current) => {
                    let path = match current {
                        Some(current) => current.path,
                        None => tag_path::new_path(repository, tag)?,
                    };
                    draft.set_modules(&[(path, module)]).map_err(path_taken)?;
                }
                (None, Some(current)) => draft.remove_modules(&[current.path])?,
                (None, None) => {}
            }
        }
        Ok(())
    }

    fn message(&self) -> String {
        let repository = &self.push.repository;
        let tags: Vec<_> = self.tags.iter().map(OciTag::as_str).collect();
        let name = match tags.as_slice() {
            [] => format!("{repository}@{}", self.digest),
            tags => format!("{repository}:{}", tags.join(",")),
        };
        format!("Push {name}\n\nOCI-Manifest: {}", self.digest)
    }
}

fn path_taken(error: store::Error) -> Error {
    match error.kind() {
        ErrorKind::Conflict => Error::PathTaken(store::chain(&error)),
        _ => error.into(),
    }
}
