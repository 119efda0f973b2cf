//! Computes, from the types of a module, an upper bound on the work of validating an operator.

use wasmparser::{CompositeInnerType, Validator};

use super::operator_cost::{COMPLEX, LABEL, OPERAND, SUBTYPE_STEP};

/// The maximum number of levels of subtyping in `wasmparser`.
const SUBTYPE_DEPTH_MAX: u8 = 63;

/// The properties of a module's types on which the cost of operators depends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TypeScale {
    /// The largest number of supertypes above a type.
    subtype_depth: u8,
    /// The largest number of operands: the parameters and results of a function type together, or the fields of a struct type.
    operands_max: u64,
    has_arrays: bool,
}

impl TypeScale {
    /// Returns the properties of the module's types on which the cost of operators depends. Must be called after the type section was
    /// validated.
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

    /// Returns an upper bound on the cost of validating an operator, in units of fuel, divided by the number of its bytes. An operator has
    /// at most as many labels, tags and handlers as bytes, and the validator reads at most six types for each of these.
    pub(super) fn cost_per_byte_max(&self) -> u64 {
        if self.has_arrays {
            // `array.new_fixed` has as many operands as its immediate says, however few bytes it has, so there is no useful bound.
            return u64::MAX;
        }
        let operands = self.operands_max.max(1).saturating_mul(6) + 6;
        COMPLEX + LABEL + self.operand_cost().saturating_mul(operands)
    }
}

#[cfg(test)]
mod tests {
    use wasmparser::FuncValidatorAllocations;

    use crate::config::ModuleLimits;
    use crate::wasm::batch::tests::{again, with_function};
    use crate::wasm::body::{BodyCost, validate_body};
    use crate::wasm::fuel::{BatchFuel, Fuel};

    /// Returns the estimated cost of the function bodies of a module, and the upper bound on that cost.
    fn costs(wat: &str) -> (u64, u64) {
        let limits = ModuleLimits {
            validation_fuel_max: u64::MAX,
            ..ModuleLimits::default()
        };
        let fuel = Fuel::new(&limits, Default::default());
        let mut bound = 0_u64;
        with_function(wat, |function, body, types| {
            let mut batch = BatchFuel::new(&fuel, 10 << 20);
            let allocations = FuncValidatorAllocations::default();
            let mut validator = again(function).into_validator(allocations);
            let cost = (types, BodyCost::Estimated);
            assert!(validate_body(&mut validator, body, cost, &mut batch, None).is_ok());
            batch.settle().unwrap();
            let bytes = body.as_bytes().len() as u64;
            bound = bound.saturating_add(bytes.saturating_mul(types.cost_per_byte_max()));
        });
        (fuel.used(), bound)
    }

    #[test]
    fn the_estimated_cost_is_within_the_bound() {
        let ten = "i32 ".repeat(10);
        let labels = "0 ".repeat(500);
        let pushes = "i32.const 0 ".repeat(11);
        let calls = format!("{} call $ten ", "i32.const 0 ".repeat(10)).repeat(50);
        let table = format!("(block $b (result {ten}) {pushes} br_table {labels} $b)");
        let drops = "drop ".repeat(10);
        let modules = [
            format!("(module (func $ten (param {ten})) (func {calls}))"),
            format!("(module (func {table} {drops}))"),
            format!(
                "(module (type $f (func (param {ten}) (result {ten}))) (table 1 funcref)
                   (func {pushes} call_indirect (type $f) {drops}))"
            ),
            "(module (tag $t (param i32 i64)) (func (block $b (result i32 i64)
               (try_table (catch $t $b) (catch $t $b) (catch $t $b)) i32.const 0 i64.const 0)
               drop drop))"
                .to_owned(),
            "(module (type $a (sub (struct (field i32)))) (type $b (sub $a (struct (field i32) (field i64))))
               (func (param (ref $b)) (result (ref $a)) local.get 0)
               (func (param i32 i64) (result (ref $a)) local.get 0 local.get 1 struct.new $b))"
                .to_owned(),
            "(module (type $f (func (param i32 i32 i32 i32) (result i32)))
               (func $g (type $f) local.get 0 local.get 1 local.get 2 local.get 3 return_call $g))"
                .to_owned(),
        ];
        for wat in modules {
            let (estimated, bound) = costs(&wat);
            // The estimated cost includes the cost of the body without its operators, and the bound does not.
            assert!(estimated < bound + 5000, "{estimated} {bound} {wat}");
        }
        let (_, bound) = costs("(module (type (array i32)) (func))");
        assert_eq!(bound, u64::MAX);
    }
}
