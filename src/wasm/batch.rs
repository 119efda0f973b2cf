//! Batches of function bodies. A thread validates one batch at a time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use wasmparser::{
    BinaryReader, FuncToValidate, FuncValidatorAllocations, FunctionBody, ValidatorResources,
    WasmFeatures,
};

use super::Error;
use super::body::{BodyCost, BodyFailure, record_body, validate_body};
use super::facts::UsedFeatures;
use super::fuel::{BatchFuel, Fuel, StopReason};
use super::type_scale::TypeScale;

/// The size of a full batch of function bodies, in bytes. It is so large that passing a batch to a thread takes little time compared with
/// its validation, and so small that many batches fit into memory at once.
const BATCH_BYTES: usize = 128 << 10;

/// A batch of function bodies, with the data that the validator needs for them.
#[derive(Default)]
pub(super) struct BodyBatch {
    bytes: Vec<u8>,
    bodies: Vec<QueuedBody>,
    /// An upper bound on the cost of all operators in the batch, in units of fuel.
    cost_max: u64,
    pub(super) cost: BodyCost,
    /// Collects the WebAssembly features that the bodies use; `None` if the features are not recorded.
    pub(super) features: Option<Arc<UsedFeatures>>,
}

struct QueuedBody {
    function: FuncToValidate<ValidatorResources>,
    /// The offset of the body in the module.
    offset: u64,
    types: TypeScale,
    /// The end of the body in [`BodyBatch::bytes`]. The body starts at the end of the previous one.
    end: usize,
}

/// The error of an invalid function body.
#[derive(Debug)]
pub(super) struct BodyError {
    /// The offset of the error in the module. The error with the lowest offset is reported.
    pub(super) offset: u64,
    pub(super) error: Error,
}

impl BodyBatch {
    /// Copies a body into the batch.
    pub(super) fn push(
        &mut self,
        function: FuncToValidate<ValidatorResources>,
        body: &FunctionBody<'_>,
        types: TypeScale,
    ) {
        if self.bytes.is_empty() {
            self.bytes
                .reserve_exact(body.as_bytes().len().max(BATCH_BYTES));
        }
        self.bytes.extend_from_slice(body.as_bytes());
        let cost_max = (body.as_bytes().len() as u64).saturating_mul(types.cost_per_byte_max());
        self.cost_max = self.cost_max.saturating_add(cost_max);
        self.bodies.push(QueuedBody {
            function,
            offset: body.range().start,
            types,
            end: self.bytes.len(),
        });
    }

    /// Returns an upper bound on the cost of all operators in the batch, in units of fuel.
    pub(super) fn cost_max(&self) -> u64 {
        self.cost_max
    }

    /// Returns the length of all bodies, in bytes.
    pub(super) fn code_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Returns the memory that the batch uses, including the function bodies, in bytes.
    pub(super) fn cost_bytes(&self) -> usize {
        self.bytes.len() + self.bodies.len() * size_of::<QueuedBody>()
    }

    /// Returns whether the batch is full.
    pub(super) fn is_full(&self) -> bool {
        self.cost_bytes() >= BATCH_BYTES
    }

    /// Validates the bodies in order and returns the first error. If the validator panics on a body, returns [`Error::Panicked`] for that
    /// body. Returns `None` if all bodies are valid, or if the validation was cancelled.
    pub(super) fn validate(
        self,
        allocations: &mut FuncValidatorAllocations,
        fuel: &Fuel,
    ) -> Option<BodyError> {
        let mut batch_fuel = BatchFuel::new(fuel, self.bytes.len());
        let mut start = 0;
        for body in self.bodies {
            if fuel.is_cancelled() {
                return None;
            }
            let bytes = &self.bytes[start..body.end];
            start = body.end;
            let offset = body.offset;
            let features = self.features.as_deref();
            let validate =
                || body.validate(bytes, allocations, self.cost, &mut batch_fuel, features);
            let error = match catch_unwind(AssertUnwindSafe(validate)) {
                Ok(Ok(())) => continue,
                Ok(Err(BodyFailure::Stopped(StopReason::Cancelled, _))) => return None,
                Ok(Err(BodyFailure::Stopped(stop, offset))) => BodyError {
                    offset,
                    error: fuel.error(stop, offset),
                },
                Ok(Err(BodyFailure::Invalid(error))) => BodyError {
                    offset: error.offset(),
                    error: error.into(),
                },
                Err(_) => BodyError {
                    offset,
                    error: Error::Panicked,
                },
            };
            return Some(error);
        }
        None
    }
}

