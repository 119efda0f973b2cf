//! The digests that a manifest names. While a `gc` decides what to keep, only these are held in memory, because a manifest can be as large
//! as 4 MiB.

use super::error::Result;
use super::manifest::Manifest;
use crate::names::{ModuleHash, OciDigest};
use crate::store::RegistryView;

/// The maximum number of digests of a manifest that are held in memory. If a manifest names more, it is read again when they are needed.
const DIGESTS_MAX: usize = 8;

/// The digests that one manifest names.
pub(super) struct ManifestDigests {
    pub hash: ModuleHash,
    /// The digest of the manifest's module; see [`Manifest::module`].
    pub module: Option<OciDigest>,
    pub subject: Option<OciDigest>,
    /// The digests of the blobs and manifests that the manifest names; `None` if they are more than [`DIGESTS_MAX`].
    named: Option<Named>,
}

/// The digests of the blobs and manifests that a manifest names.
#[derive(Clone)]
pub(super) struct Named {
    pub blobs: Vec<OciDigest>,
    pub manifests: Vec<OciDigest>,
}

impl ManifestDigests {
    /// Reads a manifest from the git blob with this hash, and returns the digests that it names.
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

    /// Returns the digests of the blobs and manifests that the manifest names. Reads the manifest again if it names many.
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

/// Reads a manifest from the git blob with this hash. If it cannot be parsed, returns a manifest that names nothing. Clients cannot push a
/// manifest that cannot be parsed.
fn parsed(view: &RegistryView<'_>, hash: ModuleHash) -> Result<Manifest> {
    let parse = |bytes: &[u8]| serde_json::from_slice(bytes).unwrap_or_default();
    Ok(match view.uncached_blob(hash)? {
        Some(bytes) => parse(&bytes),
        None => parse(&view.blob(hash)?),
    })
}
