//! The layers around the routes; `router.rs` defines their order.

pub(super) mod auth;
pub(super) mod client_address;
pub(super) mod default_headers;
pub(super) mod head_and_length;
pub(super) mod host;
pub(super) mod normalize_path;
pub(super) mod origin;
pub(super) mod problem_json;
pub(super) mod redirect_writes;
pub(super) mod request_log;
pub(super) mod session;
pub(super) mod web_errors;
