//! Validates WebAssembly: takes bytes, and returns a [`ModuleInfo`] or the reason for rejection.
//!
//! This subsystem is independent of git, paths and HTTP. It accepts core modules and components, as the
//! [binary format](https://webassembly.github.io/spec/core/binary/modules.html) and the
//! [component model](https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md) define them, with
//! every proposal enabled that `wasmparser` implements.
//!
//! - [`Validation`] takes a module in chunks of any size as they arrive; [`validate`] reads a module from a source. Function bodies are
//!   validated too, on all available cores.
//! - [`Comparison`] lists the differences between two modules.
//! - [`Cancellation`] ends a validation from another thread.
//! - [`Verdict`] decides whether a newer module can stand in for an older one.
//! - [`TargetWorld`] is a world of WIT that a component may fit.
//! - [`WitFacts`] has the WIT of a component.
//! - [`facts_of`] returns the [`Facts`] of a module that was validated before. [`Validation::with_facts`] collects them while it validates.
//! - [`inspect`] returns the [`ModuleInfo`] of bytes that were validated before, without reading function bodies.
//!
//! Invariants:
//!
//! 1. A module is accepted exactly if `wasmparser` accepts it, within [`ModuleLimits`](crate::config::ModuleLimits) and the limits in
//!    `limits.rs`.
//! 2. The result depends only on the bytes: not on the sizes of the chunks, and not on the timing of threads.
//! 3. Of several errors, the one with the lowest offset in the module is reported. An error in a function body precedes everything after
//!    that body.
//!    If the fuel of the whole module is used up, the offset may depend on the threads.
//! 4. Memory is bounded by the largest section that must be held completely, plus the function bodies in flight, plus the types and index
//!    spaces in `wasmparser`, which are charged to a [`ByteBudget`](crate::budget::ByteBudget).
//! 5. Work is bounded by `fuel.rs`, whatever the bytes are.

mod batch;
mod bodies;
mod body;
mod collect;
mod compare;
mod compare_wit;
mod compatibility;
mod digest;
mod error;
mod facts;
mod fuel;
mod head;
mod info;
mod inspect;
mod interface_names;
mod limits;
mod memory;
mod operator_cost;
mod pool;
mod section_class;
mod section_cost;
mod section_sums;
mod skip;
mod type_scale;
mod type_size;
mod types;
mod validate;
mod walk;
mod wit;

pub use compare::{Comparison, Interface, ItemChange};
pub use compatibility::{Compatibility, TargetWorld, Verdict, WORLD_BYTES_MAX};
pub use digest::{Hashing, Hashing512, sha256};
pub use error::Error;
pub use facts::{
    Crate, Crates, Cut, FACTS_BYTES_MAX, Facts, FunctionSize, GroupSize, Metadata, Producer,
    Requirements, SectionKind, SectionSize, SegmentSize, Standard, TypedExport, TypedImport,
    demangle,
};
pub use fuel::Cancellation;
pub use head::is_component;
pub use info::{Export, Import, ItemKind, ModuleInfo, ModuleKind, Producers};
pub use inspect::{inspect, inspect_after};
pub use interface_names::InterfaceNames;
pub use section_sums::SectionChange;
pub use validate::{Validation, facts_of, validate, validate_within};
pub use wit::{WitError, WitFacts, WitItem, WitItemKind, WitMember, WitSource};
