//! Finds a manifest by tag or digest.

use std::sync::{Arc, OnceLock};

use super::error::{Error, Result};
use super::manifest::{IMAGE_MANIFEST, Manifest};
use super::records::{MANIFESTS, Records, digest_of};
use super::registry::{Registry, directory, modules};
use super::synthesized::Synthesized;
use super::tag_path::{self, TaggedModule, file_name};
use crate::names::{ManifestRef, ModuleHash, OciDigest, OciTag, RepositoryName};
use crate::store::{Blob, Hashing512, RegistryView, Store, TreeNode, sha256};

/// A manifest that the registry serves: a pushed or a synthesised one.
#[derive(Clone, Debug)]
pub struct FoundManifest {
    /// The digest of the manifest.
    pub digest: OciDigest,
    /// The media type of the manifest.
    pub media_type: String,
    /// The bytes of the manifest, as a client pushed them or the registry made them.
    pub bytes: Blob,
    /// The fields, which are parsed when they are first needed; `None` if the bytes are not a manifest.
    fields: OnceLock<Option<Arc<Manifest>>>,
}

impl Registry {
    /// Returns the manifest that a tag or digest names.
    ///
    /// # Errors
    /// [`Error::ManifestUnknown`], or [`Error::NameUnknown`] if there is no such repository.
    pub fn manifest(
        &self,
        store: &Store,
        repository: &RepositoryName,
        reference: &ManifestRef,
    ) -> Result<FoundManifest> {
        store.read_registry(|view| {
            let found = match reference {
                ManifestRef::Tag(tag) => self.manifest_of_tag(view, repository, tag)?,
                ManifestRef::Digest(digest) => self.manifest_by_digest(view, repository, digest)?,
            };
            let reference = reference.to_string();
            found.ok_or_else(|| unknown_manifest(view, repository, reference))
        })
    }

    /// Returns the manifest with this digest; `None` if the repository has none.
    pub(super) fn manifest_by_digest(
        &self,
        view: &RegistryView<'_>,
        repository: &RepositoryName,
        digest: &OciDigest,
    ) -> Result<Option<FoundManifest>> {
        if let Some(pushed) = pushed_manifest(view, repository, digest)? {
            return Ok(Some(pushed));
        }
        let found = self.module_by_digest(view, repository, digest)?;
        let made = found.map(|(_, made)| made);
        let made = made.filter(|made| made.digest == *digest);
        Ok(made.map(|made| FoundManifest::from(&*made)))
    }

    /// Returns the manifest of a tag; `None` if the repository does not have the tag.
    pub(super) fn manifest_of_tag(
        &self,
        view: &RegistryView<'_>,
        repository: &RepositoryName,
        tag: &OciTag,
    ) -> Result<Option<FoundManifest>> {
        let pushed = manifest_pushed_with(view, repository, tag)?;
        let Some(module) = tagged_module(view, repository, tag)? else {
            // No module has this tag. If the manifest was pushed with a module, the module was removed, and its tag with it.
            return Ok(pushed.filter(|pushed| pushed.module().is_none()));
        };
        if let Some(pushed) = pushed
            && is_manifest_of(view, repository, pushed.module(), module.hash)?
        {
            return Ok(Some(pushed));
        }
        // The module was not pushed with this tag, but a client may have pushed it with another manifest.
        let layer = OciDigest::from(view.digest(module.hash)?);
        if let Some(digest) = self.pushed_with_layer(view, repository, &layer)? {
            return pushed_manifest(view, repository, &digest);
        }
        let made = self.synthesized(view, module.hash, file_name(&module.path))?;
        Ok(Some(FoundManifest::from(&*made)))
    }
}

impl From<&Synthesized> for FoundManifest {
    fn from(made: &Synthesized) -> Self {
        Self {
            digest: made.digest,
            media_type: IMAGE_MANIFEST.to_owned(),
            bytes: Blob::from(made.manifest.clone()),
            fields: OnceLock::new(),
        }
    }
}

impl FoundManifest {
    /// Returns the fields of the manifest; `None` if its bytes are not a manifest, which the registry does not accept.
    pub fn fields(&self) -> Option<Arc<Manifest>> {
        self.fields.get_or_init(|| fields_of(&self.bytes)).clone()
    }

    /// Returns the digest of the manifest's module; see [`Manifest::module`].
    pub(super) fn module(&self) -> Option<OciDigest> {
        self.fields()?.module()
    }
}

