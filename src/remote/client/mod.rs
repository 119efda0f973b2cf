//! The HTTP client for a store behind another server. It implements the store's operations, with the store's own types.
//!
//! `operations` implements the trait `StoreOperations` with the other files: `request` builds requests, `response` reads responses,
//! `error_response` reads errors, `pages` reads lists, `download`, `upload`, `upload_in_chunks` and `upload_files` stream modules, `watch`
//! reports the new commits of a branch. The client validates every value in a response, like any other input from outside.

mod agent;
mod branches;
mod checked_file;
mod diff;
mod download;
mod entry_names;
pub(super) mod error_response;
mod exchange;
mod facts;
mod gc;
mod list_details;
mod next_page;
mod oci;
mod operations;
mod pages;
mod path_log;
mod relocation;
mod request;
mod response;
mod scheme_check;
mod search;
mod tags;
mod upload;
mod upload_files;
mod upload_in_chunks;
mod watch;
mod world;

pub(super) use agent::agent;
pub use error_response::ErrorResponse;
pub use request::Client;
pub(super) use request::secret_header;
