//! Handles a push of a manifest.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use super::blobs::FoundBlob;
use super::error::{Error, Result};
use super::manifest::Manifest;
use super::prepared_push::{Found, PreparedPush};
use super::pull::pushed_manifest;
use super::records::{Records, day_of};
use super::registry::Registry;
use crate::names::{
    Author, ManifestRef, ModuleHash, ModulePath, OciDigest, OciTag, RepositoryName,
};
use crate::store::{
    self, ErrorKind, Hashing512, Published, RegistryView, RegistryWrite, Store, sha256,
};

/// The maximum size of a manifest, in bytes.
pub const MANIFEST_BYTES_MAX: usize = 4 << 20;

/// The maximum number of blobs and manifests that one manifest may name.
const BLOBS_MAX: usize = 10_000;

/// A manifest that a client pushes.
#[derive(Clone, Debug)]
pub struct ManifestPush {
    /// The repository to which the client pushes.
    pub repository: RepositoryName,
    /// The tag or digest in the URL.
    pub reference: ManifestRef,
    /// Further tags, which a push with a digest in the URL may set.
    pub tags: Vec<OciTag>,
    /// The media type in the `Content-Type` header.
    pub media_type: String,
    /// The bytes of the manifest.
    pub bytes: Vec<u8>,
    /// The author of the commits.
    pub author: Option<Author>,
}

/// The result of a push of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedManifest {
    /// The digest of the pushed manifest.
    pub digest: OciDigest,
    /// The digest of the subject, the manifest to which the pushed one refers.
    pub subject: Option<OciDigest>,
}

/// A blob that a pushed manifest names, and where it was found.
struct NamedBlob {
    digest: OciDigest,
    source: BlobSource,
    is_wasm: bool,
}

enum BlobSource {
    /// The records name the blob, so it is durable only as long as they do.
    Recorded(ModuleHash),
    Stored(ModuleHash),
    Bytes(Vec<u8>),
    Uploaded,
}

impl Registry {
    /// Stores a pushed manifest. If its only layer is WebAssembly and it has a tag, the layer becomes the module of the tag in the same
    /// change.
    ///
    /// # Errors
    /// [`Error::ManifestInvalid`], [`Error::ManifestTooLarge`], [`Error::DigestMismatch`]; [`Error::ManifestBlobUnknown`];
    /// [`Error::PathTaken`]; the change cannot be published. After an error, no module has changed.
    pub fn put_manifest(
        &self,
        store: &Store,
        push: &ManifestPush,
    ) -> Result<Published<PushedManifest>> {
        match self.try_put_manifest(store, push) {
            // Another client may have pushed the same blob at the same time, and so moved it from the uploads to the records. Or a gc may
            // have removed a manifest or blob that this push names. The second attempt finds the blob in the records, or reports what is
            // missing.
            Err(Error::ManifestBlobUnknown(_)) => self.try_put_manifest(store, push),
            result => result,
        }
    }

    fn try_put_manifest(
        &self,
        store: &Store,
        push: &ManifestPush,
    ) -> Result<Published<PushedManifest>> {
        let (digest, manifest) = check(push)?;
        let tags = tags(push);
        let (blobs, attached, found) = store.read_registry(|view| {
            let mut found = self.find_manifests(view, push, &manifest)?;
            let attached = self.attached(view, push, &manifest, &tags, &mut found)?;
            let blobs = self.named_blobs(store, view, push, &manifest)?;
            Ok::<_, Error>((blobs, attached, found))
        })?;
        let mut write = store.begin_registry_write(push.author.clone())?;
        let (mut stored, mut recorded) = (Vec::new(), Vec::new());
        for blob in blobs {
            let digest = blob.digest;
            if let BlobSource::Recorded(hash) = blob.source {
                recorded.push((digest, hash));
            }
            stored.push((digest, store_blob(&mut write, &push.repository, blob)?));
        }
        let mut subjects = Vec::new();
        for attached in attached {
            subjects.extend(attached.store(&mut write, &Records(&push.repository))?);
        }
        let media_type = manifest
            .media_type
            .is_none()
            .then(|| push.media_type.clone());
        let prepared = PreparedPush {
            push,
            digest,
            tags,
            subjects,
            manifest_hash: write.add_bytes(push.bytes.clone())?,
            media_type_hash: media_type
                .map(|media_type| write.add_bytes(media_type.into_bytes()))
                .transpose()?,
            blobs: stored,
            recorded,
            manifest,
            found,
            branch: store.registry_branch()?,
            day: day_of(now_s()),
        };
        let published = write.publish(|draft| prepared.apply(draft))?;
        for (digest, _) in &prepared.blobs {
            // The blobs have records now, so their uploaded files are removed. A file that cannot be removed now is removed once it has
            // expired.
            let _ = store.remove_uploaded_blob(&push.repository, digest);
        }
        Ok(published)
    }

