//! Reads the records of the registry and the modules of a branch.

use std::ops::ControlFlow;
use std::sync::PoisonError;

use crate::names::{BranchName, CommitId, Digest, ModuleHash, ModulePath, TreePath};
use crate::repo::{Blob, RegistryTips, TreeId, TreeNode};
use crate::store::error::{Error, Result};
use crate::store::open::Store;
use crate::store::revision::Revision;

/// The records of the OCI registry (the files in the tree of `refs/oci/records`) and the modules of a branch, both as they were when the
/// view was created.
pub struct RegistryView<'s> {
    pub(super) store: &'s Store,
    branch: BranchName,
    commit: Option<CommitId>,
    records: Option<TreeId>,
    modules: Option<TreeId>,
}

impl Store {
    /// Runs `read` on a view of the registry. If an object is missing, runs it once more on a new view, because a `gc` may have squashed
    /// the history in between.
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
        let tip = self.repo.refs().oci_tip()?;
        let branch = self.registry_branch()?;
        let revision = Revision::Branch(Some(branch.clone()));
        let modules = self.read(&revision, |resolved| Ok(resolved.tree))?;
        Ok(RegistryView {
            store: self,
            branch,
            commit: tip,
            records: self.tree_of(tip)?,
            modules,
        })
    }

    /// Returns the tips of `refs/oci/records` and of all branches. A write that changes both the records and a branch is in all tips or in
    /// none.
    ///
    /// # Errors
    /// A branch is broken, so its records are not known; the refs cannot be read or locked.
    pub fn registry_tips(&self) -> Result<RegistryTips> {
        Ok(self.repo.tips_between_changes()?)
    }

    /// Returns the tips of `refs/oci/records` and of all branches that are neither broken nor symbolic refs. Another process may move refs
    /// while they are read.
    ///
    /// # Errors
    /// The refs cannot be read.
    pub fn readable_registry_tips(&self) -> Result<RegistryTips> {
        let refs = self.repo.refs();
        Ok(RegistryTips {
            records: refs.oci_tip()?,
            branches: refs.branch_tips()?,
        })
    }

    /// Returns a view of each branch, all with the same records. If the branch that the registry uses is a symbolic ref, also returns a
    /// view of it under the name of the symbolic ref.
    ///
    /// # Errors
    /// A commit cannot be read.
    pub fn registry_views(&self, tips: &RegistryTips) -> Result<Vec<RegistryView<'_>>> {
        let records = self.tree_of(tips.records)?;
        let view = |(branch, tip): (BranchName, CommitId)| {
            Ok(RegistryView {
                store: self,
                modules: self.tree_of(Some(tip))?,
                branch,
                commit: tips.records,
                records,
            })
        };
        let named = self.registry_branch()?;
        let resolved = self.repo.refs().resolve_branch(Some(&named))?;
        let mut branches = tips.branches.clone();
        if branches.iter().all(|(branch, _)| *branch != named) {
            let target = branches.iter().find(|(branch, _)| *branch == resolved);
            let symbolic = target.map(|(_, tip)| (named, *tip));
            branches.extend(symbolic);
        }
        branches.into_iter().map(view).collect()
    }

    fn tree_of(&self, commit: Option<CommitId>) -> Result<Option<TreeId>> {
        let commit = commit.map(|commit| self.repo.objects().linked_commit(commit));
        Ok(commit.transpose()?.map(|commit| commit.tree))
    }

    /// Returns the branch that the registry reads and writes.
    ///
    /// # Errors
    /// The default branch cannot be read.
    pub fn registry_branch(&self) -> Result<BranchName> {
        match self.registry_branch_override() {
            Some(branch) => Ok(branch),
            None => self.default_branch(),
        }
    }

    /// Sets the branch that the registry reads and writes in this process. `None` selects the default branch.
    pub fn set_registry_branch(&self, branch: Option<BranchName>) {
        let current = self.registry_branch.write();
        *current.unwrap_or_else(PoisonError::into_inner) = branch;
    }

    pub(super) fn registry_branch_override(&self) -> Option<BranchName> {
        let branch = self.registry_branch.read();
        branch.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The error type of a function that reads the registry.
pub trait RegistryError: From<Error> {
    /// Returns whether an object is missing. A concurrent `gc` may have removed the object, so another attempt may succeed.
    fn is_missing_object(&self) -> bool;
}

impl RegistryError for Error {
    fn is_missing_object(&self) -> bool {
        Self::is_missing_object(self)
    }
}

impl RegistryView<'_> {
    /// Returns the name of the branch.
    pub fn branch(&self) -> &BranchName {
        &self.branch
    }

    /// Returns the root tree of the branch; `None` if the branch has no commit. If two trees are equal, so are their modules.
    pub fn modules_root(&self) -> Option<TreeId> {
        self.modules
    }

    /// Returns the tip of `refs/oci/records`, the ref with the records of the OCI registry; `None` if there are no records.
    pub fn commit(&self) -> Option<CommitId> {
        self.commit
    }

    /// Calls `visit` for every record of the OCI registry below a directory, sorted by path.
    pub fn walk_records(
        &self,
        directory: &TreePath,
        mut visit: impl FnMut(ModulePath, ModuleHash),
    ) -> Result<()> {
        let Some(tree) = self.records else {
            return Ok(());
        };
        let visit = |path, hash| {
            visit(path, hash);
            ControlFlow::<()>::Continue(())
        };
        let objects = self.store.repo.objects();
        objects.walk_modules(tree, directory, visit)?;
        Ok(())
    }

    /// Returns the blob id of the record of the OCI registry at a path; `None` if there is none.
    pub fn record(&self, path: &TreePath) -> Result<Option<ModuleHash>> {
        file_at(self.store, self.records, path)
    }

    /// Returns the entries of a directory of the registry's records, in git's order; an empty list if the directory does not exist.
    pub fn records(&self, directory: &TreePath) -> Result<Vec<(String, TreeNode)>> {
        entries(self.store, self.records, directory)
    }

    /// Returns the tree of a directory of the registry's records; `None` if the directory does not exist. If two trees are equal, so are
    /// their records.
    pub fn record_tree(&self, directory: &TreePath) -> Result<Option<TreeId>> {
        directory_at(self.store, self.records, directory)
    }

    /// Returns the hash of the module at a path of the branch; `None` if there is none.
    pub fn module(&self, path: &TreePath) -> Result<Option<ModuleHash>> {
        file_at(self.store, self.modules, path)
    }

    /// Returns the entries of a directory of the branch, in git's order; an empty list if the directory does not exist.
    pub fn modules(&self, directory: &TreePath) -> Result<Vec<(String, TreeNode)>> {
        entries(self.store, self.modules, directory)
    }

    /// Returns the tree of a directory of the branch; `None` if the directory does not exist. If two trees are equal, so are their modules.
    pub fn module_tree(&self, directory: &TreePath) -> Result<Option<TreeId>> {
        directory_at(self.store, self.modules, directory)
    }

    /// Returns the bytes of a record or module, from the cache if they are there.
    pub fn blob(&self, hash: ModuleHash) -> Result<Blob> {
        self.store.bytes(hash)
    }

    /// Returns the bytes of a record or module without caching them, because the cache is for the modules that clients read.
    pub fn uncached_blob(&self, hash: ModuleHash) -> Result<Option<Vec<u8>>> {
        Ok(self.store.repo.objects().blob(hash)?)
    }

    /// Returns the SHA-256 digest of a record or module.
    pub fn digest(&self, hash: ModuleHash) -> Result<Digest> {
        self.store.digest(hash)
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
