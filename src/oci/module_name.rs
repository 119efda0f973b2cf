//! The name under which OCI clients pull a module.

use super::error::Result;
use super::pull::tagged_module;
use super::registry::Registry;
use super::tag_path::repository_of;
use crate::names::{ModuleHash, ModulePath, OciDigest, OciTag, RepositoryName};
use crate::store::Store;

/// A module as OCI clients see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OciModule {
    /// The repository.
    pub repository: RepositoryName,
    /// The tag.
    pub tag: OciTag,
    /// The digest of the manifest.
    pub digest: OciDigest,
}

impl Registry {
    /// Returns the name under which OCI clients pull the module at a path; `None` if the path does not fit their grammar, or if the default
    /// branch does not have this module there.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn module_name(
        &self,
        store: &Store,
        path: &ModulePath,
        hash: ModuleHash,
    ) -> Result<Option<OciModule>> {
        let Some((repository, tag)) = repository_of(path) else {
            return Ok(None);
        };
        store.read_registry(|view| {
            let module = tagged_module(view, &repository, &tag)?;
            if module.is_none_or(|module| module.path != *path || module.hash != hash) {
                return Ok(None);
            }
            let manifest = self.manifest_of_tag(view, &repository, &tag)?;
            Ok(manifest.map(|manifest| OciModule {
                repository: repository.clone(),
                tag: tag.clone(),
                digest: manifest.digest,
            }))
        })
    }
}
