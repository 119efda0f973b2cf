//! Objects: the object database and its caches, commit and tag objects, loose objects, and spooled uploads.

pub(crate) mod blob_hash;
pub(crate) mod cache;
pub(crate) mod commit;
pub(crate) mod copies;
pub(crate) mod count;
pub(crate) mod db;
pub(crate) mod find;
pub(crate) mod gix_handle;
pub(crate) mod loose;
pub(crate) mod raw_commit;
pub(crate) mod spool;
pub(crate) mod tag;
