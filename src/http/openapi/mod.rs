//! The description of the API (OpenAPI 3.1).
//!
//! What is particular to an endpoint stands at its handler. What many share is said once: the names in URLs and the request headers
//! in `parameters.rs`, the answers that are modules in `module.rs`, and what may go wrong in `problems.rs`; `shared.rs` gathers all
//! of it among the components. A test in `api.rs` holds the description to the router.

mod api;
mod module;
mod parameters;
mod problems;
mod shared;

pub(super) use api::text;
pub(super) use module::Bytes;
pub(super) use parameters::Encoding;
pub(super) use problems::{
    BranchProblems, ChangeProblems, ModuleProblems, Problems, ReadProblems, UploadProblems,
    WatchProblems,
};
