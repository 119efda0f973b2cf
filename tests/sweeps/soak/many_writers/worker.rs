//! The operations of one worker, with any kind of access.

use std::time::{Duration, Instant};

use super::access::{Condition, StoreAccess};
use super::event::{Event, Outcome, now_ns};
use crate::soak::modules;
use crate::support::random::Random;
use crate::support::store::blob_id;

/// The number of counters.
pub const COUNTERS: u64 = 2;
/// The number of other paths that all workers change.
const SHARED_PATHS: u64 = 32;

/// A worker.
pub struct Worker<'a> {
    pub access: &'a mut dyn StoreAccess,
    /// A unique number.
    pub number: u64,
    pub branch: &'static str,
    /// The pause after each operation.
    pub pause: Duration,
    pub events: Vec<Event>,
}

impl<'a> Worker<'a> {
    pub fn new(access: &'a mut dyn StoreAccess, number: u64, branch: &'static str) -> Self {
        Self {
            access,
            number,
            branch,
            pause: Duration::ZERO,
            events: Vec::new(),
        }
    }

    /// Sets the counters to 0, before any other worker starts.
    pub fn prepare(mut self) -> Vec<Event> {
        for counter in 0..COUNTERS {
            self.put(
                &counter_path(counter),
                &modules::counting(0),
                &Condition::None,
            );
        }
        self.put("one", &modules::small(0), &Condition::None);
        self.events
    }

    /// Changes and reads modules for the time `load`.
    pub fn work(mut self, load: Duration) -> Vec<Event> {
        let mut random = Random::new(self.number);
        let start = Instant::now();
        while start.elapsed() < load {
            let module = modules::small(random.next());
            let shared = format!("shared/{}", random.below(SHARED_PATHS));
            let counter = counter_path(random.below(COUNTERS));
            match random.below(20) {
                0..5 => self.put("one", &module, &Condition::None),
                5..8 => self.put(&shared, &module, &Condition::None),
                8 => self.put(&shared, &module, &Condition::Absent),
                9 => self.remove(&shared),
                10..14 => self.increment(&counter),
                14 => self.put(&own_path(self.number), &module, &Condition::None),
                15 | 16 => drop(self.read("one")),
                17 => drop(self.read(&counter)),
                _ => drop(self.read(&shared)),
            }
            std::thread::sleep(self.pause);
        }
        self.events
    }

    /// Reads a counter and increments it, on the condition that it did not change after the read.
    fn increment(&mut self, counter: &str) {
        let module = self.read(counter);
        if module.is_empty() {
            return;
        }
        let next = modules::counting(modules::number(&module) + 1);
        self.put(counter, &next, &Condition::Is(blob_id(&module)));
    }

    fn put(&mut self, path: &str, module: &[u8], condition: &Condition) {
        let began_ns = now_ns();
        let mut outcome = self.access.put(self.branch, path, module, condition);
        let ended_ns = now_ns();
        if let (Outcome::Rejected, Condition::None) = (&outcome, condition) {
            outcome = Outcome::Failed("rejected without a precondition".to_owned());
        }
        self.record(began_ns, ended_ns, path, outcome);
    }

    fn remove(&mut self, path: &str) {
        let began_ns = now_ns();
        let outcome = self.access.remove(self.branch, path);
        self.record(began_ns, now_ns(), path, outcome);
    }

    /// Returns the bytes that were read; empty if there is no module.
    fn read(&mut self, path: &str) -> Vec<u8> {
        let began_ns = now_ns();
        let (outcome, bytes) = self.access.read(self.branch, path);
        self.record(began_ns, now_ns(), path, outcome);
        bytes
    }

    fn record(&mut self, began_ns: u64, ended_ns: u64, path: &str, outcome: Outcome) {
        self.events.push(Event {
            began_ns,
            ended_ns,
            branch: self.branch.to_owned(),
            path: path.to_owned(),
            outcome,
        });
    }
}

/// Returns the path of a counter.
pub fn counter_path(counter: u64) -> String {
    format!("counter/{counter}")
}

/// Returns the path that only this worker changes.
pub fn own_path(worker: u64) -> String {
    format!("own/{worker}")
}
