//! Facts about a module: its imports and exports, the features that it requires, the sizes of its parts, and the metadata in its custom
//! sections.
//!
//! If a [`Validation`](super::Validation) is created [`with_facts`](super::Validation::with_facts), it collects [`Facts`] in the same pass.
//! [`facts_of`](super::facts_of) reads them from a module that was validated before, without validating its function bodies again.
//!
//! Custom sections are not validated, so their contents may be malformed or false. Contents that cannot be read are ignored and are never
//! an error. The size of every list and every text is limited: the facts about a module are at most [`FACTS_BYTES_MAX`] bytes of JSON.

mod collector;
mod core_module;
mod crates;
mod custom_text;
mod cut;
mod function;
mod group;
mod item;
mod item_lists;
mod largest;
mod metadata;
mod model;
mod name_section;
mod requirements;
mod section;
mod segment;
mod symbol;
mod text;

pub(in crate::wasm) use collector::FactsCollector;
pub use crates::{Crate, Crates};
pub use cut::Cut;
pub use function::FunctionSize;
pub use group::GroupSize;
pub use item::{TypedExport, TypedImport};
pub use metadata::{Metadata, Producer};
pub use model::{FACTS_BYTES_MAX, Facts};
pub use requirements::{Requirements, Standard, requirement_names};
pub(in crate::wasm) use requirements::{
    UsedFeatures, of_body, of_locals, visit_operator, visit_with_known, with_known,
};
pub use section::{SectionKind, SectionSize};
pub use segment::SegmentSize;
pub use symbol::demangle;
pub(in crate::wasm) use text::json_bytes;
