//! git's smart protocol over HTTP (gitprotocol-http(5)): a request's body goes to a git, what that says is the answer's.
//!
//! Nothing is kept of either: both are streamed, and each waits for the other. A git runs as long as its request does. When the
//! client leaves, hyper drops the handler or the answer's body, and either ends the git. A git that is pushed to may be moving
//! refs then: its input ends, and it goes on for nobody (`served.rs`).

mod asked;
mod decode;
mod ending;
mod feed;
mod running;
mod served;
mod start;

pub(super) use asked::{asked, asked_for};
pub(super) use decode::Decoder;
pub(super) use feed::Feed;
pub(super) use start::{Request, missing};
