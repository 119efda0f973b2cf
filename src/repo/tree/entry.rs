//! What stands in a tree.

use gix::objs::tree::{EntryKind, EntryMode};

use crate::names::ModuleHash;
pub use crate::repo::ids::TreeId;
use crate::repo::ids::module_hash;

/// What stands at a place in a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// A regular file.
    Module(ModuleHash),
    /// A folder.
    Folder(TreeId),
    /// A symbolic link, or a commit of another repository.
    Foreign,
}

/// A tree entry as it is: kept, moved and compared without a look into it.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub(crate) mode: EntryMode,
    pub(crate) id: gix::ObjectId,
}

/// Equal when the content is: whether a file is executable makes no difference to a module.
impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.node_kind() == other.node_kind()
    }
}

impl Entry {
    /// The noun of an entry that is neither a module nor a directory.
    pub(crate) const FOREIGN: &str = "neither a module nor a directory";

    fn node_kind(&self) -> EntryKind {
        match self.mode.kind() {
            EntryKind::BlobExecutable => EntryKind::Blob,
            kind => kind,
        }
    }

    /// What this entry is to a reader.
    pub(crate) fn node(&self) -> Node {
        match self.node_kind() {
            EntryKind::Tree => Node::Folder(TreeId(self.id)),
            EntryKind::Blob => Node::Module(module_hash(&self.id)),
            _ => Node::Foreign,
        }
    }

    /// What it is, for a message.
    pub(crate) fn noun(&self) -> &'static str {
        match self.node() {
            Node::Module(_) => "a module",
            Node::Folder(_) => "a folder",
            Node::Foreign => Self::FOREIGN,
        }
    }
}
