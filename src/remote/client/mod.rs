//! The client of a store that is served elsewhere: the store's verbs over HTTP, with the store's own types.
//!
//! `ask` makes requests and tells refusals; one file each for what reads, what changes, downloads, and watching. What a server
//! answers is checked as anything that comes from outside is.

mod change;
mod diff;
mod download;
mod error_response;
mod history;
mod read;
mod request;
mod upload;
mod watch;

pub use download::Download;
pub use error_response::Refused;
pub use request::Client;
