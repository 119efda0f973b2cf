//! Finds the name under which OCI clients pull a module, and the module of a manifest.

use super::catalog::find_recorded;
use super::error::Result;
use super::pull::{pushed_manifest, tagged_module};
use super::records::Records;
use super::registry::Registry;
use super::tag_path::repository_of;
use crate::names::{
    Digest, HashRef, ModuleHash, ModulePath, ModuleRef, OciDigest, OciTag, RepositoryName,
};
use crate::store::{ErrorKind, Revision, Store};

/// The name and digest with which OCI clients pull a module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OciModule {
    /// The OCI repository.
    pub repository: RepositoryName,
    /// The tag of the module in the repository.
    pub tag: OciTag,
    /// The digest of the manifest that a pull of the tag gets.
    pub digest: OciDigest,
}

impl Registry {
    /// Returns the name under which OCI clients pull the module at a path; `None` if the path is not a valid repository and tag, or if the
    /// default branch does not have this module at the path.
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

    /// If `name` is a digest that no module at `revision` has, but that is the digest of a manifest, returns the hash of the manifest's
    /// module. Otherwise returns `name`. A manifest that the registry itself makes for a module is found only if its digest is already in
    /// the store's index.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn resolve(
        &self,
        store: &Store,
        revision: &Revision,
        name: &ModuleRef,
    ) -> Result<ModuleRef> {
        let ModuleRef::Hash(HashRef::Digest(digest)) = name else {
            return Ok(name.clone());
        };
        match store.hash(revision, name) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            _ => return Ok(name.clone()),
        }
        Ok(match self.module_of_manifest(store, *digest)? {
            Some(hash) => ModuleRef::Hash(HashRef::parse(&hash.to_string())?),
            None => name.clone(),
        })
    }

    fn module_of_manifest(&self, store: &Store, digest: Digest) -> Result<Option<ModuleHash>> {
        if let Some(made) = store.indexed_manifest(digest) {
            return Ok(Some(made.module));
        }
        let digest = OciDigest::from(digest);
        store.read_registry(|view| {
            find_recorded(view, |repository| {
                let pushed = pushed_manifest(view, repository, &digest)?;
                let Some(layer) = pushed.and_then(|pushed| pushed.module()) else {
                    return Ok(None);
                };
                let blob = Records(repository).blob(&layer);
                Ok(view.record(blob.as_tree_path())?)
            })
        })
    }
}
