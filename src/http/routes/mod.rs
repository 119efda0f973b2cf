//! The handlers of all endpoints, one file per resource. `router.rs` assigns them to URLs.

pub(super) mod admin;
pub(super) mod branches;
pub(super) mod git;
pub(super) mod hashes;
pub(super) mod history;
pub(super) mod modules;
pub(super) mod operation;
pub(super) mod versions;
pub(super) mod watch;
