//! The estimated work of validating sections other than code, in units of [fuel](super::fuel).
//!
//! The work on most sections is bounded by their length. The work on a component's instances also depends on the sizes of the types that they
//! refer to: see [`TypeSizes`].

use wasmparser::{Payload, Validator};

use super::type_size::TypeSizes;

/// The cost of a section, and of a nested module or component.
const SECTION: u64 = 500;
const NESTED: u64 = 20_000;

/// The costs of one byte of a section: measured with the shortest declarations that are possible.
const TYPE_BYTE: u64 = 500;
const NAME_BYTE: u64 = 250;
const EXPRESSION_BYTE: u64 = 50;
const FUNCTION_BYTE: u64 = 30;
const DATA_BYTE: u64 = 15;
const COMPONENT_BYTE: u64 = 400;

/// Returns the cost of validating a payload, which the validator has not seen yet. A function body costs nothing here.
pub(super) fn of_payload(
    payload: &Payload<'_>,
    validator: &Validator,
    sizes: &mut TypeSizes,
) -> u64 {
    let (range, byte) = match payload {
        Payload::TypeSection(section) => (section.range(), TYPE_BYTE),
        Payload::ImportSection(section) => (section.range(), NAME_BYTE),
        Payload::ExportSection(section) => (section.range(), NAME_BYTE),
        Payload::FunctionSection(section) => (section.range(), FUNCTION_BYTE),
        Payload::TableSection(section) => (section.range(), EXPRESSION_BYTE),
        Payload::MemorySection(section) => (section.range(), EXPRESSION_BYTE),
        Payload::TagSection(section) => (section.range(), EXPRESSION_BYTE),
        Payload::GlobalSection(section) => (section.range(), EXPRESSION_BYTE),
        Payload::ElementSection(section) => (section.range(), EXPRESSION_BYTE),
        Payload::DataSection(section) => (section.range(), DATA_BYTE),
        Payload::CustomSection(section) => (section.range(), 1),
        Payload::CodeSectionEntry(_) => return 0,
        Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => return NESTED,
        Payload::InstanceSection(section) => (section.range(), COMPONENT_BYTE),
        Payload::CoreTypeSection(section) => (section.range(), TYPE_BYTE),
        Payload::ComponentTypeSection(section) => (section.range(), COMPONENT_BYTE),
        Payload::ComponentAliasSection(section) => (section.range(), COMPONENT_BYTE),
        Payload::ComponentInstanceSection(section) => (section.range(), COMPONENT_BYTE),
        Payload::ComponentCanonicalSection(section) => (section.range(), COMPONENT_BYTE),
        Payload::ComponentImportSection(section) => (section.range(), COMPONENT_BYTE),
        Payload::ComponentExportSection(section) => (section.range(), COMPONENT_BYTE),
        _ => return SECTION,
    };
    let bytes = (range.end - range.start).saturating_mul(byte);
    (SECTION + bytes).saturating_add(sizes.of_payload(payload, validator))
}
