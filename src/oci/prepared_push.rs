//! Makes the change of a pushed manifest to the records and the default branch.

use super::error::{Error, Result};
use super::manifest::Manifest;
use super::push::{ManifestPush, PushedManifest};
use super::records::Records;
use super::signature_tag::subject_of_tag;
use super::tag_path;
use crate::names::{BranchName, ModuleHash, ModulePath, OciDigest, OciTag};
use crate::store::{self, ErrorKind, RegistryDraft};

/// A push of a manifest that was checked and whose blobs are stored, but that is not published yet.
pub(super) struct PreparedPush<'p> {
    pub push: &'p ManifestPush,
    pub digest: OciDigest,
    pub manifest: Manifest,
    pub tags: Vec<OciTag>,
    pub manifest_hash: ModuleHash,
    pub media_type_hash: Option<ModuleHash>,
    pub blobs: Vec<(OciDigest, ModuleHash)>,
    /// The blobs that were found in the records. They are durable only as long as the records name them.
    pub recorded: Vec<(OciDigest, ModuleHash)>,
    /// New records, each with its path and content. They store the synthesised manifests (which the registry made from modules) to which
    /// the push refers.
    pub subjects: Vec<(ModulePath, ModuleHash)>,
    /// The existing manifests to which the push refers. The change fails if one of them was removed in the meantime.
    pub found: Vec<Found>,
    pub branch: BranchName,
    pub day: u64,
}

/// An existing manifest to which the push refers: a manifest in a pushed image index, or the subject of a pushed manifest. A `gc` or
/// another client may remove it before the push is published.
pub(super) enum Found {
    /// A manifest that a client has pushed earlier: its digest. The store has a record of it, a file in the tree of `refs/oci/records`.
    Record(OciDigest),
    /// A manifest that the registry makes for a module: the digest of the manifest, and the module.
    Module {
        digest: OciDigest,
        path: ModulePath,
        hash: ModuleHash,
    },
}

impl PreparedPush<'_> {
    /// Applies the push to the draft. Returns the message of the commits and the result of the push.
    ///
    /// # Errors
    /// [`Error::ManifestBlobUnknown`] if a manifest or blob to which the push refers was removed; [`Error::PathTaken`]; a tree cannot be
    /// read.
    pub fn apply(&self, draft: &mut RegistryDraft<'_, '_>) -> Result<(String, PushedManifest)> {
        self.check_found(draft)?;
        let records = Records(&self.push.repository);
        for (digest, hash) in &self.recorded {
            // A `gc` or another client may have removed the record in the meantime.
            if draft.record(records.blob(digest).as_tree_path())? != Some(*hash) {
                return Err(Error::ManifestBlobUnknown(digest.to_string()));
            }
        }
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
        if self.tags.is_empty() || self.lacks_subject(draft)? {
            // This record is set even if the manifest existed before: its retention time may be over, so that the next `gc` would remove
            // the manifest although this push has just succeeded.
            let path = records.untagged(self.day, self.manifest_hash);
            set.push((path, self.manifest_hash));
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

    /// Returns whether one of the tags is the tag of a signature whose subject is not in the repository. Such a signature is kept for a
    /// time although its subject is missing: the subject may be pushed a moment later, or may be in another repository.
    fn lacks_subject(&self, draft: &RegistryDraft<'_, '_>) -> Result<bool> {
        let records = Records(&self.push.repository);
        for subject in self.tags.iter().filter_map(subject_of_tag) {
            let path = records.manifest(&subject);
            let is_attached = self.subjects.iter().any(|(attached, _)| *attached == path);
            if !is_attached && draft.record(path.as_tree_path())?.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Checks that the manifests in `found` still exist.
    fn check_found(&self, draft: &RegistryDraft<'_, '_>) -> Result<()> {
        let records = Records(&self.push.repository);
        let mut missing = Vec::new();
        for found in &self.found {
            let (digest, is_there) = match found {
                Found::Record(digest) => {
                    let record = draft.record(records.manifest(digest).as_tree_path())?;
                    (digest, record.is_some())
                }
                Found::Module { digest, path, hash } => {
                    let module = draft.module(path.as_tree_path())?;
                    (digest, module == Some(*hash))
                }
            };
            if !is_there {
                missing.push(digest.to_string());
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        Err(Error::ManifestBlobUnknown(missing.join(", ")))
    }

    /// If the push takes the tag from another manifest, returns the path and the content of a new record. The record says that the other
    /// manifest lost a tag today.
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

    /// Sets the module of each tag to the only layer of the manifest, if that is WebAssembly. Otherwise removes the module that the tag
    /// had.
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
