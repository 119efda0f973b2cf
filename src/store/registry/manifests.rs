//! The digests of the manifests that the registry makes for modules that no client pushed. The version index stores them, so that no module
//! must be read again only to find a digest.

use super::view::RegistryView;
use crate::index::ManifestEntry;
use crate::names::{Digest, ModuleHash};
use crate::repo::chain;
use crate::store::error::Result;
use crate::store::open::Store;

impl Store {
    /// Returns the manifest with this digest that the registry has made for a module; `None` if the index does not have the digest.
    pub fn indexed_manifest(&self, digest: Digest) -> Option<ManifestEntry> {
        if self.repo.is_absent() {
            return None;
        }
        let found = self.with_index(|index| Ok(index.manifest_with(digest)?));
        logged(found).flatten()
    }
}

impl RegistryView<'_> {
    /// Returns the manifest with this digest that the registry has made for a module. The module may be missing in this view's branch.
    pub fn indexed_manifest(&self, digest: Digest) -> Option<ManifestEntry> {
        self.store.indexed_manifest(digest)
    }

    /// Returns the index entries of the manifests of modules with these file names, in the same order; `None` for a manifest that the index
    /// does not have.
    pub fn indexed_manifests_of(
        &self,
        modules: &[(ModuleHash, &str)],
    ) -> Vec<Option<ManifestEntry>> {
        let found = self.store.with_index(|index| {
            let find = |(hash, name): &(ModuleHash, &str)| Ok(index.manifest_of(*hash, name)?);
            modules.iter().map(find).collect::<Result<Vec<_>>>()
        });
        logged(found).unwrap_or_else(|| vec![None; modules.len()])
    }

    /// Adds manifests to the index. A failure is only logged, because the manifests can be made again.
    pub fn index_manifests(&self, entries: &[ManifestEntry]) {
        if !entries.is_empty() {
            logged(
                self.store
                    .with_index(|index| Ok(index.add_manifests(entries)?)),
            );
        }
    }
}

fn logged<T>(result: Result<T>) -> Option<T> {
    let result = result.inspect_err(|error| {
        let error = chain(error);
        tracing::debug!(error, "manifests are used without the version index");
    });
    result.ok()
}
