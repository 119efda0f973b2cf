//! Validates one function body.

use wasmparser::{FuncValidator, FunctionBody, ValidatorResources, WasmFeatures};

use super::facts::{of_locals, visit_operator, visit_with_known, with_known};
use super::fuel::{BatchFuel, StopReason};
use super::operator_cost::{BODY, OperatorCost, SIMPLE};
use super::type_scale::TypeScale;

/// How the validation cost of the operators in function bodies is determined, in units of fuel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum BodyCost {
    /// The cost of each operator is estimated. Computing the estimates takes a fifth of the validation time.
    #[default]
    Estimated,
    /// There is enough fuel for an upper bound on the cost of all operators, so the cost of each single operator is not estimated. This is
    /// the case for nearly all real modules.
    Bounded,
}

/// The reason why a function body is invalid or was not validated to its end.
pub(super) enum BodyFailure {
    Invalid(wasmparser::Error),
    /// Validation stopped at this offset in the module.
    Stopped(StopReason, u64),
}

impl From<wasmparser::Error> for BodyFailure {
    fn from(error: wasmparser::Error) -> Self {
        Self::Invalid(error)
    }
}

/// Validates a function body like [`FuncValidator::validate`]. Charges fuel before the work is done: for each operator, or for all
/// operators at once if their cost is bounded.
///
/// If `used` is `Some`, adds the features of the body to it; it may already have the features of other bodies. If the cost is also bounded,
/// this function may reject a valid body. The caller must then validate the body again with [`record_body`].
pub(super) fn validate_body(
    validator: &mut FuncValidator<ValidatorResources>,
    body: &FunctionBody<'_>,
    (types, body_cost): (TypeScale, BodyCost),
    fuel: &mut BatchFuel<'_>,
    mut used: Option<&mut WasmFeatures>,
) -> Result<(), BodyFailure> {
    let mut cost = OperatorCost {
        code: body.as_bytes(),
        operand: types.operand_cost(),
        validator,
    };
    let start = body.range().start;
    let stopped = |stop, offset| BodyFailure::Stopped(stop, offset);
    let operators = match body_cost {
        BodyCost::Estimated => 0,
        BodyCost::Bounded => SIMPLE * body.as_bytes().len() as u64,
    };
    let charged = fuel.charge_body(BODY + operators + cost.of_locals(body)?);
    charged.map_err(|stop| stopped(stop, start))?;
    if let Some(used) = &mut used {
        **used |= of_locals(body)?;
    }
    if body_cost == BodyCost::Bounded {
        let result = match used {
            Some(used) => validate_inspected(cost.validator, body, used),
            None => cost.validator.validate(body),
        };
        return result.map_err(BodyFailure::Invalid);
    }
    let mut reader = body.get_binary_reader();
    cost.validator.read_locals(&mut reader)?;
    reader.set_features(*cost.validator.features());
    while !reader.eof() {
        let offset = reader.original_position();
        let units = cost.of_operator(&reader)?;
        fuel.charge(units).map_err(|stop| stopped(stop, offset))?;
        let mut visitor = cost.validator.visitor(offset);
        match &mut used {
            Some(used) => visit_operator(&mut reader, cost.code, visitor, used)?,
            None => reader.visit_operator(&mut visitor)??,
        }
    }
    let end = reader.original_position();
    reader.finish_expression(&cost.validator.visitor(end))?;
    Ok(())
}

/// Validates a function body like [`FuncValidator::validate`], and adds the features that the body uses to `used`, which already has the
/// features of earlier bodies.
///
/// Decodes the operators with the features in `used`. An operator that cannot be decoded with them is decoded again with all features, but
/// this does not work for every encoding. So this function may reject a valid body that needs a feature that is not in `used`. The caller
/// must then validate the body again with [`record_body`].
fn validate_inspected(
    validator: &mut FuncValidator<ValidatorResources>,
    body: &FunctionBody<'_>,
    used: &mut WasmFeatures,
) -> wasmparser::Result<()> {
    let mut code = body.as_bytes();
    let mut reader = body.get_binary_reader();
    validator.read_locals(&mut reader)?;
    reader.set_features(with_known(*used));
    while !reader.eof() {
        let visitor = validator.visitor(reader.original_position());
        visit_with_known(&mut reader, &mut code, visitor, used)?;
    }
    let end = reader.original_position();
    reader.finish_expression(&validator.visitor(end))
}

/// Validates a function body like [`FuncValidator::validate`], and adds the features that the body uses to `used`. Charges no fuel.
pub(super) fn record_body(
    validator: &mut FuncValidator<ValidatorResources>,
    body: &FunctionBody<'_>,
    used: &mut WasmFeatures,
) -> Result<(), BodyFailure> {
    *used |= of_locals(body)?;
    let code = body.as_bytes();
    let mut reader = body.get_binary_reader();
    validator.read_locals(&mut reader)?;
    reader.set_features(*validator.features());
    while !reader.eof() {
        let visitor = validator.visitor(reader.original_position());
        visit_operator(&mut reader, code, visitor, used)?;
    }
    let end = reader.original_position();
    Ok(reader.finish_expression(&validator.visitor(end))?)
}
