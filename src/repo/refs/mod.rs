//! Refs: reading, durable updates, lock files, packed refs, durable tips and change notification.

pub(crate) mod branches;
pub(crate) mod durable_tips;
pub(crate) mod lock;
pub(crate) mod packed;
pub(crate) mod read;
pub(crate) mod update;
pub(crate) mod watcher;
