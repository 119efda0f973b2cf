//! Function bodies: gathered in order, validated on the cores there are.

use std::sync::atomic::AtomicBool;
use std::thread::available_parallelism;

use wasmparser::{FuncToValidate, FuncValidatorAllocations, FunctionBody, ValidatorResources};

use super::Error;
use super::batch::{Batch, Fault};
use super::pool::Pool;

/// Validates function bodies as they come. The caller's thread is one of those that do the work; the others are started
/// when the first batch is full, so that a small module costs none.
#[derive(Default)]
pub(super) struct Bodies {
    batch: Batch,
    pool: Option<Pool>,
    allocations: FuncValidatorAllocations,
}

impl Bodies {
    /// Takes a body. What is wrong with it shows in [`has_fault`](Self::has_fault) or in [`finish`](Self::finish).
    pub(super) fn push(
        &mut self,
        function: FuncToValidate<ValidatorResources>,
        body: &FunctionBody<'_>,
    ) {
        self.batch.push(function, body);
        if self.batch.is_full() {
            let batch = std::mem::take(&mut self.batch);
            let pool = self.pool.get_or_insert_with(|| Pool::start(other_cores()));
            pool.submit(batch, &mut self.allocations);
        }
    }

    /// Tells whether a body is known to be wrong, so that nothing that follows matters.
    pub(super) fn has_fault(&self) -> bool {
        self.pool.as_ref().is_some_and(Pool::has_fault)
    }

    /// Validates all that was taken.
    ///
    /// # Errors
    ///
    /// The error of the body that has one and stands first in the module.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        let fault = match self.pool.take() {
            None => self
                .batch
                .validate(&mut self.allocations, &AtomicBool::new(false)),
            Some(pool) => {
                pool.submit(self.batch, &mut self.allocations);
                pool.finish(&mut self.allocations)
            }
        };
        fault.map_or(Ok(()), |Fault { error, .. }| Err(error))
    }
}

fn other_cores() -> usize {
    available_parallelism().map_or(0, |cores| cores.get() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::batch::tests::{again, panics, with_function};

    #[test]
    fn a_panic_is_an_error_with_and_without_threads() {
        with_function("(module (func))", |function, body| {
            for (before, after) in [(0, 0), (10_000, 0), (10_000, 10_000)] {
                let mut bodies = Bodies::default();
                (0..before).for_each(|_| bodies.push(again(function), body));
                bodies.push(panics(function), body);
                (0..after).for_each(|_| bodies.push(again(function), body));
                assert_eq!(bodies.pool.is_some(), before > 0);
                assert!(matches!(bodies.finish(), Err(Error::Panicked)));
            }
        });
    }
}
