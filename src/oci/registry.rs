//! The registry with its caches, and the synthesised manifests of modules that no OCI client has pushed.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use super::error::Result;
use super::pull::{pushed_digests, pushed_manifest};
use super::records::{MANIFESTS, Records};
use super::synthesized::Synthesized;
use super::tag_path::{file_name, is_tag_file, outer_paths, tag_of_file};
use crate::names::{Digest, ModuleHash, ModulePath, OciDigest, OciTag, RepositoryName, TreePath};
use crate::store::{RegistryView, TreeId};

/// The maximum size of the cache of manifests that the registry has made for modules, in bytes.
const MANIFESTS_BYTES_MAX: u64 = 16 << 20;
/// The maximum number of digests in each of the caches [`DigestMap`] and [`LayerMap`]. A digest takes about 100 bytes.
const DIGESTS_MAX: u64 = 1 << 18;

/// The OCI registry of a store. Its caches never become stale, because their keys contain the object ids of everything that the values are
/// computed from.
pub struct Registry {
    synthesized: Cache<(ModuleHash, String), Arc<Synthesized>, BySize>,
    digests: Cache<(RepositoryName, RepositoryKey), Arc<DigestMap>, ByCount>,
    layers: Cache<(RepositoryName, TreeId), Arc<LayerMap>, ByCount>,
}

/// The object ids of the directory and the modules of a repository on a branch. If they are equal on two branches, the repository has the
/// same modules on both.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct RepositoryKey {
    directory: Option<TreeId>,
    outer: Vec<Option<ModuleHash>>,
}

/// The modules of a repository. Each has two keys: the digest of the manifest that the registry made for the module, and the digest of that
/// manifest's configuration.
type DigestMap = HashMap<OciDigest, RepositoryModule>;

/// For each module that is the only layer of a pushed manifest: the digest of the layer, and the lowest digest of such a manifest.
type LayerMap = HashMap<OciDigest, OciDigest>;

/// A module that belongs to an OCI repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RepositoryModule {
    pub file_name: String,
    pub path: String,
    pub hash: ModuleHash,
    /// Whether the file is in the directory of the repository (`R/T.wasm`) and not next to it (`R.wasm` or `R`).
    pub is_inner: bool,
}

/// Returns a cache with one shard: with several shards, an item could not be larger than a shard.
fn cache<K: Eq + Hash, V: Clone, W: Weighter<K, V> + Clone>(
    items_expected: usize,
    weight_max: u64,
    weighter: W,
) -> Cache<K, V, W> {
    let options = OptionsBuilder::new()
        .estimated_items_capacity(items_expected)
        .weight_capacity(weight_max)
        .shards(1)
        .build()
        .expect("BUG: both capacities are given");
    Cache::with_options(
        options,
        weighter,
        DefaultHashBuilder::default(),
        DefaultLifecycle::default(),
    )
}

impl RepositoryModule {
    /// Returns the tag that the file name of the module contains; `None` if the file is not in the directory of the repository.
    pub fn tag(&self) -> Option<OciTag> {
        OciTag::parse(self.file_name.strip_suffix(".wasm")?)
            .ok()
            .filter(|_| self.is_inner)
    }
}

#[derive(Clone)]
struct BySize;

impl Weighter<(ModuleHash, String), Arc<Synthesized>> for BySize {
    fn weight(&self, (_, name): &(ModuleHash, String), value: &Arc<Synthesized>) -> u64 {
        value.memory_bytes() + name.len() as u64
    }
}

#[derive(Clone)]
struct ByCount;

impl Weighter<(RepositoryName, RepositoryKey), Arc<DigestMap>> for ByCount {
    fn weight(&self, _: &(RepositoryName, RepositoryKey), map: &Arc<DigestMap>) -> u64 {
        map.len() as u64 + 1
    }
}

impl Weighter<(RepositoryName, TreeId), Arc<LayerMap>> for ByCount {
    fn weight(&self, _: &(RepositoryName, TreeId), map: &Arc<LayerMap>) -> u64 {
        map.len() as u64 + 1
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            synthesized: cache(1 << 14, MANIFESTS_BYTES_MAX, BySize),
            digests: cache(1 << 8, DIGESTS_MAX, ByCount),
            layers: cache(1 << 8, DIGESTS_MAX, ByCount),
        }
    }
}

impl Registry {
    /// Returns the manifest that the registry made for a module with this file name, if the manifest is in the cache.
    pub(super) fn cached(&self, hash: ModuleHash, file_name: &str) -> Option<Arc<Synthesized>> {
        self.synthesized.get(&(hash, file_name.to_owned()))
    }

    /// Makes the synthesised manifest of a module, and adds it to the cache.
    pub(super) fn make(
        &self,
        view: &RegistryView<'_>,
        hash: ModuleHash,
        file_name: &str,
    ) -> Result<Arc<Synthesized>> {
        let bytes = view.blob(hash)?;
        let made = Arc::new(Synthesized::new(&bytes, view.digest(hash)?, file_name));
        let key = (hash, file_name.to_owned());
        self.synthesized.insert(key, Arc::clone(&made));
        Ok(made)
    }

