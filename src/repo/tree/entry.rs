//! Tree entries, and what they are to a reader.

use gix::bstr::BStr;
use gix::objs::tree::{EntryKind, EntryMode, EntryRef};

use crate::names::ModuleHash;
use crate::repo::ids::{TreeId, module_hash};

/// The kind of object at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// A regular file.
    Module(ModuleHash),
    /// A directory.
    Directory(TreeId),
    /// A symbolic link, or a submodule.
    Foreign,
}

/// A tree entry, which can be kept, moved and compared without reading its object.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub(crate) mode: EntryMode,
    pub(crate) id: gix::ObjectId,
}

/// Entries are equal if their content is. A module's executable bit does not count.
impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.kind() == other.kind()
    }
}

impl From<&EntryRef<'_>> for Entry {
    fn from(entry: &EntryRef<'_>) -> Self {
        Self {
            mode: entry.mode,
            id: entry.oid.to_owned(),
        }
    }
}

impl From<&gix::objs::tree::Entry> for Entry {
    fn from(entry: &gix::objs::tree::Entry) -> Self {
        Self {
            mode: entry.mode,
            id: entry.oid,
        }
    }
}

impl Entry {
    /// The noun for an entry that is neither a module nor a directory.
    pub(crate) const FOREIGN: &str = "neither a module nor a directory";

    fn kind(&self) -> EntryKind {
        match self.mode.kind() {
            EntryKind::BlobExecutable => EntryKind::Blob,
            kind => kind,
        }
    }

    /// Returns what this entry is to a reader.
    pub(crate) fn node(&self) -> Node {
        match self.kind() {
            EntryKind::Tree => Node::Directory(TreeId(self.id)),
            EntryKind::Blob => Node::Module(module_hash(&self.id)),
            _ => Node::Foreign,
        }
    }

    /// Returns the hash of the module; `None` if the entry is not a module.
    pub(crate) fn module(&self) -> Option<ModuleHash> {
        match self.node() {
            Node::Module(hash) => Some(hash),
            Node::Directory(_) | Node::Foreign => None,
        }
    }

    /// Returns the tree of the directory; `None` if the entry is not a directory.
    pub(crate) fn directory(&self) -> Option<TreeId> {
        match self.node() {
            Node::Directory(tree) => Some(tree),
            Node::Module(_) | Node::Foreign => None,
        }
    }

    /// Returns the noun for this entry in an error message.
    pub(crate) fn noun(&self) -> &'static str {
        match self.node() {
            Node::Module(_) => "a module",
            Node::Directory(_) => "a directory",
            Node::Foreign => Self::FOREIGN,
        }
    }
}

/// Returns the path of an entry in the directory at `parent`; the root directory has the empty path.
pub(crate) fn join_path(parent: &[u8], name: &BStr) -> Vec<u8> {
    match parent {
        [] => name.to_vec(),
        parent => [parent, b"/", name].concat(),
    }
}
