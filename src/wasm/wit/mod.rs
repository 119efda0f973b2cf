//! Reads the [WIT](https://component-model.bytecodealliance.org/design/wit.html) of components: their imports and exports with types.
//!
//! - [`WitFacts`] has the WIT text and the lists of imports and exports.
//!
//! Some valid components have no WIT, and the decoder has panicked on others. So an error here does not make a module invalid; [`WitError`]
//! is the reason why there is no WIT.
//!
//! The work of the decoder is limited, because it gets only a copy of the types of a component, up to a maximum size (`skeleton.rs`).
//! Everything that uses the decoder runs on a thread of its own (`isolate.rs`).

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