    /// Returns the module whose synthesised manifest has this digest, or has a configuration with this digest; `None` if the branch has no
    /// such module in the repository.
    pub(super) fn module_by_digest(
        &self,
        view: &RegistryView<'_>,
        repository: &RepositoryName,
        digest: &OciDigest,
    ) -> Result<Option<(RepositoryModule, Arc<Synthesized>)>> {
        let found = match self.indexed_module(view, repository, digest)? {
            Some(module) => Some(module),
            None => self.digest_map(view, repository)?.get(digest).cloned(),
        };
        let Some(module) = found else {
            return Ok(None);
        };
        let made = self.synthesized(view, module.hash, &module.file_name)?;
        Ok(Some((module, made)))
    }

    /// Returns the module whose synthesised manifest has this digest, if the digest is in the store's index and the branch has the module
    /// in the repository.
    fn indexed_module(
        &self,
        view: &RegistryView<'_>,
        repository: &RepositoryName,
        digest: &OciDigest,
    ) -> Result<Option<RepositoryModule>> {
        let OciDigest::Sha256(bytes) = digest else {
            return Ok(None);
        };
        let Some(entry) = view.indexed_manifest(Digest::from_bytes(*bytes)) else {
            return Ok(None);
        };
        for (path, is_inner) in paths_of_file(repository, &entry.file_name) {
            if view.module(path.as_tree_path())? == Some(entry.module) {
                return Ok(Some(RepositoryModule {
                    file_name: entry.file_name.clone(),
                    path: path.to_string(),
                    hash: entry.module,
                    is_inner,
                }));
            }
        }
        Ok(None)
    }

    /// Returns the lowest digest of a pushed manifest whose only layer is the module with the digest `layer`.
    pub(super) fn pushed_with_layer(
        &self,
        view: &RegistryView<'_>,
        repository: &RepositoryName,
        layer: &OciDigest,
    ) -> Result<Option<OciDigest>> {
        let manifests = Records(repository).directory(MANIFESTS);
        let Some(tree) = view.record_tree(&manifests)? else {
            return Ok(None);
        };
        let key = (repository.clone(), tree);
        if let Some(map) = self.layers.get(&key) {
            return Ok(map.get(layer).copied());
        }
        let mut map = LayerMap::new();
        for digest in pushed_digests(view, repository)? {
            let manifest = pushed_manifest(view, repository, &digest)?;
            if let Some(module) = manifest.and_then(|manifest| manifest.module()) {
                map.entry(module).or_insert(digest);
            }
        }
        let found = map.get(layer).copied();
        self.layers.insert(key, Arc::new(map));
        Ok(found)
    }

    /// Returns the modules of a repository by the digests of their synthesised manifests and configurations.
    fn digest_map(
        &self,
        view: &RegistryView<'_>,
        repository: &RepositoryName,
    ) -> Result<Arc<DigestMap>> {
        let key = (repository.clone(), RepositoryKey::of(view, repository)?);
        if let Some(map) = self.digests.get(&key) {
            return Ok(map);
        }
        let modules = modules(view, repository)?;
        let named: Vec<_> = modules
            .iter()
            .map(|module| (module.hash, module.file_name.as_str()))
            .collect();
        let mut map = DigestMap::new();
        for (entry, module) in self
            .manifest_digests(view, &named)?
            .into_iter()
            .zip(&modules)
        {
            map.insert(OciDigest::from(entry.config), module.clone());
            map.insert(OciDigest::from(entry.digest), module.clone());
        }
        let map = Arc::new(map);
        self.digests.insert(key, Arc::clone(&map));
        Ok(map)
    }
}

impl RepositoryKey {
    /// Returns the cache key of a repository on the branch of `view`.
    pub fn of(view: &RegistryView<'_>, repository: &RepositoryName) -> Result<Self> {
        let outer = outer_paths(repository);
        let outer = outer.iter().map(|path| view.module(path.as_tree_path()));
        Ok(Self {
            directory: view.module_tree(&directory(repository))?,
            outer: outer.collect::<Result<_, _>>()?,
        })
    }
}

/// Returns the paths at which a repository may have a module with this file name, and whether each is in the directory of the repository.
fn paths_of_file<'n>(
    repository: &RepositoryName,
    name: &'n str,
) -> impl Iterator<Item = (ModulePath, bool)> + use<'n> {
    let inner = format!("{repository}/{name}");
    let inner = ModulePath::parse(&inner).ok().filter(|_| is_tag_file(name));
    let outer = outer_paths(repository).into_iter();
    let outer = outer.filter(move |path| file_name(path) == name);
    let inner = inner.into_iter().map(|path| (path, true));
    inner.chain(outer.map(|path| (path, false)))
}

/// Returns the modules of a repository on the branch of `view`.
pub(super) fn modules(
    view: &RegistryView<'_>,
    repository: &RepositoryName,
) -> Result<Vec<RepositoryModule>> {
    let mut modules = Vec::new();
    for path in outer_paths(repository) {
        if let Some(hash) = view.module(path.as_tree_path())? {
            modules.push(RepositoryModule {
                file_name: file_name(&path).to_owned(),
                path: path.to_string(),
                hash,
                is_inner: false,
            });
        }
    }
    for (name, node) in view.modules(&directory(repository))? {
        if let Some((_, hash)) = tag_of_file(&name, &node) {
            modules.push(RepositoryModule {
                path: format!("/{repository}/{name}"),
                file_name: name,
                hash,
                is_inner: true,
            });
        }
    }
    Ok(modules)
}

/// Returns the path of the directory that contains the modules of a repository.
pub(super) fn directory(repository: &RepositoryName) -> TreePath {
    TreePath::parse(repository.as_str()).expect("BUG: a repository name is a legal path")
}
