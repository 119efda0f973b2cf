//! Validates WebAssembly modules: receives bytes, and returns a [`ModuleInfo`] or the reason why the bytes are rejected.
//!
//! This subsystem does not depend on git, paths or HTTP. It accepts core modules and components, as the [binary
//! format](https://webassembly.github.io/spec/core/binary/modules.html) and the [component
//! model](https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md) define them, with every proposal enabled that
//! `wasmparser` implements.
//!
//! - [`Validation`] validates a module that arrives in chunks of any size; [`validate`] reads a module from a source. Function bodies are
//!   validated on all available cores.
//! - [`Comparison`] has the differences between two modules.
//! - [`Cancellation`] cancels a validation from another thread.
//! - [`Verdict`] decides whether a newer module can replace an older one.
//! - [`TargetWorld`] is a WIT world. It decides whether a component fits the world.
//! - [`WitFacts`] has the WIT of a component.
//! - [`facts_of`] returns the [`Facts`] about a module that was validated before. [`Validation::with_facts`] collects them during the
//!   validation.
//! - [`inspect`] returns the [`ModuleInfo`] of a module that was validated before, without reading function bodies.
//!
//! Invariants:
//!
//! 1. A module is accepted if and only if `wasmparser` accepts it and it is within [`ModuleLimits`](crate::config::ModuleLimits) and the
//!    limits in `limits.rs`.
//! 2. The result depends only on the bytes: not on the sizes of the chunks, and not on the timing of threads.
//! 3. If a module has several errors, the one with the lowest offset is reported. An error in a function body is reported even if an error
//!    after the body was found first. Exception: if the fuel of the whole module is used up, the reported offset may depend on the threads.
//! 4. Memory is limited. It consists of one section that must be in memory as a whole, the function bodies that are queued or being
//!    validated, and the types and index spaces in `wasmparser`. The latter are charged to a [`ByteBudget`](crate::budget::ByteBudget).
//! 5. The work of a validation is limited by `fuel.rs`, whatever the bytes are.

mod batch;
mod bodies;
mod body;
mod collect;
mod compare;
mod compare_wit;
mod compatibility;
mod core_item;
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
    demangle, requirement_names,
};
pub use fuel::Cancellation;
pub use head::is_component;
pub use info::{Export, Import, ItemKind, ModuleInfo, ModuleKind, Producers};
pub use inspect::{inspect, inspect_after};
pub use interface_names::InterfaceNames;
pub use section_sums::SectionChange;
pub use validate::{Validation, facts_of, validate, validate_within};
pub use wit::{WitError, WitFacts, WitItem, WitItemKind, WitMember, WitSource};
