//! Reads the records of the registry and the modules of the default branch.

use crate::names::{BranchName, CommitId, Digest, ModuleHash, TreePath};
use crate::repo::{Blob, TreeId, TreeNode};
use crate::store::error::{Error, Result};
use crate::store::open::Store;
use crate::store::revision::Revision;

/// The records of the registry and the default branch, as both were when the view was made.
pub struct RegistryView<'s> {
    store: &'s Store,
    default_branch: BranchName,
    commit: Option<CommitId>,
    records: Option<TreeId>,
    modules: Option<TreeId>,
}

impl Store {
    /// Runs `read` on a view of the registry. If an object is missing, repeats it once on a new view: a `gc` may have squashed the history in
    /// between.
    pub fn read_registry<T, E: RegistryError>(
        &self,
        read: impl Fn(&RegistryView<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        match read(&self.registry_view()?) {
            Err(error) if error.is_missing_object() => read(&self.registry_view()?),
            result => result,
        }
    }

    fn registry_view(&self) -> Result<RegistryView<'_>> {
        let objects = self.repo.objects();
        let tip = self.repo.refs().oci_tip()?;
        let records = tip.map(|tip| objects.linked_commit(tip)).transpose()?;
        let default_branch = self.default_branch()?;
        let revision = Revision::Branch(Some(default_branch.clone()));
        let modules = self.read(&revision, |resolved| Ok(resolved.tree))?;
        Ok(RegistryView {
            store: self,
            default_branch,
            commit: tip,
            records: records.map(|commit| commit.tree),
            modules,
        })
    }
}

/// An error of a read of the registry.
pub trait RegistryError: From<Error> {
    /// Returns whether an object is missing. A concurrent `gc` may have removed it, so another attempt may succeed.
    fn is_missing_object(&self) -> bool;
}

impl RegistryError for Error {
    fn is_missing_object(&self) -> bool {
        Self::is_missing_object(self)
    }
}

impl RegistryView<'_> {
    /// Returns the name of the default branch.
    pub fn default_branch(&self) -> &BranchName {
        &self.default_branch
    }

    /// Returns the newest commit of the records; `None` if there are none.
    pub fn commit(&self) -> Option<CommitId> {
        self.commit
    }

    /// Returns the tree of the default branch; `None` if it has no commit.
    pub fn modules_root(&self) -> Option<TreeId> {
        self.modules
    }

    /// Returns the record at a path: the id of its blob.
    pub fn record(&self, path: &TreePath) -> Result<Option<ModuleHash>> {
        file_at(self.store, self.records, path)
    }

    /// Returns the entries of a directory of records, in git's order; none if there is no directory.
    pub fn records(&self, directory: &TreePath) -> Result<Vec<(String, TreeNode)>> {
        entries(self.store, self.records, directory)
    }

    /// Returns the tree of a directory of records; `None` if there is no directory. Equal trees have equal records.
    pub fn record_tree(&self, directory: &TreePath) -> Result<Option<TreeId>> {
        directory_at(self.store, self.records, directory)
    }

    /// Returns the module at a path of the default branch.
    pub fn module(&self, path: &TreePath) -> Result<Option<ModuleHash>> {
        file_at(self.store, self.modules, path)
    }

    /// Returns the entries of a directory of the default branch, in git's order; none if there is no directory.
    pub fn modules(&self, directory: &TreePath) -> Result<Vec<(String, TreeNode)>> {
        entries(self.store, self.modules, directory)
    }

    /// Returns the tree of a directory of the default branch; `None` if there is no directory. Equal trees have equal modules.
    pub fn module_tree(&self, directory: &TreePath) -> Result<Option<TreeId>> {
        directory_at(self.store, self.modules, directory)
    }

    /// Returns the bytes of a blob that a record or a module names.
    pub fn blob(&self, hash: ModuleHash) -> Result<Blob> {
        self.store.bytes(hash)
    }

    /// Returns the bytes of a blob that a record or a module names. Leaves the cache to what clients read.
    pub fn uncached_blob(&self, hash: ModuleHash) -> Result<Option<Vec<u8>>> {
        Ok(self.store.repo.objects().blob(hash)?)
    }

    /// Returns the SHA-256 of a blob that a record or a module names.
    pub fn digest(&self, hash: ModuleHash) -> Result<Digest> {
        match self.store.digests.get(hash) {
            Some(digest) => Ok(digest),
            None => Ok(self.store.module(hash)?.digest),
        }
    }
}

fn file_at(store: &Store, tree: Option<TreeId>, path: &TreePath) -> Result<Option<ModuleHash>> {
    let Some(tree) = tree else {
        return Ok(None);
    };
    Ok(match store.repo.objects().node(tree, path)? {
        Some(TreeNode::Module(hash)) => Some(hash),
        Some(TreeNode::Directory(_) | TreeNode::Foreign) | None => None,
    })
}

fn directory_at(store: &Store, tree: Option<TreeId>, path: &TreePath) -> Result<Option<TreeId>> {
    let Some(tree) = tree else {
        return Ok(None);
    };
    Ok(match store.repo.objects().node(tree, path)? {
        Some(TreeNode::Directory(tree)) => Some(tree),
        Some(TreeNode::Module(_) | TreeNode::Foreign) | None => None,
    })
}

fn entries(
    store: &Store,
    tree: Option<TreeId>,
    directory: &TreePath,
) -> Result<Vec<(String, TreeNode)>> {
    match tree {
        Some(tree) => Ok(store.repo.objects().directory(tree, directory)?),
        None => Ok(Vec::new()),
    }
}
