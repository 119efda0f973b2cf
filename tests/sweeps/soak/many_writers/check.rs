//! Checks that concurrent operations are linearizable: that a sequential order of them agrees with their results and times.

use std::collections::{BTreeSet, HashMap};

use super::event::{Event, Outcome};
use super::worker::{COUNTERS, counter_path};
use crate::soak::first_parent::FirstParentHistory;
use crate::soak::modules;
use crate::support::store::blob_id;

/// The numbers of events by outcome, and the latency of writes.
#[derive(Debug, Default)]
pub struct OperationCounts {
    pub wrote: usize,
    pub read: usize,
    pub rejected: usize,
    pub busy: usize,
    pub slowest_ms: u64,
    pub median_ms: u64,
}

/// OperationCounts the events. Panics if an operation failed.
pub fn count(events: &[Event]) -> OperationCounts {
    let mut counts = OperationCounts::default();
    let mut failed = Vec::new();
    for event in events {
        match &event.outcome {
            Outcome::Wrote { .. } => counts.wrote += 1,
            Outcome::Read { .. } => counts.read += 1,
            Outcome::Rejected => counts.rejected += 1,
            Outcome::Busy(_) => counts.busy += 1,
            Outcome::Failed(_) => failed.push(event),
        }
    }
    let count = failed.len();
    failed.truncate(5);
    assert!(
        failed.is_empty(),
        "{count} of {}: {failed:#?}",
        events.len()
    );
    let writes = events
        .iter()
        .filter(|e| matches!(e.outcome, Outcome::Wrote { .. }));
    let mut latencies: Vec<_> = writes
        .map(|e| (e.ended_ns - e.began_ns) / 1_000_000)
        .collect();
    latencies.sort_unstable();
    counts.slowest_ms = latencies.last().copied().unwrap_or_default();
    counts.median_ms = latencies
        .get(latencies.len() / 2)
        .copied()
        .unwrap_or_default();
    counts
}

/// Asserts that the history of the branch consists of its first commit and exactly one commit for each acknowledged write, that each read
/// returned the value in the history, and that an operation that ended before another one started precedes it.
pub fn check_history(history: &FirstParentHistory, events: &[Event]) {
    let mut writes = HashMap::new();
    let mut timeline = Vec::new();
    for event in events {
        let (value, commit, is_write) = match &event.outcome {
            Outcome::Wrote { value, commit } => (value, commit, true),
            Outcome::Read { value, commit } => (value, commit, false),
            Outcome::Rejected | Outcome::Busy(_) | Outcome::Failed(_) => continue,
        };
        let position = (history.position(commit)).unwrap_or_else(|| panic!("lost: {event:?}"));
        let stored = history.value(&event.path, position);
        assert_eq!(stored, value.as_deref(), "{event:?}");
        if is_write {
            let change = (event.path.clone(), value.clone());
            assert_eq!(history.commits[position].changes, [change], "{event:?}");
            let other = writes.insert(position, event);
            assert!(other.is_none(), "one commit for {event:?} and {other:?}");
        }
        // Sorts the reads of a commit after its write.
        timeline.push((position, !is_write, event));
    }
    for (position, commit) in history.commits.iter().enumerate().skip(1) {
        assert!(
            writes.contains_key(&position),
            "no write made {}",
            commit.id
        );
    }
    check_times(timeline);
}

/// Asserts that no operation ended before an operation that precedes it in the history started.
fn check_times(mut timeline: Vec<(usize, bool, &Event)>) {
    timeline.sort_by_key(|(position, is_read, _)| (*position, *is_read));
    let mut latest: Option<&Event> = None;
    // Reads of one commit have no order among themselves.
    let same = |a: &(usize, bool, &Event), b: &(usize, bool, &Event)| (a.0, a.1) == (b.0, b.1);
    for group in timeline.chunk_by(same) {
        for (_, _, event) in group {
            if let Some(earlier) = latest.filter(|earlier| event.ended_ns < earlier.began_ns) {
                panic!("{event:?} ended before its predecessor started: {earlier:?}");
            }
        }
        let events = group.iter().map(|(_, _, event)| *event).chain(latest);
        latest = events.max_by_key(|event| event.began_ns);
    }
}

