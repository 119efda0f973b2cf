//! What each of the many does, whichever way it goes in.

use std::time::{Duration, Instant};

use super::doors::{Condition, Door};
use super::event::{Event, What, now_ns};
use crate::soak::modules;
use crate::support::random::Random;
use crate::support::store::blob_id;

/// How many counters there are, and paths that many change.
pub const COUNTERS: u64 = 2;
const MANY: u64 = 32;

/// One worker.
pub struct Worker<'d> {
    pub door: &'d mut dyn Door,
    /// Its number, like no other's.
    pub number: u64,
    pub branch: &'static str,
    /// How long it rests after each operation.
    pub pause: Duration,
    pub events: Vec<Event>,
}

impl<'d> Worker<'d> {
    pub fn new(door: &'d mut dyn Door, number: u64, branch: &'static str) -> Self {
        Self {
            door,
            number,
            branch,
            pause: Duration::ZERO,
            events: Vec::new(),
        }
    }

    /// Puts the counters to 0; before all others.
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

    /// Changes and reads modules for a while.
    pub fn work(mut self, load: Duration) -> Vec<Event> {
        let mut random = Random::new(self.number);
        let began = Instant::now();
        while began.elapsed() < load {
            let module = modules::small(random.next());
            let many = format!("many/{}", random.below(MANY));
            let counter = counter_path(random.below(COUNTERS));
            match random.below(20) {
                0..5 => self.put("one", &module, &Condition::None),
                5..8 => self.put(&many, &module, &Condition::None),
                8 => self.put(&many, &module, &Condition::Absent),
                9 => self.remove(&many),
                10..14 => self.increment(&counter),
                14 => self.put(&own_path(self.number), &module, &Condition::None),
                15 | 16 => drop(self.read("one")),
                17 => drop(self.read(&counter)),
                _ => drop(self.read(&many)),
            }
            std::thread::sleep(self.pause);
        }
        self.events
    }

    /// Adds one to what a counter was a moment ago, if it still is that.
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
        let mut what = self.door.put(self.branch, path, module, condition);
        let ended_ns = now_ns();
        if let (What::Refused, Condition::None) = (&what, condition) {
            what = What::Failed("refused without a reason".to_owned());
        }
        self.record(began_ns, ended_ns, path, what);
    }

    fn remove(&mut self, path: &str) {
        let began_ns = now_ns();
        let what = self.door.remove(self.branch, path);
        self.record(began_ns, now_ns(), path, what);
    }

    /// The bytes that were read; none if there was nothing.
    fn read(&mut self, path: &str) -> Vec<u8> {
        let began_ns = now_ns();
        let (what, bytes) = self.door.read(self.branch, path);
        self.record(began_ns, now_ns(), path, what);
        bytes
    }

    fn record(&mut self, began_ns: u64, ended_ns: u64, path: &str, what: What) {
        self.events.push(Event {
            began_ns,
            ended_ns,
            branch: self.branch.to_owned(),
            path: path.to_owned(),
            what,
        });
    }
}

pub fn counter_path(counter: u64) -> String {
    format!("counter/{counter}")
}

/// The path that only this worker changes.
pub fn own_path(worker: u64) -> String {
    format!("own/{worker}")
}
