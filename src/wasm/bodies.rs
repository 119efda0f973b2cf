//! Validates function bodies on all available cores.

use std::sync::Arc;
use std::thread::available_parallelism;

use wasmparser::{
    FuncToValidate, FuncValidatorAllocations, FunctionBody, ValidatorResources, WasmFeatures,
};

use super::Error;
use super::batch::{BodyBatch, BodyError};
use super::body::BodyCost;
use super::facts::{FactsCollector, UsedFeatures, of_body};
use super::fuel::{Fuel, StopReason};
use super::pool::Pool;
use super::type_scale::TypeScale;

/// Validates the function bodies of a module while the module is received. The caller's thread validates batches too. Other threads start
/// only when the first batch is full, so a small module needs no other threads.
pub(super) struct Bodies {
    fuel: Arc<Fuel>,
    /// The fuel (units of validation work) that is left for batches with [`BodyCost::Bounded`]. The caller's thread counts it, because it
    /// sees the batches in the order of the module, so the result does not depend on the other threads.
    bounded_fuel: u64,
    batch: BodyBatch,
    pool: Option<Pool>,
    allocations: FuncValidatorAllocations,
    /// Collects the WebAssembly features that the bodies use; `None` if the features are not recorded.
    features: Option<Arc<UsedFeatures>>,
    is_validating: bool,
}

impl Bodies {
    pub(super) fn new(fuel: Arc<Fuel>) -> Self {
        Self {
            bounded_fuel: fuel.max(),
            fuel,
            batch: BodyBatch::default(),
            pool: None,
            allocations: FuncValidatorAllocations::default(),
            features: None,
            is_validating: true,
        }
    }

    /// Starts to record the features that the bodies use. Called before the first body.
    pub(super) fn record_features(&mut self) {
        self.features = Some(Arc::default());
    }

    /// Adds the features of the sections before the code section to the recorded features. `facts` has collected them.
    pub(super) fn add_features(&self, facts: Option<&FactsCollector>) {
        if let (Some(recorded), Some(facts)) = (&self.features, facts) {
            recorded.add(facts.module_features());
        }
    }

    /// Switches validation off: bodies are then read only to record their features. The module must have been validated before.
    pub(super) fn skip_validation(&mut self) {
        self.is_validating = false;
    }

    /// Returns the batch that is being filled, and starts an empty one. Decides whether the cost of the returned batch is bounded or
    /// estimated.
    fn take_batch(&mut self) -> BodyBatch {
        let mut batch = std::mem::take(&mut self.batch);
        let cost_max = batch.cost_max();
        if cost_max <= self.bounded_fuel.min(self.fuel.share(batch.code_bytes())) {
            self.bounded_fuel -= cost_max;
            batch.cost = BodyCost::Bounded;
        }
        batch.features = self.features.clone();
        batch
    }

    /// Adds a body. Does not return an error for an invalid body: [`has_error`](Self::has_error) and [`finish`](Self::finish) report it.
    pub(super) fn push(
        &mut self,
        function: FuncToValidate<ValidatorResources>,
        body: &FunctionBody<'_>,
        types: TypeScale,
    ) {
        if !self.is_validating {
            // A malformed body has no features. It is not an error here, because this mode does not report invalid bodies.
            if let (Some(features), Ok(used)) = (&self.features, of_body(body)) {
                features.add(used);
            }
            return;
        }
        self.batch.push(function, body, types);
        if self.batch.is_full() {
            let batch = self.take_batch();
            let start = || Pool::start(other_cores(), &self.fuel);
            let pool = self.pool.get_or_insert_with(start);
            pool.submit(batch, &mut self.allocations);
        }
    }

    /// Returns whether a thread has found an invalid body. If so, the caller can stop reading the module.
    pub(super) fn has_error(&self) -> bool {
        self.pool.as_ref().is_some_and(Pool::has_error)
    }

    /// Validates the remaining bodies. Returns the features that the bodies use, or no features if they were not recorded.
    ///
    /// # Errors
    ///
    /// The error with the lowest offset in the module; [`Error::Cancelled`].
    pub(super) fn finish(mut self) -> Result<WasmFeatures, Error> {
        let error = match self.pool.take() {
            None => self
                .take_batch()
                .validate(&mut self.allocations, &self.fuel),
            Some(pool) => {
                pool.submit(self.take_batch(), &mut self.allocations);
                pool.finish(&mut self.allocations)
            }
        };
        match error {
            Some(BodyError { error, .. }) => Err(error),
            None if self.fuel.is_cancelled() => Err(self.fuel.error(StopReason::Cancelled, 0)),
            None => Ok(self
                .features
                .map_or(WasmFeatures::empty(), |features| features.get())),
        }
    }
}

fn other_cores() -> usize {
    available_parallelism().map_or(0, |cores| cores.get() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::batch::tests::{again, fuel, panics, with_function};

    #[test]
    fn a_panic_is_reported_as_an_error_with_and_without_threads() {
        with_function("(module (func))", |function, body, types| {
            for (before, after) in [(0, 0), (10_000, 0), (10_000, 10_000)] {
                let mut bodies = Bodies::new(Arc::new(fuel()));
                (0..before).for_each(|_| bodies.push(again(function), body, types));
                bodies.push(panics(function), body, types);
                (0..after).for_each(|_| bodies.push(again(function), body, types));
                assert_eq!(bodies.pool.is_some(), before > 0);
                assert!(matches!(bodies.finish(), Err(Error::Panicked)));
            }
        });
    }
}
