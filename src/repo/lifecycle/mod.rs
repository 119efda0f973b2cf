//! Creating, opening, locking and backing up a repository, and marking it as a replica or as a copy of a store in a bucket.

pub(crate) mod backup;
pub(crate) mod blob_uploads;
pub(crate) mod bucket_mark;
pub(crate) mod config;
pub(crate) mod create;
pub(crate) mod creation_marker;
pub(crate) mod from_clone;
pub(crate) mod hooks;
pub(crate) mod maintenance_lock;
pub(crate) mod mirror_config;
pub(crate) mod mirror_lock;
pub(crate) mod name_rules;
pub(crate) mod open;
pub(crate) mod remains;
pub(crate) mod replica_mark;
pub(crate) mod scratch_dirs;
pub(crate) mod upload_area;
