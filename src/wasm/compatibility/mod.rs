//! Decides whether a newer module can replace an older one.
//!
//! - [`Verdict`] is the decision about two modules, with reasons.
//! - [`TargetWorld`] is a WIT world. It decides whether a component fits the world.
//!
//! For core modules, the rules are those by which a host matches an export with an import (`matching.rs`). For components, they are the
//! rules for component types (`component.rs`): interfaces are paired by name and compatible version, then their functions and types by
//! name.

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
