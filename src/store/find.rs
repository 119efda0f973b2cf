//! Reads a module by path, hash or digest.

use std::path::PathBuf;

use super::error::{Error, Result};
use super::error_kind::ErrorKind;
use super::facts::ModuleFacts;
use super::open::Store;
use super::revision::Revision;
use crate::names::{CommitId, Digest, HashRef, ModuleHash, ModulePath, ModuleRef};
use crate::repo::{self, Blob, CachedNode, TreeNode};
use crate::wasm::{self, Facts, ModuleInfo, ModuleKind, WitFacts};

/// A module with its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// The hash of the module, which is its git blob id.
    pub hash: ModuleHash,
    /// The SHA-256 digest of the bytes.
    pub digest: Digest,
    /// The content of the module.
    pub bytes: Blob,
}

/// The description of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleDetails {
    /// The hash of the module, which is its git blob id.
    pub hash: ModuleHash,
    /// The SHA-256 digest of the bytes.
    pub digest: Digest,
    /// The imports, exports and sections. The first imports and exports may be left out: see `skipped`.
    pub module: ModuleInfo,
    /// The number of imports and exports that `module` leaves out at the beginning. Imports and exports are counted together, in the order
    /// of their declaration.
    pub skipped: usize,
    /// The facts about the module; `None` if they cannot be computed, because the module is invalid in a part that [`ModuleInfo`] does not
    /// cover.
    pub facts: Option<Facts>,
    /// The functions and types of the module's interfaces; `None` if the module is not a component, or its WIT cannot be read.
    pub wit: Option<WitFacts>,
}

impl ModuleDetails {
    /// Returns the position of the first import in `module` among all imports, and the position of its first export among all exports.
    /// Assumes that the imports precede the exports, as they do in a core module.
    pub fn skipped_items(&self) -> (usize, usize) {
        let imports = self.facts.as_ref().map_or(0, |facts| facts.imports.total);
        let imports = usize::try_from(imports).unwrap_or(usize::MAX);
        (self.skipped, self.skipped.saturating_sub(imports))
    }

    /// Returns the number of imports and exports whose types are missing in the facts, because there are too many. Returns 0 for a
    /// component, because its facts contain no types.
    pub fn types_left_out(&self) -> u64 {
        let facts = self.facts.as_ref();
        facts
            .filter(|facts| facts.kind == ModuleKind::Module)
            .map_or(0, |facts| {
                let (imports, exports) = (&facts.imports, &facts.exports);
                let listed = imports.items.len() + exports.items.len();
                (imports.total + exports.total).saturating_sub(listed as u64)
            })
    }
}

impl Store {
    /// Returns the module that `name` refers to in the tree at `revision`.
    ///
    /// # Errors
    /// The tree does not have the module. A hash or digest is found only if a path of this tree has the module.
    pub fn find(&self, revision: &Revision, name: &ModuleRef) -> Result<Module> {
        self.read(revision, |resolved| {
            let hash = self.resolve(resolved, name)?;
            self.module(hash)
        })
    }

    /// Returns the module with this hash. The caller has found the hash in a tree or in a list of versions.
    pub fn module(&self, hash: ModuleHash) -> Result<Module> {
        let bytes = self.bytes(hash)?;
        Ok(Module {
            hash,
            digest: self.digests.get_or_compute(hash, &bytes),
            bytes,
        })
    }

    /// Returns the digest of a module. The caller has found `hash` in a tree or in a list of versions. Reads the module only if neither the
    /// cache nor the index has the digest.
    pub fn digest(&self, hash: ModuleHash) -> Result<Digest> {
        if let Some(digest) = self.digests.get(hash) {
            return Ok(digest);
        }
        match self.with_index(|index| Ok(index.digest_of(hash)?)) {
            Ok(Some(digest)) => Ok(digest),
            Ok(None) | Err(_) => Ok(self.module(hash)?.digest),
        }
    }

    /// Returns the module with a hash; `None` if its bytes are not cached.
    pub fn cached_module(&self, hash: ModuleHash) -> Option<Module> {
        let bytes = self.repo.objects().blob_in_memory(hash)?;
        Some(Module {
            hash,
            digest: self.digests.get_or_compute(hash, &bytes),
            bytes,
        })
    }

