//! Function bodies that are validated together: what one thread takes at a time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use wasmparser::{
    BinaryReader, FuncToValidate, FuncValidatorAllocations, FunctionBody, ValidatorResources,
};

use super::Error;

/// A batch is full at this size: large against the cost of handing it to a thread, small against the bodies in flight.
const BATCH_BYTES: usize = 128 << 10;

/// Function bodies with all that is needed to validate them.
#[derive(Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    bodies: Vec<Body>,
}

struct Body {
    function: FuncToValidate<ValidatorResources>,
    /// Where the body stands in the module.
    offset: u64,
    /// Where it ends in the batch; it begins where the one before ends.
    end: usize,
}

/// A function body that is wrong.
#[derive(Debug)]
pub(super) struct Fault {
    /// Where the fault stands in the module: the order of faults.
    pub(super) offset: u64,
    pub(super) error: Error,
}

impl Batch {
    /// Copies a body into the batch.
    pub(super) fn push(
        &mut self,
        function: FuncToValidate<ValidatorResources>,
        body: &FunctionBody<'_>,
    ) {
        if self.bytes.is_empty() {
            self.bytes
                .reserve_exact(body.as_bytes().len().max(BATCH_BYTES));
        }
        self.bytes.extend_from_slice(body.as_bytes());
        self.bodies.push(Body {
            function,
            offset: body.range().start,
            end: self.bytes.len(),
        });
    }

    /// Gives the memory that the batch takes up, in bytes.
    pub(super) fn cost_bytes(&self) -> usize {
        self.bytes.len() + self.bodies.len() * size_of::<Body>()
    }

    /// Tells whether it is time to validate the batch.
    pub(super) fn is_full(&self) -> bool {
        self.cost_bytes() >= BATCH_BYTES
    }

    /// Validates the bodies in order and gives the first fault. A panic is a fault of the body that caused it. Gives up, with
    /// no fault, once `abandoned` is set.
    pub(super) fn validate(
        self,
        allocations: &mut FuncValidatorAllocations,
        abandoned: &AtomicBool,
    ) -> Option<Fault> {
        let mut start = 0;
        for body in self.bodies {
            if abandoned.load(Ordering::Relaxed) {
                return None;
            }
            let bytes = &self.bytes[start..body.end];
            start = body.end;
            let offset = body.offset;
            let validated = catch_unwind(AssertUnwindSafe(|| body.validate(bytes, allocations)));
            let fault = match validated {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => Fault {
                    offset: error.offset(),
                    error: error.into(),
                },
                Err(_) => Fault {
                    offset,
                    error: Error::Panicked,
                },
            };
            return Some(fault);
        }
        None
    }
}

impl Body {
    fn validate(
        self,
        bytes: &[u8],
        allocations: &mut FuncValidatorAllocations,
    ) -> wasmparser::Result<()> {
        let mut validator = self.function.into_validator(std::mem::take(allocations));
        let body = FunctionBody::new(BinaryReader::new(bytes, self.offset));
        let validated = validator.validate(&body);
        *allocations = validator.into_allocations();
        validated
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use wasmparser::{Chunk, Parser, ValidPayload, Validator};

    /// Calls `take` with each function of a module.
    pub(crate) fn with_function(
        wat: &str,
        mut take: impl FnMut(&FuncToValidate<ValidatorResources>, &FunctionBody<'_>),
    ) {
        let module = wat::parse_str(wat).unwrap();
        let mut validator = Validator::new();
        let mut parser = Parser::new(0);
        let mut rest = &module[..];
        while let Chunk::Parsed { consumed, payload } = parser.parse(rest, true).unwrap() {
            rest = &rest[consumed..];
            match validator.payload(&payload).unwrap() {
                ValidPayload::Func(function, body) => take(&function, &body),
                ValidPayload::End(_) => break,
                _ => {}
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

    /// A function of a type that is not there makes wasmparser panic.
    pub(crate) fn panics(
        function: &FuncToValidate<ValidatorResources>,
    ) -> FuncToValidate<ValidatorResources> {
        FuncToValidate {
            ty: u32::MAX,
            ..again(function)
        }
    }

    #[test]
    fn the_first_fault_of_a_batch_is_given() {
        let never = AtomicBool::new(false);
        let mut allocations = FuncValidatorAllocations::default();
        with_function("(module (func) (func drop))", |function, body| {
            let mut batch = Batch::default();
            batch.push(again(function), body);
            batch.push(panics(function), body);
            let fault = batch.validate(&mut allocations, &never).unwrap();
            match fault.error {
                Error::Panicked => assert_eq!(body.as_bytes().len(), 2),
                error => assert!(error.to_string().contains("nothing on stack"), "{error}"),
            }
            assert!(body.range().contains(&fault.offset));
        });
    }

    #[test]
    fn an_abandoned_batch_has_no_fault() {
        with_function("(module (func drop))", |function, body| {
            let mut batch = Batch::default();
            batch.push(again(function), body);
            let fault = batch.validate(
                &mut FuncValidatorAllocations::default(),
                &AtomicBool::new(true),
            );
            assert!(fault.is_none());
        });
    }
}
