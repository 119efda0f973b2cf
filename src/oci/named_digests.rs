//! The digests that a manifest names. Only these stay in memory while a `gc` decides what to keep: a manifest may have 4 MiB.

use super::error::Result;
use super::manifest::Manifest;
use crate::names::{ModuleHash, OciDigest};
use crate::store::RegistryView;

/// The number of digests that a manifest may name for them to stay in memory.
const DIGESTS_MAX: usize = 8;

/// What a manifest names.
pub(super) struct ManifestDigests {
    pub hash: ModuleHash,
    /// The digest of the module for which the manifest stands.
    pub module: Option<OciDigest>,
    pub subject: Option<OciDigest>,
    /// The blobs and the manifests that it names; `None` if they are too many.
    named: Option<Named>,
}

/// The blobs and the manifests that a manifest names.
#[derive(Clone)]
pub(super) struct Named {
    pub blobs: Vec<OciDigest>,
    pub manifests: Vec<OciDigest>,
}

impl ManifestDigests {
    /// Reads the manifest with this hash.
    pub fn read(view: &RegistryView<'_>, hash: ModuleHash) -> Result<Self> {
        let manifest = parsed(view, hash)?;
        let is_small = manifest.blobs().count() + manifest.manifests.len() <= DIGESTS_MAX;
        Ok(Self {
            hash,
            module: manifest.module(),
            subject: manifest.subject.as_ref().map(|subject| subject.digest),
            named: is_small.then(|| Named::of(&manifest)),
        })
    }

    /// Returns the blobs and the manifests that the manifest names. Reads it again if it names many.
    pub fn named(&self, view: &RegistryView<'_>) -> Result<Named> {
        match &self.named {
            Some(named) => Ok(named.clone()),
            None => Ok(Named::of(&parsed(view, self.hash)?)),
        }
    }
}

impl Named {
    fn of(manifest: &Manifest) -> Self {
        let manifests = manifest.manifests.iter();
        Self {
            blobs: manifest.blobs().map(|blob| blob.digest).collect(),
            manifests: manifests.map(|manifest| manifest.digest).collect(),
        }
    }
}

/// Reads a manifest. A record that does not parse names nothing: clients cannot push one.
fn parsed(view: &RegistryView<'_>, hash: ModuleHash) -> Result<Manifest> {
    let parse = |bytes: &[u8]| serde_json::from_slice(bytes).unwrap_or_default();
    Ok(match view.uncached_blob(hash)? {
        Some(bytes) => parse(&bytes),
        None => parse(&view.blob(hash)?),
    })
}
