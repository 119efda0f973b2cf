//! Whether what many did at the same time could have happened one after another, in an order that each of them saw.

use std::collections::{BTreeSet, HashMap};

use super::event::{Event, What};
use super::work::{COUNTERS, counter_path};
use crate::soak::chain::Chain;
use crate::soak::modules;
use crate::support::store::blob_id;

/// What was counted.
#[derive(Debug, Default)]
pub struct Figures {
    pub wrote: usize,
    pub read: usize,
    pub refused: usize,
    pub busy: usize,
    pub slowest_ms: u64,
    pub median_ms: u64,
}

/// Counts the events, and fails if one is what must not be.
pub fn count(events: &[Event]) -> Figures {
    let mut figures = Figures::default();
    let mut failed = Vec::new();
    for event in events {
        match &event.what {
            What::Wrote { .. } => figures.wrote += 1,
            What::Read { .. } => figures.read += 1,
            What::Refused => figures.refused += 1,
            What::Busy(_) => figures.busy += 1,
            What::Failed(_) => failed.push(event),
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
        .filter(|e| matches!(e.what, What::Wrote { .. }));
    let mut took: Vec<_> = writes
        .map(|e| (e.ended_ns - e.began_ns) / 1_000_000)
        .collect();
    took.sort_unstable();
    figures.slowest_ms = took.last().copied().unwrap_or_default();
    figures.median_ms = took.get(took.len() / 2).copied().unwrap_or_default();
    figures
}

/// Fails unless the branch's line, its first commit aside, is the writes that were acknowledged, each once; each read saw what
/// the line says; and whatever ended before something else began comes before it.
pub fn judge(chain: &Chain, events: &[Event]) {
    let mut makers = HashMap::new();
    let mut timeline = Vec::new();
    for event in events {
        let (value, commit, is_write) = match &event.what {
            What::Wrote { value, commit } => (value, commit, true),
            What::Read { value, commit } => (value, commit, false),
            What::Refused | What::Busy(_) | What::Failed(_) => continue,
        };
        let position = chain.position(commit);
        let position = position.unwrap_or_else(|| panic!("lost: {event:?}"));
        let now = chain.value(&event.path, position);
        assert_eq!(now, value.as_deref(), "{event:?}");
        if is_write {
            let change = (event.path.clone(), value.clone());
            assert_eq!(chain.commits[position].changes, [change], "{event:?}");
            let other = makers.insert(position, event);
            assert!(other.is_none(), "one commit for {event:?} and {other:?}");
        }
        // A commit is read only after it was made.
        timeline.push((position, !is_write, event));
    }
    for (position, commit) in chain.commits.iter().enumerate().skip(1) {
        assert!(makers.contains_key(&position), "{} is nobody's", commit.id);
    }
    in_time(timeline);
}

fn in_time(mut timeline: Vec<(usize, bool, &Event)>) {
    timeline.sort_by_key(|(position, is_read, _)| (*position, *is_read));
    let mut latest: Option<&Event> = None;
    // Reads of one commit have no order among themselves.
    let same = |a: &(usize, bool, &Event), b: &(usize, bool, &Event)| (a.0, a.1) == (b.0, b.1);
    for group in timeline.chunk_by(same) {
        for (_, _, event) in group {
            if let Some(earlier) = latest.filter(|earlier| event.ended_ns < earlier.began_ns) {
                panic!("{event:?} ended before the one that comes before it began: {earlier:?}");
            }
        }
        let events = group.iter().map(|(_, _, event)| *event).chain(latest);
        latest = events.max_by_key(|event| event.began_ns);
    }
}

/// Fails unless each counter went through all numbers up to that of the acknowledged increments.
pub fn judge_counters(chain: &Chain, events: &[Event]) {
    for path in (0..COUNTERS).map(counter_path) {
        let wanted: Vec<_> = (0..written(events, &path))
            .map(|n| blob_id(&modules::counting(n)))
            .collect();
        let wanted: Vec<_> = wanted.iter().map(|hash| Some(hash.as_str())).collect();
        assert_eq!(chain.values(&path), wanted, "{path}");
    }
}

/// Fails unless the newest commit has what must be there, whatever became of the history: the counters at their number, and at
/// each path that a single worker changed what it put there last.
pub fn judge_newest(chain: &Chain, events: &[Event]) {
    let modules = chain.modules();
    for path in (0..COUNTERS).map(counter_path) {
        let last = modules::counting(written(events, &path) - 1);
        assert_eq!(modules.get(&*path), Some(&&*blob_id(&last)), "{path}");
    }
    let owned = events.iter().filter(|event| event.path.starts_with("own/"));
    let owned: BTreeSet<_> = owned.map(|event| &event.path).collect();
    for path in owned {
        let writes = events.iter().filter_map(|event| match &event.what {
            What::Wrote { value, .. } if event.path == *path => Some((event.ended_ns, value)),
            _ => None,
        });
        let last = writes.max().and_then(|(_, value)| value.as_deref());
        assert_eq!(modules.get(&**path).copied(), last, "{path}");
    }
}

fn written(events: &[Event], path: &str) -> u64 {
    let writes = events
        .iter()
        .filter(|e| matches!(e.what, What::Wrote { .. }));
    writes.filter(|event| event.path == path).count() as u64
}

mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::time::Duration;

    use super::super::doors::Library;
    use super::super::work::Worker;
    use super::*;
    use crate::support::store::Scratch;

    /// Whether the judge finds a fault with events that were tampered with.
    fn is_seen(tamper: impl FnOnce(&mut Vec<Event>)) -> bool {
        let s = Scratch::new();
        let mut events = Worker::new(&mut Library(&s.store), 1, "main").prepare();
        let load = Duration::from_millis(100);
        events.extend(Worker::new(&mut Library(&s.store), 2, "main").work(load));
        tamper(&mut events);
        let chain = Chain::read(&s.root, "main");
        let judged = catch_unwind(AssertUnwindSafe(|| {
            judge(&chain, &events);
            judge_counters(&chain, &events);
            judge_newest(&chain, &events);
        }));
        judged.is_err()
    }

    /// The event of the last module at the path that `prepare` puts last.
    fn last_put(events: &mut [Event]) -> &mut Event {
        events.iter_mut().find(|event| event.path == "one").unwrap()
    }

    #[test]
    fn the_judge_sees_what_is_wrong() {
        assert!(!is_seen(|_| {}), "nothing is");
        let is_put = |event: &Event| matches!(event.what, What::Wrote { .. });
        assert!(is_seen(|events| {
            let put = events.iter().position(is_put).unwrap();
            events.remove(put);
        }));
        assert!(is_seen(|events| {
            let What::Wrote { commit, .. } = &mut last_put(events).what else {
                panic!("it was put")
            };
            *commit = "0".repeat(40);
        }));
        assert!(is_seen(|events| {
            let What::Wrote { value, .. } = &mut last_put(events).what else {
                panic!("it was put")
            };
            *value = Some("0".repeat(40));
        }));
        assert!(is_seen(|events| {
            // The first write of all is said to have begun after the last one had ended.
            let end = events.last().unwrap().ended_ns;
            events[0].began_ns = end + 1;
            events[0].ended_ns = end + 2;
        }));
        assert!(is_seen(|events| {
            // A module that is read before it was put.
            let What::Wrote { value, commit } = &last_put(events).what else {
                panic!("it was put")
            };
            let what = What::Read {
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
                what,
            });
        }));
    }
}
