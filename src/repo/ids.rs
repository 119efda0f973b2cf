//! Conversions between gix object ids and the id types of `names`.

use crate::names::{CommitId, ModuleHash};

/// The id as gix has it, if it is of the length that this repository uses.
pub(crate) fn object_id(repo: &gix::Repository, bytes: &[u8]) -> Option<gix::ObjectId> {
    gix::ObjectId::try_from(bytes)
        .ok()
        .filter(|id| id.kind() == repo.object_hash())
}

/// The id of a commit in our terms.
pub(crate) fn commit_id(id: &gix::oid) -> CommitId {
    CommitId::from_bytes(id.as_bytes()).expect("BUG: git has ids of 20 and 32 bytes")
}

/// The id of a blob in our terms.
pub(crate) fn module_hash(id: &gix::oid) -> ModuleHash {
    ModuleHash::from_bytes(id.as_bytes()).expect("BUG: git has ids of 20 and 32 bytes")
}
