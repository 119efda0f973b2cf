//! Finding a module by path, hash or digest.

use std::ops::ControlFlow;
use std::path::PathBuf;

use super::error::{Error, Result};
use super::open::Store;
use super::revision::{Revision, View};
use crate::names::{CommitId, Digest, HashRef, ModuleHash, ModulePath, ModuleRef, TreePath};
use crate::repo::{self, Blob, Node, ObjectFormat, TreeId};
use crate::wasm::{self, ModuleInfo};

/// A module as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Its hash.
    pub hash: ModuleHash,
    /// The SHA-256 of its bytes.
    pub digest: Digest,
    /// Its bytes.
    pub bytes: Blob,
}

/// What `info` tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleDetails {
    /// The module's hash.
    pub hash: ModuleHash,
    /// The SHA-256 of its bytes.
    pub digest: Digest,
    /// What is in it.
    pub module: ModuleInfo,
}

impl Store {
    /// The module that `name` is, or has, in the tree at `at`.
    ///
    /// # Errors
    /// There is none: a hash is found only while some path of the tree has it.
    pub fn find(&self, at: &Revision, name: &ModuleRef) -> Result<Module> {
        self.read(at, |view| {
            let hash = self.resolve(view, name)?;
            self.module(hash)
        })
    }

    /// The module of a hash that a tree or a version names.
    pub fn module(&self, hash: ModuleHash) -> Result<Module> {
        let bytes = self.bytes(hash)?;
        Ok(Module {
            hash,
            digest: self.digests.of(hash, &bytes),
            bytes,
        })
    }

    /// The same, if its bytes are in memory already.
    pub fn cached_module(&self, hash: ModuleHash) -> Option<Module> {
        let bytes = self.repo.objects().blob_in_memory(hash)?;
        Some(Module {
            hash,
            digest: self.digests.of(hash, &bytes),
            bytes,
        })
    }

    /// The module at a path of a branch, and the commit that it was found in, if all but the branch's tip is in memory already.
    pub fn find_cached(&self, at: &Revision, path: &ModulePath) -> Option<(CommitId, Module)> {
        let Revision::Branch(branch) = at else {
            return None;
        };
        let tip = self.repo.refs().loose_tip(branch.as_ref())?;
        match self
            .repo
            .objects()
            .remembered_node(tip, path.as_tree_path())??
        {
            Node::Module(hash) => Some((tip, self.cached_module(hash)?)),
            Node::Folder(_) | Node::Foreign => None,
        }
    }

    /// The size in bytes of the module that `name` is, or has, in the tree at `at`.
    pub fn size_bytes_of(&self, at: &Revision, name: &ModuleRef) -> Result<u64> {
        self.read(at, |view| self.size_bytes(self.resolve(view, name)?))
    }

    /// The size in bytes of the blob that the object store has under a hash or digest.
    ///
    /// # Errors
    /// There is none.
    pub fn stored_size_bytes(&self, hash: &HashRef) -> Result<u64> {
        let unknown = || Error::NoModule(hash.to_string());
        self.size_bytes(self.stored(hash)?.ok_or_else(unknown)?)
    }

    /// The size in bytes of the module of a hash that a tree or a version names.
    pub fn size_bytes(&self, hash: ModuleHash) -> Result<u64> {
        let size = self.repo.objects().blob_size_bytes(hash)?;
        Ok(size.ok_or_else(|| missing(hash))?)
    }

    /// The hash of the module that `name` is, or has, in the tree at `at`.
    pub fn hash(&self, at: &Revision, name: &ModuleRef) -> Result<ModuleHash> {
        self.read(at, |view| self.resolve(view, name))
    }