    /// Finds, in the repository, the manifests that a pushed image index names.
    fn find_manifests(
        &self,
        view: &RegistryView<'_>,
        push: &ManifestPush,
        manifest: &Manifest,
    ) -> Result<Vec<Found>> {
        let (mut all, mut missing) = (Vec::new(), Vec::new());
        for child in &manifest.manifests {
            let digest = child.digest;
            if pushed_manifest(view, &push.repository, &digest)?.is_some() {
                all.push(Found::Record(digest));
                continue;
            }
            let found = self.module_by_digest(view, &push.repository, &digest)?;
            match found.filter(|(_, made)| made.digest == digest) {
                Some((module, _)) => all.push(Found::Module {
                    digest,
                    path: ModulePath::parse(&module.path)?,
                    hash: module.hash,
                }),
                None => missing.push(digest.to_string()),
            }
        }
        if missing.is_empty() {
            return Ok(all);
        }
        Err(Error::ManifestBlobUnknown(missing.join(", ")))
    }

    /// Returns the blobs that a manifest names.
    fn named_blobs(
        &self,
        store: &Store,
        view: &RegistryView<'_>,
        push: &ManifestPush,
        manifest: &Manifest,
    ) -> Result<Vec<NamedBlob>> {
        let (mut blobs, mut missing, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
        for descriptor in manifest.blobs() {
            let digest = descriptor.digest;
            let is_wasm = descriptor.is_wasm();
            if !seen.insert((digest, is_wasm)) {
                continue;
            }
            let record = Records(&push.repository).blob(&digest);
            let source = match view.record(record.as_tree_path())? {
                Some(hash) => BlobSource::Recorded(hash),
                None => match self.find_blob(store, view, &push.repository, &digest)? {
                    Some(FoundBlob::Stored(hash)) => BlobSource::Stored(hash),
                    Some(FoundBlob::Config(bytes)) => BlobSource::Bytes(bytes),
                    Some(FoundBlob::Uploaded(..)) => BlobSource::Uploaded,
                    None => {
                        missing.push(digest.to_string());
                        continue;
                    }
                },
            };
            blobs.push(NamedBlob {
                digest,
                source,
                is_wasm,
            });
        }
        if missing.is_empty() {
            return Ok(blobs);
        }
        Err(Error::ManifestBlobUnknown(missing.join(", ")))
    }
}

/// Checks the bytes of a manifest, before anything is read from the store.
fn check(push: &ManifestPush) -> Result<(OciDigest, Manifest)> {
    if push.bytes.len() > MANIFEST_BYTES_MAX {
        let bytes_max = MANIFEST_BYTES_MAX;
        return Err(Error::ManifestTooLarge { bytes_max });
    }
    let digest = match &push.reference {
        ManifestRef::Digest(digest @ OciDigest::Sha512(_)) => {
            let mut hashing = Hashing512::default();
            hashing.update(&push.bytes);
            check_digest(digest, OciDigest::Sha512(hashing.finish()))?
        }
        ManifestRef::Digest(digest @ OciDigest::Sha256(_)) => {
            check_digest(digest, OciDigest::Sha256(sha256(&push.bytes)))?
        }
        ManifestRef::Tag(_) => OciDigest::Sha256(sha256(&push.bytes)),
    };
    let manifest = Manifest::parse(&push.bytes, &push.media_type)?;
    if manifest.blobs().count() + manifest.manifests.len() > BLOBS_MAX {
        let reason = format!("it names more than {BLOBS_MAX} blobs and manifests");
        return Err(Error::ManifestInvalid(reason));
    }
    Ok((digest, manifest))
}

fn check_digest(expected: &OciDigest, computed: OciDigest) -> Result<OciDigest> {
    if *expected == computed {
        return Ok(computed);
    }
    Err(Error::DigestMismatch(*expected))
}

/// Returns the tags that a push sets.
fn tags(push: &ManifestPush) -> Vec<OciTag> {
    let mut tags = push.tags.clone();
    if let ManifestRef::Tag(tag) = &push.reference {
        tags.push(tag.clone());
    }
    tags.sort();
    tags.dedup();
    tags
}

/// Stores a blob that a manifest names, and validates it if it claims to be WebAssembly.
fn store_blob(
    write: &mut RegistryWrite<'_>,
    repository: &RepositoryName,
    blob: NamedBlob,
) -> Result<ModuleHash> {
    let name = blob.digest.to_string();
    let check = |write: &RegistryWrite<'_>, hash| match blob.is_wasm {
        true => write.check_stored_module(&name, hash),
        false => Ok(()),
    };
    let stored = match blob.source {
        BlobSource::Recorded(hash) => check(write, hash)
            .and_then(|()| write.is_stored(hash))
            .map(|is_stored| is_stored.then_some(hash)),
        BlobSource::Stored(hash) => check(write, hash)
            .and_then(|()| write.add_stored(hash))
            .map(|()| Some(hash)),
        BlobSource::Bytes(bytes) => write.add_bytes(bytes).map(Some),
        BlobSource::Uploaded => write.add_uploaded(repository, &blob.digest, blob.is_wasm),
    };
    match stored {
        Ok(Some(hash)) => Ok(hash),
        // A gc or another client has removed the blob in the meantime.
        Ok(None) => Err(Error::ManifestBlobUnknown(name)),
        Err(error) => Err(match error.kind() {
            ErrorKind::InvalidModule => Error::ManifestInvalid(store::chain(&error)),
            ErrorKind::NotFound => Error::ManifestBlobUnknown(name),
            _ => error.into(),
        }),
    }
}

/// Returns the number of seconds since 1970-01-01 UTC.
pub(super) fn now_s() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default().as_secs()
}
