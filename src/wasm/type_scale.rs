//! How much work one operator of a module can take, by the types of the module.

use wasmparser::{CompositeInnerType, Validator};

use super::operator_cost::{COMPLEX, LABEL, OPERAND, SUBTYPE_STEP};

/// The maximum number of levels in a type hierarchy.
const SUBTYPE_DEPTH_MAX: u8 = 63;

/// The properties of a module's types on which the cost of an operator depends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TypeScale {
    /// The number of levels of the deepest type hierarchy.
    subtype_depth: u8,
    /// The largest number of parameters and results, or of fields, of a type.
    operands_max: u64,
    has_arrays: bool,
}

impl TypeScale {
    /// Returns the properties of the module that is being validated, after its type section.
    pub(super) fn of_module(validator: &Validator) -> Self {
        let mut scale = Self::default();
        let Some(types) = validator.types(0) else {
            return scale;
        };
        for index in 0..types.core_type_count_in_module() {
            let id = types.core_type_at_in_module(index);
            let (mut depth, mut ancestor) = (0, id);
            while depth < SUBTYPE_DEPTH_MAX
                && let Some(parent) = types.supertype_of(ancestor)
            {
                depth += 1;
                ancestor = parent;
            }
            scale.subtype_depth = scale.subtype_depth.max(depth);
            let operands = match types.get(id).map(|ty| &ty.composite_type.inner) {
                Some(CompositeInnerType::Func(ty)) => ty.params().len() + ty.results().len(),
                Some(CompositeInnerType::Struct(ty)) => ty.fields.len(),
                Some(CompositeInnerType::Array(_)) => {
                    scale.has_arrays = true;
                    1
                }
                Some(CompositeInnerType::Cont(_)) | None => 0,
            };
            scale.operands_max = scale.operands_max.max(operands as u64);
        }
        scale
    }

    /// Returns the cost of popping, comparing and pushing one operand.
    pub(super) fn operand_cost(&self) -> u64 {
        OPERAND + SUBTYPE_STEP * u64::from(self.subtype_depth)
    }

    /// Returns an upper bound on the cost of operators per byte of their code. An operator has no more labels, tags or handlers than
    /// bytes, and for each it looks at no more than six types.
    pub(super) fn cost_per_byte_max(&self) -> u64 {
        if self.has_arrays {
            // `array.new_fixed` has any number of operands.
            return u64::MAX;
        }
        let operands = self.operands_max.max(1).saturating_mul(6) + 6;
        COMPLEX + LABEL + self.operand_cost().saturating_mul(operands)
    }
}
