//! The OpenAPI 3.1 document, which describes the API.
//!
//! Each handler describes its own operation, and `router.rs` collects the operations together with the routes. This directory has the
//! definitions that many operations share: names in URLs and request headers in `parameters.rs`, responses with the bytes of a module in
//! `module_bytes.rs`, and error responses in `problems.rs`. `components.rs` moves all of them to the components of the document.

mod components;
mod document;
mod module_bytes;
mod parameters;
mod problems;

pub(super) use document::{base_document, finish_document};
pub(super) use module_bytes::ModuleBytes;
pub(super) use parameters::{
    ChunkHeaders, PathConditionHeaders, RepresentationDigest, UploadHeaders,
};
pub(super) use problems::{
    BodyProblems, BranchProblems, ChunkProblems, CompletionProblems, HistoryProblems,
    ModuleProblems, Problems, ReadProblems, UploadBeginProblems, WatchProblems, WorldProblems,
    WriteProblems,
};
