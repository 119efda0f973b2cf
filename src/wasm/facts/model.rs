//! The facts about a module.

use serde::{Deserialize, Serialize};

use super::cut::Cut;
use super::function::FunctionSize;
use super::group::GroupSize;
use super::item::{TypedExport, TypedImport};
use super::metadata::Metadata;
use super::requirements::Requirements;
use super::section::SectionSize;
use super::segment::SegmentSize;
use crate::wasm::ModuleKind;

/// The maximum size of [`Facts`] as JSON, in bytes. The limits of the lists and texts add up to less.
pub const FACTS_BYTES_MAX: usize = 1 << 20;

/// The facts about a module or component that are read from its sections: imports, exports, sizes, metadata and required features.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Whether this is a core module or a component.
    pub kind: ModuleKind,
    /// The size of the module, in bytes.
    pub size_bytes: u64,
    /// The WebAssembly features that the module requires of an engine.
    pub requires: Requirements,
    /// The imports of the module, in their order in the binary.
    pub imports: Cut<TypedImport>,
    /// The exports of the module, in their order in the binary.
    pub exports: Cut<TypedExport>,
    /// The sections of the module, in their order in the binary. The first entry is the header. A nested module or component is one
    /// section. If the list is not cut, the sizes add up to the size of the module.
    pub sections: Cut<SectionSize>,
    /// The largest functions, the largest first. For a component, the functions of all its core modules.
    pub functions: Cut<FunctionSize>,
    /// The total sizes of functions by the crate or namespace that defines them, the largest first. Functions whose name contains neither a
    /// crate nor a namespace are ignored.
    pub groups: Cut<GroupSize>,
    /// The largest data segments, the largest first. For a component, the segments of all its core modules.
    pub data_segments: Cut<SegmentSize>,
    /// The metadata in the custom sections of the module.
    pub metadata: Metadata,
}
