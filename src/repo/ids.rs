//! Object ids: conversions between gix ids and the id types of `names`.

use crate::names::{CommitId, ModuleHash, ObjectId};

/// The id of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TreeId(pub(crate) gix::ObjectId);

impl TreeId {
    /// Returns whether this is the empty tree.
    pub fn is_empty(self) -> bool {
        self.0.is_empty_tree()
    }

    /// Parses an id of 20 or 32 bytes; `None` for any other length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        gix::ObjectId::try_from(bytes).ok().map(Self)
    }

    /// Returns the 20 or 32 bytes of the id.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Converts an id to gix's type; `None` if it does not have the length of this repository's ids.
pub(crate) fn object_id(repo: &gix::Repository, bytes: &[u8]) -> Option<gix::ObjectId> {
    gix::ObjectId::try_from(bytes)
        .ok()
        .filter(|id| id.kind() == repo.object_hash())
}

/// Converts the id of an object of any kind from gix's type to [`ObjectId`].
pub(crate) fn shared_id(id: &gix::oid) -> ObjectId {
    ObjectId::from_bytes(id.as_bytes()).expect("BUG: git ids have 20 or 32 bytes")
}

/// Converts the id of a commit from gix's type to [`CommitId`].
pub(crate) fn commit_id(id: &gix::oid) -> CommitId {
    CommitId::from_bytes(id.as_bytes()).expect("BUG: git ids have 20 or 32 bytes")
}

/// Converts the id of a blob from gix's type to [`ModuleHash`].
pub(crate) fn module_hash(id: &gix::oid) -> ModuleHash {
    ModuleHash::from_bytes(id.as_bytes()).expect("BUG: git ids have 20 or 32 bytes")
}
