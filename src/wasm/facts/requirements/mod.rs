//! Determines the features that a module requires of an engine: a version of the WebAssembly standard, and proposals.
//!
//! A module requires a feature if `wasmparser` rejects the module without it. So each file here repeats the checks of features in the
//! validator and decoder of `wasmparser`. The tests validate modules with exactly the required features, and with each of these missing.

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
pub(in crate::wasm) use operators::{
    UsedFeatures, of_body, of_locals, visit_operator, visit_with_known, with_known,
};
pub use standard::{Requirements, Standard, requirement_names};
