//! The handlers of all endpoints, one file per resource.
//!
//! To add an endpoint, write its handler with the attribute `#[utoipa::path]` in the file of its resource, and add the handler to `routes`
//! in `router.rs`. The OpenAPI document is built from both.

pub(super) mod admin;
pub(super) mod branches;
pub(super) mod compare;
pub(super) mod diff;
mod encoded_body;
pub(super) mod facts;
mod filtered_commits;
pub(super) mod gc;
pub(super) mod git;
pub(super) mod hashes;
pub(super) mod history;
mod json_body;
pub(super) mod list_etag;
pub(super) mod modules;
pub(super) mod oci;
pub(super) mod operation;
pub(super) mod pinned_links;
pub(super) mod put_modules;
pub(super) mod relocation;
pub(super) mod rollback;
pub(super) mod search;
mod selected_commits;
pub(super) mod tags;
mod upload_body;
mod upload_session;
pub(super) mod uploads;
pub(super) mod versions;
pub(super) mod watch;
pub(super) mod web;
pub(super) mod world;
