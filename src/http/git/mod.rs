//! git's smart protocol over HTTP (gitprotocol-http(5)): each request starts a git process, which reads the request's body and
//! writes the response's.
//!
//! Both bodies are streamed with backpressure; nothing is buffered. A process runs as long as its request. If the client disconnects,
//! hyper drops the handler or the response body, and this ends the process. Only a push that may already be updating refs runs on after
//! its input has ended (`response_body.rs`).

mod body_decoder;
mod outcome;
mod process;
mod response_body;
mod service;
mod stdin;

pub(super) use body_decoder::GitBodyDecoder;
pub(super) use outcome::git_not_installed;
pub(super) use service::GitRequestBody;
pub(super) use stdin::StdinWriter;
