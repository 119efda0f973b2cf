//! The [WIT](https://component-model.bytecodealliance.org/design/wit.html) of components: their imports and exports with types.
//!
//! - [`WitFacts`] has the WIT text and lists the imports and exports.
//!
//! WIT is optional: some valid components have none, and the decoder has panicked on others. So nothing here makes a module invalid;
//! [`WitError`] is the reason why there is no WIT.
//!
//! Work is bounded by `skeleton.rs`, which copies only the types of a component, up to a limit. Everything that uses the decoder runs in
//! `isolate.rs`.

mod decode;
mod error;
mod facts;
mod isolate;
mod member;
mod separate;
mod shape;
mod skeleton;
#[cfg(test)]
pub(in crate::wasm) mod tests;
mod text;
mod world;

pub(in crate::wasm) use decode::{Decoded, Root};
pub use error::WitError;
pub use facts::{WitFacts, WitItem, WitMember, WitSource};
pub(in crate::wasm) use isolate::isolated;
pub(in crate::wasm) use member::Member;
pub(in crate::wasm) use skeleton::Skeleton;
pub use world::WitItemKind;
pub(in crate::wasm) use world::{WitWorld, WorldItem};
