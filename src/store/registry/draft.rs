//! The draft of a change of the registry.

use crate::names::{ModuleHash, ModulePath, TreePath};
use crate::repo::{Draft, TreeNode};
use crate::store::error::Result;

/// The records and the branch, as a change makes them.
pub struct RegistryDraft<'d, 'w> {
    pub(super) modules: &'d mut Draft<'w>,
    pub(super) records: &'d mut Draft<'w>,
}

impl RegistryDraft<'_, '_> {
    /// Returns the record at a path: the id of its blob.
    ///
    /// # Errors
    /// A tree cannot be read.
    pub fn record(&self, path: &TreePath) -> Result<Option<ModuleHash>> {
        Ok(file(self.records.node(path)?))
    }

    /// Returns all records below a directory, sorted by path.
    ///
    /// # Errors
    /// A tree cannot be read.
    pub fn records(&self, directory: &TreePath) -> Result<Vec<(ModulePath, ModuleHash)>> {
        Ok(self.records.modules(directory)?)
    }

    /// Returns the module at a path of the branch.
    ///
    /// # Errors
    /// A tree cannot be read.
    pub fn module(&self, path: &TreePath) -> Result<Option<ModuleHash>> {
        Ok(file(self.modules.node(path)?))
    }

    /// Sets records.
    ///
    /// # Errors
    /// A tree cannot be read.
    pub fn set_records(&mut self, records: &[(ModulePath, ModuleHash)]) -> Result<()> {
        Ok(self.records.set(records)?)
    }

    /// Removes the records at these paths.
    ///
    /// # Errors
    /// A tree cannot be read.
    pub fn remove_records(&mut self, paths: &[ModulePath]) -> Result<()> {
        Ok(self.records.remove(paths)?)
    }

    /// Sets modules of the branch.
    ///
    /// # Errors
    /// `PathTaken` if a path would be a module and a directory at once; `Name` for a new name that is not allowed.
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