impl QueuedBody {
    fn validate(
        self,
        bytes: &[u8],
        allocations: &mut FuncValidatorAllocations,
        cost: BodyCost,
        fuel: &mut BatchFuel<'_>,
        features: Option<&UsedFeatures>,
    ) -> Result<(), BodyFailure> {
        let offset = self.offset;
        let body = FunctionBody::new(BinaryReader::new(bytes, offset));
        let settle = |fuel: &mut BatchFuel<'_>| {
            fuel.settle()
                .map_err(|stop| BodyFailure::Stopped(stop, offset))
        };
        let (mut function, mut is_charged) = (self.function, false);
        if let Some(features) = features.filter(|_| cost == BodyCost::Bounded) {
            let (known, all) = (features.known(), function.features);
            function.features = known.unwrap_or(all);
            let mut used = features.get();
            let inspected = known.is_none().then_some(&mut used);
            let (index, ty) = (function.index, function.ty);
            let mut validator = function.into_validator(std::mem::take(allocations));
            let types = (self.types, cost);
            let result = validate_body(&mut validator, &body, types, fuel, inspected);
            let resources = result.is_err().then(|| validator.resources().clone());
            *allocations = validator.into_allocations();
            match (result, resources) {
                (Err(BodyFailure::Invalid(_)), Some(resources)) => {
                    is_charged = true;
                    function = FuncToValidate {
                        resources,
                        index,
                        ty,
                        features: all,
                    };
                }
                (result, _) => {
                    result?;
                    if known.is_none() {
                        features.add_body(used, bytes.len());
                    }
                    return settle(fuel);
                }
            }
        }
        let mut used = features.map(|_| WasmFeatures::empty());
        let mut validator = function.into_validator(std::mem::take(allocations));
        let result = match &mut used {
            // This is the second attempt to validate this body. The first attempt has already charged the fuel for it, so this attempt
            // charges nothing. Whether a body needs a second attempt depends on the features that other threads have recorded so far. The
            // used fuel must not depend on the timing of threads.
            Some(used) if is_charged => record_body(&mut validator, &body, used),
            used => {
                let types = (self.types, cost);
                validate_body(&mut validator, &body, types, fuel, used.as_mut())
            }
        };
        *allocations = validator.into_allocations();
        result?;
        if let (Some(features), Some(used)) = (features, used) {
            features.add_body(used, bytes.len());
        }
        settle(fuel)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::ModuleLimits;
    use wasmparser::{Chunk, Parser, ValidPayload, Validator, WasmFeatures};

    pub(crate) fn fuel() -> Fuel {
        Fuel::new(&ModuleLimits::default(), Default::default())
    }

    /// Parses the text `wat` of a module. For each function, calls `take` with its validator, its body, and the properties of the module's
    /// types.
    pub(crate) fn with_function(
        wat: &str,
        mut take: impl FnMut(&FuncToValidate<ValidatorResources>, &FunctionBody<'_>, TypeScale),
    ) {
        let module = wat::parse_str(wat).unwrap();
        let mut validator = Validator::new_with_features(WasmFeatures::all());
        let mut types = TypeScale::default();
        let mut parser = Parser::new(0);
        let mut rest = &module[..];
        while let Chunk::Parsed { consumed, payload } = parser.parse(rest, true).unwrap() {
            rest = &rest[consumed..];
            match validator.payload(&payload).unwrap() {
                ValidPayload::Func(function, body) => take(&function, &body, types),
                ValidPayload::End(_) => break,
                _ => types = TypeScale::of_module(&validator),
            }
        }
    }

    pub(crate) fn again(
        function: &FuncToValidate<ValidatorResources>,
    ) -> FuncToValidate<ValidatorResources> {
        FuncToValidate {
            resources: function.resources.clone(),
            ..*function
        }
    }

    /// Returns a function whose type is missing, which makes wasmparser panic.
    pub(crate) fn panics(
        function: &FuncToValidate<ValidatorResources>,
    ) -> FuncToValidate<ValidatorResources> {
        FuncToValidate {
            ty: u32::MAX,
            ..again(function)
        }
    }

    #[test]
    fn the_first_error_of_a_batch_is_returned() {
        let fuel = fuel();
        let mut allocations = FuncValidatorAllocations::default();
        with_function("(module (func) (func drop))", |function, body, types| {
            let mut batch = BodyBatch::default();
            batch.push(again(function), body, types);
            batch.push(panics(function), body, types);
            let error = batch.validate(&mut allocations, &fuel).unwrap();
            match error.error {
                Error::Panicked => assert_eq!(body.as_bytes().len(), 2),
                error => assert!(error.to_string().contains("nothing on stack"), "{error}"),
            }
            assert!(body.range().contains(&error.offset));
        });
    }

    #[test]
    fn an_abandoned_batch_returns_no_error() {
        with_function("(module (func drop))", |function, body, types| {
            let mut batch = BodyBatch::default();
            batch.push(again(function), body, types);
            let fuel = fuel();
            fuel.cancel();
            let error = batch.validate(&mut FuncValidatorAllocations::default(), &fuel);
            assert!(error.is_none());
        });
    }
}