    /// Whether the tree at `at` has the module `name`.
    pub fn contains(&self, at: &Revision, name: &ModuleRef) -> Result<bool> {
        match self.hash(at, name) {
            Ok(_) => Ok(true),
            Err(Error::NoModule(_) | Error::IsDirectory(_)) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// What is in the module that `name` is, or has, in the tree at `at`.
    pub fn info(&self, at: &Revision, name: &ModuleRef) -> Result<ModuleDetails> {
        let Module {
            hash,
            digest,
            bytes,
        } = self.find(at, name)?;
        let module = wasm::inspect(&bytes).map_err(|source| Error::Invalid {
            name: name.to_string(),
            source,
        })?;
        Ok(ModuleDetails {
            hash,
            digest,
            module,
        })
    }

    /// A read-only file with the bytes of the module that `name` is, or has, in the tree at `at`.
    pub fn filename(&self, at: &Revision, name: &ModuleRef) -> Result<PathBuf> {
        let Module { hash, bytes, .. } = self.find(at, name)?;
        Ok(self.repo.check_out(hash, &bytes)?)
    }

    /// The bytes of a module that a tree or a version names.
    pub fn bytes(&self, hash: ModuleHash) -> Result<Blob> {
        Ok(self
            .repo
            .objects()
            .cached_blob(hash)?
            .ok_or_else(|| missing(hash))?)
    }

    fn resolve(&self, view: View, name: &ModuleRef) -> Result<ModuleHash> {
        let unknown = || Error::NoModule(name.to_string());
        let tree = view.tree.ok_or_else(unknown)?;
        match name {
            ModuleRef::Path(path) => match self.repo.objects().node(tree, path.as_tree_path())? {
                Some(Node::Module(hash)) => Ok(hash),
                Some(Node::Folder(_)) => Err(Error::IsDirectory(path.to_string())),
                Some(Node::Foreign) | None => Err(unknown()),
            },
            ModuleRef::Hash(hash) => self.listed(view, hash)?.ok_or_else(unknown),
        }
    }

    /// The hash of a module of the view's tree, given as a hash or digest.
    pub(super) fn listed(&self, view: View, wanted: &HashRef) -> Result<Option<ModuleHash>> {
        let (Some(commit), Some(tree)) = (view.commit, view.tree) else {
            return Ok(None);
        };
        self.first_meant(wanted, |hash| self.is_listed(commit, tree, hash))
    }

    /// Whether some path of a commit's tree has the module.
    fn is_listed(&self, commit: CommitId, tree: TreeId, hash: ModuleHash) -> Result<bool> {
        let found = self.ask(commit, |index| {
            let here = |path: ModulePath| match self.repo.objects().node(tree, path.as_tree_path())
            {
                Ok(Some(Node::Module(there))) if there == hash => ControlFlow::Break(Ok(())),
                Ok(_) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(Err(error)),
            };
            Ok(index.paths_of(hash, here)?.transpose()?)
        });
        match found {
            // Old history that is not whole says nothing of the tree.
            Err(error) if error.is_missing_object() => {
                let here = |_, there| match there == hash {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                };
                let root = TreePath::root();
                Ok(self
                    .repo
                    .objects()
                    .walk_modules(tree, &root, here)?
                    .is_some())
            }
            found => Ok(found?.is_some()),
        }
    }

    /// What may be meant: a hash, which is tried first, and a digest.
    pub(super) fn meant(&self, wanted: &HashRef) -> (Option<ModuleHash>, Option<Digest>) {
        match wanted {
            HashRef::Hash40(hash) => (Some(*hash), None),
            HashRef::Hex64(bytes) => {
                let is_sha256 = self.object_format() == Some(ObjectFormat::Sha256);
                let hash = ModuleHash::from_bytes(bytes).filter(|_| is_sha256);
                (hash, Some(Digest::from_bytes(*bytes)))
            }
            HashRef::Digest(digest) => (None, Some(*digest)),
        }
    }

    /// The blob of the object store that is given as a hash or digest. By a digest a module is known that some commit had.
    pub(super) fn stored(&self, wanted: &HashRef) -> Result<Option<ModuleHash>> {
        self.first_meant(wanted, |hash| {
            Ok(self.repo.objects().blob_size_bytes(hash)?.is_some())
        })
    }

    /// What is meant, if it `is_there`. A digest is looked up only if no hash is meant that is there.
    fn first_meant(
        &self,
        wanted: &HashRef,
        is_there: impl Fn(ModuleHash) -> Result<bool>,
    ) -> Result<Option<ModuleHash>> {
        let (id, digest) = self.meant(wanted);
        if let Some(id) = id
            && is_there(id)?
        {
            return Ok(Some(id));
        }
        let Some(digest) = digest else {
            return Ok(None);
        };
        match self.by_digest(digest)? {
            Some(hash) if is_there(hash)? => Ok(Some(hash)),
            _ => Ok(None),
        }
    }

    /// The module with a digest, if some commit had it.
    pub(super) fn by_digest(&self, digest: Digest) -> Result<Option<ModuleHash>> {
        if self.repo.is_absent() {
            return Ok(None);
        }
        let known = || self.recovering(|index| Ok(index.module_of(digest)?));
        if let Some(hash) = known()? {
            return Ok(Some(hash));
        }
        self.catch_up_all()?;
        self.digest_all()?;
        known()
    }
}

fn missing(hash: ModuleHash) -> repo::Error {
    repo::Error::Missing {
        id: hash.to_string(),
    }
}
