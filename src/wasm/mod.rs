//! WebAssembly: bytes in, [`ModuleInfo`] or a reason out.
//!
//! This room knows nothing of git, paths or HTTP. It takes core modules and components, as the
//! [binary format](https://webassembly.github.io/spec/core/binary/modules.html) and the
//! [component model](https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md) define them, with
//! every proposal that `wasmparser` implements switched on.
//!
//! - [`Validation`] takes a module in pieces of any size, as they arrive, and [`validate`] reads one to its end. Function
//!   bodies are validated too, on the cores there are.
//! - [`Comparison`] tells what differs between two modules.
//! - [`inspect`] gives the [`ModuleInfo`] of bytes that were validated before, and looks at no function body.
//!
//! Invariants:
//!
//! 1. What is accepted is exactly what `wasmparser` accepts, as far as [`ModuleLimits`](crate::config::ModuleLimits) and
//!    the limits in `limits.rs` reach.
//! 2. The answer depends on the bytes alone: not on how they were cut into pieces, and not on the timing of threads.
//! 3. Of several faults the one that stands first in the module is reported; a fault in a function body counts as before
//!    everything that follows the body.
//! 4. Memory is bounded by the largest section that has to be held whole, plus the bodies in flight, plus what
//!    `wasmparser` keeps of the types and index spaces.

mod batch;
mod bodies;
mod collect;
mod compare;
mod digest;
mod error;
mod head;
mod info;
mod inspect;
mod limits;
mod pool;
mod skip;
mod types;
mod validate;
mod walk;

pub use compare::{Comparison, Interface, ItemChange};
pub use digest::{Hashing, sha256};
pub use error::Error;
pub use info::{Export, Import, ItemKind, Kind, ModuleInfo, Producers};
pub use inspect::inspect;
pub use validate::{Validation, validate};
