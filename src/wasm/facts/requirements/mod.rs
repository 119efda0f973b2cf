//! What a module requires of an engine: a version of the WebAssembly standard, and proposals.
//!
//! The requirements are those of `wasmparser`: each file here follows the checks in its validator and decoder. The tests compare them with a
//! validation that enables exactly these features, and with one that lacks each of them.

mod canonical;
mod component;
mod core;
mod encoding;
mod operators;
mod standard;
mod types;
mod visitor;

pub(in crate::wasm) use component::ComponentFeatures;
pub(in crate::wasm) use core::CoreFeatures;
pub(in crate::wasm) use operators::{UsedFeatures, of_body, of_locals, visit_operator};
pub use standard::{Requirements, Standard};
