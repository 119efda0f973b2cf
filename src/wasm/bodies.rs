//! Validation of function bodies on all available cores.

use std::sync::atomic::AtomicBool;
use std::thread::available_parallelism;

use wasmparser::{FuncToValidate, FuncValidatorAllocations, FunctionBody, ValidatorResources};

use super::Error;
use super::batch::{BodyBatch, BodyError};
use super::pool::Pool;

/// Validates function bodies as they arrive. The caller's thread takes part in the work. Other threads start when the first batch is
/// full, so a small module starts none.
#[derive(Default)]
pub(super) struct Bodies {
    batch: BodyBatch,
    pool: Option<Pool>,
    allocations: FuncValidatorAllocations,
}

impl Bodies {
    /// Adds a body. If it is invalid, [`has_error`](Self::has_error) and [`finish`](Self::finish) report that.
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

    /// Returns whether an invalid body was found. The caller need not read the rest of the module then.
    pub(super) fn has_error(&self) -> bool {
        self.pool.as_ref().is_some_and(Pool::has_error)
    }

    /// Validates the remaining bodies.
    ///
    /// # Errors
    ///
    /// The error with the lowest offset in the module.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        let error = match self.pool.take() {
            None => self
                .batch
                .validate(&mut self.allocations, &AtomicBool::new(false)),
            Some(pool) => {
                pool.submit(self.batch, &mut self.allocations);
                pool.finish(&mut self.allocations)
            }
        };
        error.map_or(Ok(()), |BodyError { error, .. }| Err(error))
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
    fn a_panic_is_reported_as_an_error_with_and_without_threads() {
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
