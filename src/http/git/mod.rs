//! git's smart protocol over HTTP (gitprotocol-http(5)): a request's body goes to a git, what that says is the answer's.
//!
//! Nothing is kept of either: both are streamed, and each waits for the other. A git runs as long as its request does. When the
//! client leaves, hyper drops the handler or the answer's body, and either ends the git. A git that is pushed to may be moving
//! refs then: its input ends, and it goes on for nobody (`response_body.rs`).

mod decode;
mod outcome;
mod process;
mod requested_service;
mod response_body;
mod service;
mod stdin;

pub(super) use decode::Decoder;
pub(super) use requested_service::asked_for;
pub(super) use service::{Request, missing};
pub(super) use stdin::Feed;
