//! git's smart protocol over HTTP (gitprotocol-http(5)): each request starts a git process, which reads the request body and writes the
//! response body.
//!
//! Both bodies are streamed with backpressure, so neither is buffered as a whole. A process runs as long as its request. If the client
//! disconnects, hyper drops the handler or the response body, which ends the process. The exception is a push that may already be updating
//! refs: its process continues until it exits by itself (`response_body.rs`).

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
