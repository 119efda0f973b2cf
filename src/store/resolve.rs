//! Resolves module names, hashes and digests to module hashes.

use std::ops::ControlFlow;

use super::error::{Error, Result};
use super::open::Store;
use super::revision::ResolvedRevision;
use crate::names::{CommitId, Digest, HashRef, ModuleHash, ModulePath, ModuleRef, TreePath};
use crate::repo::{ObjectFormat, TreeId, TreeNode};

/// The maximum number of paths at which [`Store::resolve`] looks for a module that no path has any more.
const FORMER_PATHS_MAX: usize = 16;

impl Store {
    /// Returns the hash of the module that `name` refers to in a tree.
    ///
    /// # Errors
    /// The tree does not have the module.
    pub(super) fn resolve(
        &self,
        resolved: ResolvedRevision,
        name: &ModuleRef,
    ) -> Result<ModuleHash> {
        let unknown = || Error::NoModule(name.to_string());
        let tree = resolved.tree.ok_or_else(unknown)?;
        match name {
            ModuleRef::Path(path) => match self.repo.objects().node(tree, path.as_tree_path())? {
                Some(TreeNode::Module(hash)) => Ok(hash),
                Some(TreeNode::Directory(_)) => Err(Error::IsDirectory(path.to_string())),
                Some(TreeNode::Foreign) | None => Err(unknown()),
            },
            ModuleRef::Hash(hash) => match self.listed(resolved, hash)? {
                Some(found) => Ok(found),
                None => Err(match self.former(resolved, hash)? {
                    Some(former) => Error::NotCurrent {
                        name: name.to_string(),
                        former: Box::new(former),
                    },
                    None => unknown(),
                }),
            },
        }
    }

    /// Returns a path at which a commit of the history had the module with a hash or digest, and the newest commit that put it there.
    /// Considers at most [`FORMER_PATHS_MAX`] paths. Returns `None` if there is none, or if the history cannot be indexed. The caller has
    /// called [`listed`](Self::listed), which adds missing commits to the index, so this does not do it again.
    fn former(
        &self,
        resolved: ResolvedRevision,
        requested: &HashRef,
    ) -> Result<Option<(ModulePath, CommitId)>> {
        let Some(tip) = resolved.commit else {
            return Ok(None);
        };
        let (id, digest) = self.interpretations(requested);
        let by_digest = digest
            .map(|digest| self.indexed_module(digest))
            .transpose()?;
        for hash in [id, by_digest.flatten()].into_iter().flatten() {
            let found = self.query_index(tip, |index| {
                let mut paths = Vec::new();
                index.paths_of(hash, |path| {
                    if !paths.contains(&path) {
                        paths.push(path);
                    }
                    if paths.len() < FORMER_PATHS_MAX {
                        ControlFlow::Continue(())
                    } else {
                        ControlFlow::Break(())
                    }
                })?;
                for path in paths {
                    let changes = index.own_changes(tip, &path)?;
                    let put = changes.iter().rfind(|change| change.module == Some(hash));
                    if let Some(put) = put {
                        return Ok(Some((path, put.commit)));
                    }
                }
                Ok(None)
            });
            match found {
                Ok(None) => {}
                Err(error) if error.is_missing_object() => {}
                found => return found,
            }
        }
        Ok(None)
    }

    /// Returns the module with a hash or digest if it is at some path of the tree.
    pub(super) fn listed(
        &self,
        resolved: ResolvedRevision,
        requested: &HashRef,
    ) -> Result<Option<ModuleHash>> {
        let (Some(commit), Some(tree)) = (resolved.commit, resolved.tree) else {
            return Ok(None);
        };
        self.first_present(requested, |hash| self.is_listed(commit, tree, hash))
    }

    /// Returns the blob with a hash or digest if the object store has the blob. A digest finds only modules that some indexed commit had.
    pub fn stored(&self, requested: &HashRef) -> Result<Option<ModuleHash>> {
        self.first_present(requested, |hash| {
            Ok(self.repo.objects().blob_size_bytes(hash)?.is_some())
        })
    }

    /// Returns the blob id and the digest that `requested` may stand for. In a store with SHA-256 object ids, 64 hex digits may be either.
    pub(super) fn interpretations(
        &self,
        requested: &HashRef,
    ) -> (Option<ModuleHash>, Option<Digest>) {
        match requested {
            HashRef::Hash40(hash) => (Some(*hash), None),
            HashRef::Hex64(bytes) => {
                let is_sha256 = self.object_format() == Some(ObjectFormat::Sha256);
                let hash = ModuleHash::from_bytes(bytes).filter(|_| is_sha256);
                (hash, Some(Digest::from_bytes(*bytes)))
            }
            HashRef::Digest(digest) => (None, Some(*digest)),
        }
    }

    /// Returns the module with a digest; `None` if no commit of a branch had such a module.
    pub(super) fn module_by_digest(&self, digest: Digest) -> Result<Option<ModuleHash>> {
        if self.repo.is_absent() {
            return Ok(None);
        }
        if let Some(hash) = self.indexed_module(digest)? {
            return Ok(Some(hash));
        }
        self.catch_up_all()?;
        self.index_digests()?;
        self.indexed_module(digest)
    }

    /// Returns the module with a digest if the index has it now, without adding missing commits to the index.
    fn indexed_module(&self, digest: Digest) -> Result<Option<ModuleHash>> {
        self.with_index(|index| Ok(index.module_of(digest)?))
    }

    /// Returns the blob to which `requested` refers: the first candidate for which `is_present` returns true. First tries `requested` as a
    /// blob id, then as a digest, because looking up a digest takes longer.
    pub(super) fn first_present(
        &self,
        requested: &HashRef,
        is_present: impl Fn(ModuleHash) -> Result<bool>,
    ) -> Result<Option<ModuleHash>> {
        let (id, digest) = self.interpretations(requested);
        if let Some(id) = id
            && is_present(id)?
        {
            return Ok(Some(id));
        }
        let Some(digest) = digest else {
            return Ok(None);
        };
        match self.module_by_digest(digest)? {
            Some(hash) if is_present(hash)? => Ok(Some(hash)),
            _ => Ok(None),
        }
    }

    /// Returns whether the module is at some path of the commit's tree.
    fn is_listed(&self, commit: CommitId, tree: TreeId, hash: ModuleHash) -> Result<bool> {
        let found = self.query_index(commit, |index| {
            let check = |path: ModulePath| match self.repo.objects().node(tree, path.as_tree_path())
            {
                Ok(Some(TreeNode::Module(current))) if current == hash => {
                    ControlFlow::Break(Ok(()))
                }
                Ok(_) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(Err(error)),
            };
            Ok(index.paths_of(hash, check)?.transpose()?)
        });
        match found {
            // The history is incomplete and cannot be indexed, but the tree of this commit may still be complete. So walks the tree.
            Err(error) if error.is_missing_object() => {
                let check = |_, current| {
                    if current == hash {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    }
                };
                let root = TreePath::root();
                Ok(self
                    .repo
                    .objects()
                    .walk_modules(tree, &root, check)?
                    .is_some())
            }
            found => Ok(found?.is_some()),
        }
    }
}
