//! A pool of threads that validate the batches of function bodies of one module.
//!
//! Threads take batches from the queue in the order of the module. When a thread finds an error in a batch, all earlier batches have been
//! taken already and are validated completely. The batches that are still queued come after it in the module and are dropped. So the error
//! with the lowest offset is always found.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use wasmparser::FuncValidatorAllocations;

use super::batch::{BodyBatch, BodyError};
use super::fuel::Fuel;

/// The maximum memory of batches that are queued or being validated, in bytes.
const IN_FLIGHT_BYTES_MAX: usize = 16 << 20;

/// A queue of batches, and the threads that validate them. The threads end when the pool is dropped.
pub(super) struct Pool {
    shared: Arc<PoolShared>,
    threads: Vec<JoinHandle<()>>,
}

struct PoolShared {
    /// The queue and its results. The mutex is held only for short times; no body is validated while it is held.
    state: Mutex<PoolState>,
    /// Notified when a batch is queued and when the pool is closed. Only the threads of the pool wait for it.
    changed: Condvar,
    /// The fuel of the module. It is cancelled when the result is no longer needed.
    fuel: Arc<Fuel>,
}

#[derive(Default)]
struct PoolState {
    queue: VecDeque<BodyBatch>,
    /// The memory of the batches that are queued or being validated, in bytes.
    in_flight_bytes: usize,
    is_closed: bool,
    /// The error with the lowest offset so far.
    error: Option<BodyError>,
}

impl Pool {
    /// Starts `threads` threads, or fewer if the operating system does not allow so many. If there are none, the caller's thread validates
    /// all batches.
    pub(super) fn start(threads: usize, fuel: &Arc<Fuel>) -> Self {
        let shared = Arc::new(PoolShared {
            state: Mutex::default(),
            changed: Condvar::new(),
            fuel: Arc::clone(fuel),
        });
        let threads = (0..threads)
            .map_while(|_| {
                let shared = Arc::clone(&shared);
                let thread = Builder::new().name("wasm-bodies".to_owned());
                thread.spawn(move || shared.work()).ok()
            })
            .collect();
        Self { shared, threads }
    }

    /// Adds a batch to the queue. While the queue is full, the caller's thread validates batches itself.
    pub(super) fn submit(&self, batch: BodyBatch, allocations: &mut FuncValidatorAllocations) {
        let cost_bytes = batch.cost_bytes();
        loop {
            let mut state = self.shared.lock();
            if state.error.is_some() {
                return;
            }
            if state.in_flight_bytes + cost_bytes <= IN_FLIGHT_BYTES_MAX {
                state.in_flight_bytes += cost_bytes;
                state.queue.push_back(batch);
                self.shared.changed.notify_one();
                return;
            }
            let Some(next) = state.queue.pop_front() else {
                state.in_flight_bytes += cost_bytes;
                drop(state);
                return self.shared.validate(batch, allocations);
            };
            drop(state);
            self.shared.validate(next, allocations);
        }
    }

    /// Returns whether an invalid function body has been found.
    pub(super) fn has_error(&self) -> bool {
        self.shared.lock().error.is_some()
    }

    /// Waits until all batches are validated; the caller's thread validates queued batches too. Returns the error with the lowest offset.
    pub(super) fn finish(
        mut self,
        allocations: &mut FuncValidatorAllocations,
    ) -> Option<BodyError> {
        self.shared.close();
        while let Some(batch) = self.shared.next() {
            self.shared.validate(batch, allocations);
        }
        self.join();
        self.shared.lock().error.take()
    }

    fn join(&mut self) {
        for thread in self.threads.drain(..) {
            thread.join().expect("BUG: a panic of a body is caught");
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // If no thread is left, `finish` was called. The validation must not be cancelled then, because its result is needed.
        if !self.threads.is_empty() {
            self.shared.fuel.cancel();
        }
        self.shared.close();
        self.join();
    }
}

impl PoolShared {
    fn work(&self) {
        let mut allocations = FuncValidatorAllocations::default();
        while let Some(batch) = self.next() {
            self.validate(batch, &mut allocations);
        }
    }

    /// Takes the next batch from the queue; waits if the queue is empty. Returns `None` if the pool is closed and the queue is empty.
    fn next(&self) -> Option<BodyBatch> {
        let mut state = self.lock();
        loop {
            if let Some(batch) = state.queue.pop_front() {
                return Some(batch);
            }
            if state.is_closed {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn validate(&self, batch: BodyBatch, allocations: &mut FuncValidatorAllocations) {
        let cost_bytes = batch.cost_bytes();
        let error = batch.validate(allocations, &self.fuel);
        let mut state = self.lock();
        state.in_flight_bytes -= cost_bytes;
        if let Some(error) = error {
            state.queue.clear();
            if state
                .error
                .as_ref()
                .is_none_or(|first| error.offset < first.offset)
            {
                state.error = Some(error);
            }
        }
    }

    fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// Locks the state. Ignores that the mutex may be poisoned: no code that can panic runs while it is held, so the state is valid.
    fn lock(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::batch::tests::{again, fuel, with_function};

    fn body() -> String {
        let vector = "v128.const i64x2 0 0 drop ";
        format!("(module (func {}))", vector.repeat(1000))
    }

    #[test]
    fn memory_in_flight_is_bounded_even_without_threads() {
        with_function(&body(), |function, body, types| {
            let pool = Pool::start(0, &Arc::new(fuel()));
            let mut allocations = FuncValidatorAllocations::default();
            let mut most = 0;
            for _ in 0..200 {
                let mut batch = BodyBatch::default();
                while !batch.is_full() {
                    batch.push(again(function), body, types);
                }
                pool.submit(batch, &mut allocations);
                most = most.max(pool.shared.lock().in_flight_bytes);
            }
            assert!(
                (IN_FLIGHT_BYTES_MAX / 2..=IN_FLIGHT_BYTES_MAX).contains(&most),
                "{most}"
            );
            let shared = Arc::clone(&pool.shared);
            assert!(pool.finish(&mut allocations).is_none());
            assert_eq!(shared.lock().in_flight_bytes, 0);
        });
    }

    #[test]
    fn the_error_with_the_lowest_offset_is_kept_in_any_order() {
        for order in [[0, 1], [1, 0]] {
            let mut batches = Vec::new();
            with_function(
                "(module (func drop) (func drop))",
                |function, body, types| {
                    let mut batch = BodyBatch::default();
                    batch.push(again(function), body, types);
                    batches.push((Some(batch), body.range()));
                },
            );
            let pool = Pool::start(0, &Arc::new(fuel()));
            let mut allocations = FuncValidatorAllocations::default();
            for n in order {
                let batch = batches[n].0.take().unwrap();
                pool.shared.lock().in_flight_bytes += batch.cost_bytes();
                pool.shared.validate(batch, &mut allocations);
            }
            let error = pool.finish(&mut allocations).unwrap();
            assert!(batches[0].1.contains(&error.offset));
        }
    }

    #[test]
    fn no_thread_outlives_the_pool() {
        with_function(&body(), |function, body, types| {
            let pool = Pool::start(4, &Arc::new(fuel()));
            let mut batch = BodyBatch::default();
            batch.push(again(function), body, types);
            pool.submit(batch, &mut FuncValidatorAllocations::default());
            let shared = Arc::downgrade(&pool.shared);
            assert!(shared.strong_count() > 1);
            drop(pool);
            assert_eq!(shared.strong_count(), 0);
        });
    }
}