/// Returns the manifest with which a tag was pushed last.
pub(super) fn manifest_pushed_with(
    view: &RegistryView<'_>,
    repository: &RepositoryName,
    tag: &OciTag,
) -> Result<Option<FoundManifest>> {
    let records = Records(repository);
    let Some(hash) = view.record(records.tag(tag).as_tree_path())? else {
        return Ok(None);
    };
    let bytes = view.blob(hash)?;
    // The record has only the bytes. SHA-256 is tried first, because almost every client pushes with it.
    let digest = OciDigest::Sha256(sha256(&bytes));
    if let Some(found) = pushed_manifest(view, repository, &digest)? {
        return Ok(Some(found));
    }
    let mut hashing = Hashing512::default();
    hashing.update(&bytes);
    pushed_manifest(view, repository, &OciDigest::Sha512(hashing.finish()))
}

/// Returns the module that a tag names.
pub(super) fn tagged_module(
    view: &RegistryView<'_>,
    repository: &RepositoryName,
    tag: &OciTag,
) -> Result<Option<TaggedModule>> {
    let branch = view.branch();
    Ok(tag_path::find(repository, tag, branch, |path| {
        view.module(path)
    })?)
}

/// Returns the pushed manifest with this digest; `None` if no client has pushed it to this repository.
pub(super) fn pushed_manifest(
    view: &RegistryView<'_>,
    repository: &RepositoryName,
    digest: &OciDigest,
) -> Result<Option<FoundManifest>> {
    let records = Records(repository);
    let Some(hash) = view.record(records.manifest(digest).as_tree_path())? else {
        return Ok(None);
    };
    let bytes = view.blob(hash)?;
    // A manifest can be as large as 4 MiB, so it is parsed only once.
    let fields = OnceLock::new();
    let media_type = match view.record(records.media_type(digest).as_tree_path())? {
        Some(hash) => Some(String::from_utf8_lossy(&view.blob(hash)?).into_owned()),
        None => {
            let parsed = fields.get_or_init(|| fields_of(&bytes)).as_deref();
            parsed.and_then(|manifest| manifest.media_type.clone())
        }
    };
    Ok(Some(FoundManifest {
        digest: *digest,
        media_type: media_type.unwrap_or_else(|| IMAGE_MANIFEST.to_owned()),
        bytes,
        fields,
    }))
}

fn fields_of(bytes: &[u8]) -> Option<Arc<Manifest>> {
    serde_json::from_slice(bytes).ok().map(Arc::new)
}

/// Returns the digests of all manifests that clients have pushed to a repository.
pub(super) fn pushed_digests(
    view: &RegistryView<'_>,
    repository: &RepositoryName,
) -> Result<Vec<OciDigest>> {
    recorded_digests(view, repository, MANIFESTS)
}

/// Returns the digests in the paths of the records in a directory, such as `_blobs`.
pub(super) fn recorded_digests(
    view: &RegistryView<'_>,
    repository: &RepositoryName,
    directory: &str,
) -> Result<Vec<OciDigest>> {
    let mut digests = Vec::new();
    let root = Records(repository).directory(directory);
    for (algorithm, node) in view.records(&root)? {
        let TreeNode::Directory(_) = node else {
            continue;
        };
        let directory = root.join(&algorithm)?;
        for (prefix, _) in view.records(&directory)? {
            let fan_out = directory.join(&prefix)?;
            for (rest, _) in view.records(&fan_out)? {
                let segments = [algorithm.as_str(), prefix.as_str(), rest.as_str()];
                digests.extend(digest_of(segments.into_iter()));
            }
        }
    }
    Ok(digests)
}

/// Returns whether a manifest whose only layer is `layer` is a manifest of the module.
pub(super) fn is_manifest_of(
    view: &RegistryView<'_>,
    repository: &RepositoryName,
    layer: Option<OciDigest>,
    module: ModuleHash,
) -> Result<bool> {
    match layer {
        Some(OciDigest::Sha256(layer)) => Ok(*view.digest(module)?.as_bytes() == layer),
        // For a module, only the SHA-256 digest is known. The record of the layer names its git blob, which is compared instead.
        Some(layer @ OciDigest::Sha512(_)) => {
            let record = view.record(Records(repository).blob(&layer).as_tree_path())?;
            Ok(record == Some(module))
        }
        None => Ok(false),
    }
}

/// Returns whether a repository exists: the default branch has a module or directory of it, or it has records.
pub(super) fn is_known(view: &RegistryView<'_>, repository: &RepositoryName) -> Result<bool> {
    Ok(view.record_tree(&Records(repository).root())?.is_some()
        || view.module_tree(&directory(repository))?.is_some()
        || !modules(view, repository)?.is_empty())
}

fn unknown_manifest(
    view: &RegistryView<'_>,
    repository: &RepositoryName,
    reference: String,
) -> Error {
    match is_known(view, repository) {
        Ok(true) => Error::ManifestUnknown {
            repository: repository.clone(),
            reference,
        },
        Ok(false) => Error::NameUnknown(repository.clone()),
        Err(error) => error,
    }
}
