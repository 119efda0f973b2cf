//! Refs: reading them, durable updates under lock files, packed refs, durable tips, and notification of changes.

pub(crate) mod durable_tips;
pub(crate) mod hidden;
pub(crate) mod list;
pub(crate) mod lock;
pub(crate) mod packed;
pub(crate) mod read;
pub(crate) mod registry_tips;
pub(crate) mod reuse;
pub(crate) mod stamp;
pub(crate) mod store;
pub(crate) mod targets;
pub(crate) mod update;
pub(crate) mod watcher;
