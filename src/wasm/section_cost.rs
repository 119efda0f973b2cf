//! Estimates the work of validating sections other than the code section, in units of [fuel](super::fuel).
//!
//! The work on most sections is proportional to their length. The work on the instances of a component also depends on the sizes of the
//! types to which they refer: see [`TypeSizes`].

use wasmparser::{Payload, Validator};

use super::section_class::SectionClass;
use super::type_size::TypeSizes;

/// The cost of validating a section in addition to the cost of its bytes, in units of fuel (about a nanosecond of one core).
const SECTION: u64 = 500;
/// The cost of validating a nested module or component in addition to the cost of its sections, in units of fuel (about a nanosecond of one
/// core).
const NESTED: u64 = 20_000;

/// The cost of each byte of a section with types, in units of fuel (validation work). This and the following costs were measured with the
/// shortest possible declarations.
const TYPE_BYTE: u64 = 500;
const NAME_BYTE: u64 = 250;
const EXPRESSION_BYTE: u64 = 50;
const FUNCTION_BYTE: u64 = 30;
const DATA_BYTE: u64 = 15;
const COMPONENT_BYTE: u64 = 400;
const CUSTOM_BYTE: u64 = 1;

/// Returns the cost of validating a payload. Called before the validator gets the payload. For a function body, the cost is 0, because its
/// work is charged when the body is validated.
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