    /// Returns the branch's tip and the module at `path`, without reading an object from disk. Returns `None` if `revision` is not a
    /// branch, if a needed object is not cached, or if `path` is not a module.
    pub fn find_cached(
        &self,
        revision: &Revision,
        path: &ModulePath,
    ) -> Option<(CommitId, Module)> {
        let Revision::Branch(branch) = revision else {
            return None;
        };
        let tip = self.repo.refs().loose_tip(branch.as_ref())?;
        match self.repo.objects().cached_node(tip, path.as_tree_path()) {
            CachedNode::Found(TreeNode::Module(hash)) => Some((tip, self.cached_module(hash)?)),
            _ => None,
        }
    }

    /// Returns the size in bytes of the module that `name` refers to in the tree at `revision`.
    pub fn size_bytes_of(&self, revision: &Revision, name: &ModuleRef) -> Result<u64> {
        self.read(revision, |resolved| {
            self.size_bytes(self.resolve(resolved, name)?)
        })
    }

    /// Returns the size in bytes of the blob with a hash or digest. The blob may be in no tree.
    ///
    /// # Errors
    /// The object store does not have the blob.
    pub fn stored_size_bytes(&self, hash: &HashRef) -> Result<u64> {
        let unknown = || Error::NoModule(hash.to_string());
        self.size_bytes(self.stored(hash)?.ok_or_else(unknown)?)
    }

    /// Returns the size of a module, in bytes. The caller has found `hash` in a tree or in a list of versions.
    pub fn size_bytes(&self, hash: ModuleHash) -> Result<u64> {
        let size = self.repo.objects().blob_size_bytes(hash)?;
        Ok(size.ok_or_else(|| missing(hash))?)
    }

    /// Returns the hash of the module that `name` refers to in the tree at `revision`.
    pub fn hash(&self, revision: &Revision, name: &ModuleRef) -> Result<ModuleHash> {
        self.read(revision, |resolved| self.resolve(resolved, name))
    }

    /// Returns whether the tree at `revision` has the module `name`.
    pub fn contains(&self, revision: &Revision, name: &ModuleRef) -> Result<bool> {
        match self.hash(revision, name) {
            Ok(_) => Ok(true),
            Err(Error::NoModule(_) | Error::NotCurrent { .. } | Error::IsDirectory(_)) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// Returns the description of the module that `name` refers to in the tree at `revision`. Leaves out the first `skip` imports and
    /// exports.
    pub fn info(
        &self,
        revision: &Revision,
        name: &ModuleRef,
        skip: usize,
    ) -> Result<ModuleDetails> {
        let Module {
            hash,
            digest,
            bytes,
        } = self.find(revision, name)?;
        let module = wasm::inspect_after(&bytes, skip)
            .map_err(|source| Error::invalid(&name.to_string(), source))?;
        let facts = match self.facts_of(hash) {
            Ok(facts) => Some(facts),
            Err(error) if error.kind() == ErrorKind::InvalidModule => None,
            Err(error) => return Err(error),
        };
        let (facts, wit) = match facts {
            Some(ModuleFacts { facts, wit }) => (Some(facts), wit.of_component()),
            None => (None, None),
        };
        Ok(ModuleDetails {
            hash,
            digest,
            module,
            skipped: skip,
            facts,
            wit,
        })
    }

    /// Returns the path of a read-only file with the bytes of the module that `name` refers to in the tree at `revision`.
    pub fn filename(&self, revision: &Revision, name: &ModuleRef) -> Result<PathBuf> {
        let Module { hash, bytes, .. } = self.find(revision, name)?;
        Ok(self.repo.check_out(hash, &bytes)?)
    }

    /// Returns the bytes of a module. The caller has found `hash` in a tree or in a list of versions.
    pub fn bytes(&self, hash: ModuleHash) -> Result<Blob> {
        Ok(self
            .repo
            .objects()
            .cached_blob(hash)?
            .ok_or_else(|| missing(hash))?)
    }
}

fn missing(hash: ModuleHash) -> repo::Error {
    repo::Error::Missing {
        id: hash.to_string(),
    }
}
