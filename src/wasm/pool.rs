//! The threads that validate batches of function bodies.
//!
//! Batches are taken in the order in which they came. So once one has a fault, whatever still waits stands behind it in the
//! module and need not be looked at, while what stands before it has been taken already and is validated to its end: the
//! fault with the lowest offset is always found.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use wasmparser::FuncValidatorAllocations;

use super::batch::{Batch, Fault};

/// How much memory the batches may take up that are not validated yet.
const IN_FLIGHT_BYTES_MAX: usize = 16 << 20;

/// Threads that validate batches. They end when it is dropped.
pub(super) struct Pool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    /// Held for moments only: nothing is validated under it.
    state: Mutex<State>,
    /// Told when a batch is queued, and when the pool is closed. Only the threads wait for it.
    changed: Condvar,
    /// Set when nobody is interested in the outcome any more.
    abandoned: AtomicBool,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Batch>,
    /// What is queued or being validated.
    in_flight_bytes: usize,
    closed: bool,
    /// The one with the lowest offset so far.
    fault: Option<Fault>,
}

impl Pool {
    /// Starts so many threads, or as many of them as the system grants: with none, the caller's thread does all the work.
    pub(super) fn start(threads: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let threads = (0..threads)
            .map_while(|_| {
                let shared = Arc::clone(&shared);
                let thread = Builder::new().name("wasm-bodies".to_owned());
                thread.spawn(move || shared.work()).ok()
            })
            .collect();
        Self { shared, threads }
    }

    /// Queues a batch. While there is no room for it, the caller's thread validates what comes next.
    pub(super) fn submit(&self, batch: Batch, allocations: &mut FuncValidatorAllocations) {
        let cost_bytes = batch.cost_bytes();
        loop {
            let mut state = self.shared.lock();
            if state.fault.is_some() {
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

    /// Tells whether a fault was found.
    pub(super) fn has_fault(&self) -> bool {
        self.shared.lock().fault.is_some()
    }

    /// Waits until every batch is validated, helping, and gives the fault with the lowest offset.
    pub(super) fn finish(mut self, allocations: &mut FuncValidatorAllocations) -> Option<Fault> {
        self.shared.close();
        while let Some(batch) = self.shared.next() {
            self.shared.validate(batch, allocations);
        }
        self.join();
        self.shared.lock().fault.take()
    }

    fn join(&mut self) {
        for thread in self.threads.drain(..) {
            thread.join().expect("BUG: a panic of a body is caught");
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.abandoned.store(true, Ordering::Relaxed);
        self.shared.close();
        self.join();
    }
}

impl Shared {
    fn work(&self) {
        let mut allocations = FuncValidatorAllocations::default();
        while let Some(batch) = self.next() {
            self.validate(batch, &mut allocations);
        }
    }

    /// Waits for a batch; none when there are no more and the pool is closed.
    fn next(&self) -> Option<Batch> {
        let mut state = self.lock();
        loop {
            if let Some(batch) = state.queue.pop_front() {
                return Some(batch);
            }
            if state.closed {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn validate(&self, batch: Batch, allocations: &mut FuncValidatorAllocations) {
        let cost_bytes = batch.cost_bytes();
        let fault = batch.validate(allocations, &self.abandoned);
        let mut state = self.lock();
        state.in_flight_bytes -= cost_bytes;
        if let Some(fault) = fault {
            state.queue.clear();
            if state
                .fault
                .as_ref()
                .is_none_or(|first| fault.offset < first.offset)
            {
                state.fault = Some(fault);
            }
        }
    }

    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// No code that can panic runs under the lock, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::batch::tests::{again, with_function};

    fn body() -> String {
        let vector = "v128.const i64x2 0 0 drop ";
        format!("(module (func {}))", vector.repeat(1000))
    }

    #[test]
    fn what_is_in_flight_is_bounded_even_without_threads() {
        with_function(&body(), |function, body| {
            let pool = Pool::start(0);
            let mut allocations = FuncValidatorAllocations::default();
            let mut most = 0;
            for _ in 0..200 {
                let mut batch = Batch::default();
                while !batch.is_full() {
                    batch.push(again(function), body);
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
    fn the_fault_that_stands_first_is_kept_whichever_is_found_first() {
        for order in [[0, 1], [1, 0]] {
            let mut batches = Vec::new();
            with_function("(module (func drop) (func drop))", |function, body| {
                let mut batch = Batch::default();
                batch.push(again(function), body);
                batches.push((Some(batch), body.range()));
            });
            let pool = Pool::start(0);
            let mut allocations = FuncValidatorAllocations::default();
            for n in order {
                let batch = batches[n].0.take().unwrap();
                pool.shared.lock().in_flight_bytes += batch.cost_bytes();
                pool.shared.validate(batch, &mut allocations);
            }
            let fault = pool.finish(&mut allocations).unwrap();
            assert!(batches[0].1.contains(&fault.offset));
        }
    }

    #[test]
    fn no_thread_outlives_the_pool() {
        with_function(&body(), |function, body| {
            let pool = Pool::start(4);
            let mut batch = Batch::default();
            batch.push(again(function), body);
            pool.submit(batch, &mut FuncValidatorAllocations::default());
            let shared = Arc::downgrade(&pool.shared);
            assert!(shared.strong_count() > 1);
            drop(pool);
            assert_eq!(shared.strong_count(), 0);
        });
    }
}
