//! Tree entries, and their meaning for a reader of the store.

use gix::bstr::BStr;
use gix::objs::tree::{EntryKind, EntryMode, EntryRef};

use crate::names::{ModuleHash, ModulePath, TreePath};
use crate::repo::ids::{TreeId, module_hash};

/// The kind and the id of the object at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreeNode {
    /// A regular file.
    Module(ModuleHash),
    /// A directory.
    Directory(TreeId),
    /// A symbolic link, or a submodule.
    Foreign,
}

/// A module that a walk over a tree visits.
#[derive(Clone, Copy, Debug)]
pub struct ModuleEntry<'t> {
    /// The directory of the module.
    pub directory: &'t TreePath,
    /// The name of the module in the directory.
    pub name: &'t [u8],
    /// The hash of the module.
    pub hash: ModuleHash,
}

impl ModuleEntry<'_> {
    /// Returns the path of the module; `None` if it is not legal in the store.
    pub fn path(&self) -> Option<ModulePath> {
        ModulePath::from_entry(self.directory, self.name)
    }
}

/// A tree entry: mode and id. It can be moved and compared without reading its object.
#[derive(Clone, Copy, Debug)]
pub struct TreeEntry {
    pub(crate) mode: EntryMode,
    pub(crate) id: gix::ObjectId,
}

/// Entries are equal if they name the same object and have the same kind. The executable bit of a file is ignored.
impl PartialEq for TreeEntry {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.kind() == other.kind()
    }
}

impl From<&EntryRef<'_>> for TreeEntry {
    fn from(entry: &EntryRef<'_>) -> Self {
        Self {
            mode: entry.mode,
            id: entry.oid.to_owned(),
        }
    }
}

impl From<&gix::objs::tree::Entry> for TreeEntry {
    fn from(entry: &gix::objs::tree::Entry) -> Self {
        Self {
            mode: entry.mode,
            id: entry.oid,
        }
    }
}

impl TreeEntry {
    /// The noun for an entry that is neither a module nor a directory.
    pub(crate) const FOREIGN: &str = "neither a module nor a directory";

    fn kind(&self) -> EntryKind {
        match self.mode.kind() {
            EntryKind::BlobExecutable => EntryKind::Blob,
            kind => kind,
        }
    }

    /// Returns the meaning of this entry for a reader: module, directory, or neither.
    pub(crate) fn node(&self) -> TreeNode {
        match self.kind() {
            EntryKind::Tree => TreeNode::Directory(TreeId(self.id)),
            EntryKind::Blob => TreeNode::Module(module_hash(&self.id)),
            _ => TreeNode::Foreign,
        }
    }

    /// Returns the hash of the module; `None` if the entry is not a module.
    pub(crate) fn module(&self) -> Option<ModuleHash> {
        match self.node() {
            TreeNode::Module(hash) => Some(hash),
            TreeNode::Directory(_) | TreeNode::Foreign => None,
        }
    }

    /// Returns the tree of the directory; `None` if the entry is not a directory.
    pub(crate) fn directory(&self) -> Option<TreeId> {
        match self.node() {
            TreeNode::Directory(tree) => Some(tree),
            TreeNode::Module(_) | TreeNode::Foreign => None,
        }
    }

    /// Returns the noun for this entry in an error message.
    pub(crate) fn noun(&self) -> &'static str {
        match self.node() {
            TreeNode::Module(_) => "a module",
            TreeNode::Directory(_) => "a directory",
            TreeNode::Foreign => Self::FOREIGN,
        }
    }
}

/// Returns the path of the entry `name` in the directory at `parent`. The path of the root directory is empty.
pub(crate) fn join_path(parent: &[u8], name: &BStr) -> Vec<u8> {
    match parent {
        [] => name.to_vec(),
        parent => [parent, b"/", name].concat(),
    }
}