/// Asserts that each counter had every number up to the number of its acknowledged increments.
pub fn check_counters(history: &FirstParentHistory, events: &[Event]) {
    for path in (0..COUNTERS).map(counter_path) {
        let hashes: Vec<_> = (0..write_count(events, &path))
            .map(|n| blob_id(&modules::counting(n)))
            .collect();
        let expected: Vec<_> = hashes.iter().map(|hash| Some(hash.as_str())).collect();
        assert_eq!(history.values(&path), expected, "{path}");
    }
}

/// Asserts that the newest commit has the last number of each counter, and the last module at each path that only one worker changes.
/// This also holds after a squash.
pub fn check_newest(history: &FirstParentHistory, events: &[Event]) {
    let modules = history.modules();
    for path in (0..COUNTERS).map(counter_path) {
        let last = modules::counting(write_count(events, &path) - 1);
        assert_eq!(modules.get(&*path), Some(&&*blob_id(&last)), "{path}");
    }
    let own_paths: BTreeSet<_> = (events.iter())
        .map(|event| &event.path)
        .filter(|path| path.starts_with("own/"))
        .collect();
    for path in own_paths {
        let writes = events.iter().filter_map(|event| match &event.outcome {
            Outcome::Wrote { value, .. } if event.path == *path => Some((event.ended_ns, value)),
            _ => None,
        });
        let last = writes.max().and_then(|(_, value)| value.as_deref());
        assert_eq!(modules.get(&**path).copied(), last, "{path}");
    }
}

/// Returns the number of acknowledged writes of a path.
fn write_count(events: &[Event], path: &str) -> u64 {
    let writes = events
        .iter()
        .filter(|e| matches!(e.outcome, Outcome::Wrote { .. }));
    writes.filter(|event| event.path == path).count() as u64
}

mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::time::Duration;

    use super::super::access::LibraryAccess;
    use super::super::worker::Worker;
    use super::*;
    use crate::support::store::Scratch;

    /// Returns whether the checks detect an error after `tamper` has changed the events.
    fn is_detected(tamper: impl FnOnce(&mut Vec<Event>)) -> bool {
        let s = Scratch::new();
        let mut events = Worker::new(&mut LibraryAccess(&s.store), 1, "main").prepare();
        let load = Duration::from_millis(100);
        events.extend(Worker::new(&mut LibraryAccess(&s.store), 2, "main").work(load));
        tamper(&mut events);
        let history = FirstParentHistory::read(&s.root, "main");
        let checked = catch_unwind(AssertUnwindSafe(|| {
            check_history(&history, &events);
            check_counters(&history, &events);
            check_newest(&history, &events);
        }));
        checked.is_err()
    }

    /// Returns the event of the put at `one` in `prepare`.
    fn last_put(events: &mut [Event]) -> &mut Event {
        events.iter_mut().find(|event| event.path == "one").unwrap()
    }

    #[test]
    fn wrong_events_are_detected() {
        assert!(!is_detected(|_| {}), "nothing was changed");
        let is_put = |event: &Event| matches!(event.outcome, Outcome::Wrote { .. });
        assert!(is_detected(|events| {
            let put = events.iter().position(is_put).unwrap();
            events.remove(put);
        }));
        assert!(is_detected(|events| {
            let Outcome::Wrote { commit, .. } = &mut last_put(events).outcome else {
                panic!("BUG: the event is a put")
            };
            *commit = "0".repeat(40);
        }));
        assert!(is_detected(|events| {
            let Outcome::Wrote { value, .. } = &mut last_put(events).outcome else {
                panic!("BUG: the event is a put")
            };
            *value = Some("0".repeat(40));
        }));
        assert!(is_detected(|events| {
            // The first write starts after the last one ended.
            let end = events.last().unwrap().ended_ns;
            events[0].began_ns = end + 1;
            events[0].ended_ns = end + 2;
        }));
        assert!(is_detected(|events| {
            // A module is read before it was put.
            let Outcome::Wrote { value, commit } = &last_put(events).outcome else {
                panic!("BUG: the event is a put")
            };
            let outcome = Outcome::Read {
                value: value.clone(),
                commit: commit.clone(),
            };
            let (began_ns, ended_ns) = (events[0].began_ns - 2, events[0].began_ns - 1);
            let (branch, path) = ("main".to_owned(), "one".to_owned());
            events.push(Event {
                began_ns,
                ended_ns,
                branch,
                path,
                outcome,
            });
        }));
    }
}
