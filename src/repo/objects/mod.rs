//! Objects: the object database, caches, loose objects, spooled uploads and fsync.

pub(crate) mod blob_hash;
pub(crate) mod cache;
pub(crate) mod count;
pub(crate) mod db;
pub(crate) mod fsync;
pub(crate) mod loose;
pub(crate) mod spool;
