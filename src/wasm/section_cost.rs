//! The estimated work of validating sections other than code, in units of [fuel](super::fuel).
//!
//! The work on most sections is bounded by their length. The work on a component's instances also depends on the sizes of the types that they
//! refer to: see [`TypeSizes`].

use wasmparser::{Payload, Validator};

use super::section_class::SectionClass;
use super::type_size::TypeSizes;

/// The cost of a section, and of a nested module or component.
const SECTION: u64 = 500;
const NESTED: u64 = 20_000;

/// The costs of one byte of a section, measured with the shortest declarations that are possible.
const TYPE_BYTE: u64 = 500;
const NAME_BYTE: u64 = 250;
const EXPRESSION_BYTE: u64 = 50;
const FUNCTION_BYTE: u64 = 30;
const DATA_BYTE: u64 = 15;
const COMPONENT_BYTE: u64 = 400;
const CUSTOM_BYTE: u64 = 1;

/// Returns the cost of validating a payload, which the validator has not seen yet. A function body costs nothing here, because its work is
/// charged when the body is validated.
pub(super) fn of_payload(
    payload: &Payload<'_>,
    validator: &Validator,
    sizes: &mut TypeSizes,
) -> u64 {
    let Some((class, bytes)) = SectionClass::of_payload(payload) else {
        return match payload {
            Payload::CodeSectionEntry(_) => 0,
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => NESTED,
            _ => SECTION,
        };
    };
    let byte = match class {
        SectionClass::Types => TYPE_BYTE,
        SectionClass::Names => NAME_BYTE,
        SectionClass::Functions => FUNCTION_BYTE,
        SectionClass::Expressions | SectionClass::Memories => EXPRESSION_BYTE,
        SectionClass::Data => DATA_BYTE,
        SectionClass::Custom => CUSTOM_BYTE,
        SectionClass::Component => COMPONENT_BYTE,
    };
    let units = bytes.saturating_mul(byte);
    (SECTION + units).saturating_add(sizes.of_payload(payload, validator))
}
