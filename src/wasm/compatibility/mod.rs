//! Decides whether a newer module can stand in for an older one.
//!
//! - [`Verdict`] is the decision, with reasons.
//! - [`TargetWorld`] is a world of WIT that a component may fit.
//!
//! Core modules are compared by the rules by which a host matches an export with an import (`matching.rs`), and components by the rules of
//! component types. WIT is compared by its structure: `component.rs` matches interfaces by name and compatible version, then functions and
//! types by name.

mod component;
mod core;
mod matching;
mod pairs;
mod reasons;
mod references;
mod target;
#[cfg(test)]
mod tests;
mod verdict;

pub(in crate::wasm) use pairs::pairs;
pub use target::{TargetWorld, WORLD_BYTES_MAX};
pub use verdict::{Compatibility, Verdict};
