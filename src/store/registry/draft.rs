//! The draft of a write to the OCI registry: it edits records and modules together.

use crate::names::{ModuleHash, ModulePath, TreePath};
use crate::repo::{Draft, TreeNode};
use crate::store::error::Result;

/// The records of the OCI registry (the files in the tree of `refs/oci/records`) and the modules of the branch, with the edits of a write
/// so far.
pub struct RegistryDraft<'d, 'w> {
    pub(super) modules: &'d mut Draft<'w>,
    pub(super) records: &'d mut Draft<'w>,
}

impl RegistryDraft<'_, '_> {
    /// Returns the blob id of the record of the OCI registry at a path; `None` if there is none.
    ///
    /// # Errors
    /// A tree cannot be read.
    pub fn record(&self, path: &TreePath) -> Result<Option<ModuleHash>> {
        Ok(file(self.records.node(path)?))
    }

    /// Returns the path and blob id of every record of the OCI registry (a file in `refs/oci/records`) below a directory, sorted by path.
    ///
    /// # Errors
    /// A tree cannot be read.
    pub fn records(&self, directory: &TreePath) -> Result<Vec<(ModulePath, ModuleHash)>> {
        Ok(self.records.modules(directory)?)
    }

    /// Returns the hash of the module at a path of the branch; `None` if there is none.
    ///
    /// # Errors
    /// A tree cannot be read.
    pub fn module(&self, path: &TreePath) -> Result<Option<ModuleHash>> {
        Ok(file(self.modules.node(path)?))
    }

    /// Adds or replaces records of the OCI registry.
    ///
    /// # Errors
    /// A tree cannot be read.
    pub fn set_records(&mut self, records: &[(ModulePath, ModuleHash)]) -> Result<()> {
        Ok(self.records.set(records)?)
    }

    /// Removes the records of the OCI registry at these paths.
    ///
    /// # Errors
    /// A tree cannot be read.
    pub fn remove_records(&mut self, paths: &[ModulePath]) -> Result<()> {
        Ok(self.records.remove(paths)?)
    }

    /// Puts modules at paths of the branch.
    ///
    /// # Errors
    /// `PathTaken` if a path is needed both for a module and for a directory; `Name` for a new name that is not allowed.
    pub fn set_modules(&mut self, modules: &[(ModulePath, ModuleHash)]) -> Result<()> {
        Ok(self.modules.set(modules)?)
    }

    /// Removes the modules at these paths of the branch.
    ///
    /// # Errors
    /// A tree cannot be read.
    pub fn remove_modules(&mut self, paths: &[ModulePath]) -> Result<()> {
        Ok(self.modules.remove(paths)?)
    }
}

fn file(node: Option<TreeNode>) -> Option<ModuleHash> {
    match node {
        Some(TreeNode::Module(hash)) => Some(hash),
        Some(TreeNode::Directory(_) | TreeNode::Foreign) | None => None,
    }
}
