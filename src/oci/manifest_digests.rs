//! Returns the digests of synthesised manifests: read from the store's index or, if it lacks them, computed from the modules.

use std::sync::Arc;

use super::error::Result;
use super::registry::Registry;
use super::synthesized::Synthesized;
use crate::names::{Digest, ModuleHash, OciDigest};
use crate::store::{ManifestEntry, RegistryView};

impl Registry {
    /// Returns the digests of the synthesised manifests of modules with these file names, in the same order. Reads a module only if the
    /// store's index lacks its digests, and then adds them to the index.
    pub(super) fn manifest_digests(
        &self,
        view: &RegistryView<'_>,
        modules: &[(ModuleHash, &str)],
    ) -> Result<Vec<ManifestEntry>> {
        let (mut entries, mut new) = (Vec::with_capacity(modules.len()), Vec::new());
        for (indexed, (hash, file_name)) in
            view.indexed_manifests_of(modules).into_iter().zip(modules)
        {
            let entry = match indexed {
                Some(entry) => entry,
                None => {
                    let made = self.make(view, *hash, file_name)?;
                    new.push(entry_of(&made, *hash, file_name));
                    new[new.len() - 1].clone()
                }
            };
            entries.push(entry);
        }
        view.index_manifests(&new);
        Ok(entries)
    }

    /// Returns the synthesised manifest of a module: the manifest that the registry itself makes for a module with this file name. Adds the
    /// digests of the manifest and of its configuration to the store's index.
    pub(super) fn synthesized(
        &self,
        view: &RegistryView<'_>,
        hash: ModuleHash,
        file_name: &str,
    ) -> Result<Arc<Synthesized>> {
        if let Some(made) = self.cached(hash, file_name) {
            return Ok(made);
        }
        let made = self.make(view, hash, file_name)?;
        if view.indexed_manifests_of(&[(hash, file_name)]) == [None] {
            view.index_manifests(&[entry_of(&made, hash, file_name)]);
        }
        Ok(made)
    }
}

fn entry_of(made: &Synthesized, module: ModuleHash, file_name: &str) -> ManifestEntry {
    ManifestEntry {
        module,
        file_name: file_name.to_owned(),
        digest: sha256_of(&made.digest),
        config: sha256_of(&made.config_digest),
    }
}

/// Converts the digest of a synthesised manifest or configuration, which is always a SHA-256 digest.
fn sha256_of(digest: &OciDigest) -> Digest {
    match digest {
        OciDigest::Sha256(bytes) => Digest::from_bytes(*bytes),
        OciDigest::Sha512(_) => unreachable!("BUG: synthesised manifests have SHA-256 digests"),
    }
}
