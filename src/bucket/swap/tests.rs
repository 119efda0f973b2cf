use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use super::*;
use crate::bucket::Bucket;
use crate::bucket::faulty_bucket::{Fault, FaultRates, FaultyStore};
use crate::bucket::manifest::Manifest;
use crate::bucket::odd_bucket::{Conditions, OddStore};
use crate::bucket::tests::{MAIN, URL, create, empty_store, id, name, open, options, swap_of};
use crate::names::ObjectId;
use crate::repo::{AppliedRequest, Authority, Freshness, Swap};

fn faulty(rates: FaultRates) -> FaultyStore {
    FaultyStore::new(
        7,
        rates,
        Duration::from_millis(90),
        Duration::from_millis(40),
    )
}

fn main_of(manifest: &Manifest) -> Option<ObjectId> {
    manifest.changed.get(&name(MAIN)).copied().flatten()
}

/// Returns all manifests that a store has had. Checks that each manifest is the successor of the previous one.
fn manifests(store: &FaultyStore) -> Vec<Manifest> {
    let parse = |text: &String| Manifest::parse(text.as_bytes()).unwrap();
    let manifests: Vec<_> = store.manifests().iter().map(parse).collect();
    let batches: BTreeSet<_> = manifests.iter().map(|manifest| &manifest.batch).collect();
    assert_eq!(batches.len(), manifests.len());
    for (generation, manifest) in manifests.iter().enumerate() {
        assert_eq!(manifest.generation, generation as u64);
    }
    for pair in manifests.windows(2) {
        assert_eq!(pair[1].batches.last(), Some(&pair[0].batch));
    }
    manifests
}

/// The swaps of one writer: the new value of `main`, and whether the swap was made (`None` if unknown).
type Outcomes = Vec<(u64, Option<bool>)>;

fn write_repeatedly(bucket: &Bucket, writer: u64, count: u64) -> Outcomes {
    let mut outcomes = Vec::new();
    let mut attempt = 0;
    while outcomes
        .iter()
        .filter(|(_, made)| *made == Some(true))
        .count()
        < count as usize
    {
        attempt += 1;
        assert!(attempt < 4000, "writer {writer} makes no progress");
        let Ok(Some(state)) = bucket.state(0, Freshness::LastSwap) else {
            continue;
        };
        let value = writer * 1_000_000 + attempt;
        let old = state.refs.get(&name(MAIN));
        let mut swap = swap_of(MAIN, None, Some(value));
        swap.updates[0].old = old;
        match bucket.swap(state.generation, &swap) {
            Ok(Some(after)) => {
                assert!(after.generation > state.generation);
                outcomes.push((value, Some(true)));
            }
            Ok(None) | Err(Error::Unreachable { .. }) => outcomes.push((value, Some(false))),
            Err(Error::Unconfirmed { .. }) => outcomes.push((value, None)),
            Err(error) => panic!("{error:?}"),
        }
    }
    outcomes
}

#[test]
fn concurrent_swaps_under_faults_are_neither_lost_nor_made_twice() {
    let store = faulty(FaultRates::default());
    create(&store);
    store.set_rates(FaultRates {
        writes: 250,
        reads: 60,
        stale_reads: 60,
    });
    let outcomes = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for writer in 1..=4 {
            let (store, outcomes) = (&store, &outcomes);
            scope.spawn(move || {
                let done = write_repeatedly(&open(store), writer, 25);
                outcomes.lock().unwrap().extend(done);
            });
        }
    });
    // A request that arrives late, after its swap was decided, must not change anything.
    std::thread::sleep(Duration::from_millis(60));
    let mut made = BTreeMap::<ObjectId, usize>::new();
    for pair in manifests(&store).windows(2) {
        assert_ne!(main_of(&pair[0]), main_of(&pair[1]));
        *made.entry(main_of(&pair[1]).unwrap()).or_default() += 1;
    }
    let outcomes = outcomes.into_inner().unwrap();
    let acknowledged = outcomes
        .values()
        .filter(|made| **made == Some(true))
        .count();
    assert_eq!(acknowledged, 100);
    for (value, outcome) in outcomes {
        let count = made.remove(&id(value)).unwrap_or_default();
        match outcome {
            Some(expected) => assert_eq!(count, usize::from(expected), "{value}"),
            None => assert!(count <= 1, "{value}"),
        }
    }
    assert!(made.is_empty(), "{made:?}");
}

#[test]
fn the_result_of_a_swap_is_found_by_its_batch() {
    let all = [
        Fault::ErrorBefore,
        Fault::ErrorAfter,
        Fault::LostResponse,
        Fault::Hang,
        Fault::HangAfter,
        Fault::Late,
    ];
    for fault in all {
        let store = faulty(FaultRates::default());
        let bucket = create(&store);
        store.script(&[Some(fault)]);
        let state = bucket
            .swap(0, &swap_of(MAIN, None, Some(1)))
            .unwrap()
            .unwrap();
        assert_eq!(
            (state.generation, state.refs.get(&name(MAIN))),
            (1, Some(id(1))),
            "{fault:?}"
        );
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(manifests(&store).len(), 2, "{fault:?}");
        let counters = bucket.counters().unwrap();
        assert_eq!(
            (counters.swaps, counters.conflicts, counters.unconfirmed),
            (1, 0, 0)
        );
    }
}

#[test]
fn a_rejected_swap_was_not_made() {
    let store = faulty(FaultRates::default());
    create(&store);
    // Without a timeout: after a request without a response, the swap is unconfirmed.
    let mut options = options();
    options.timing.request = Duration::from_secs(60);
    let bucket = Bucket::with_store(Arc::new(store.clone()), URL, options).unwrap();
    store.script(&[Some(Fault::Denied); 100]);
    let error = bucket.swap(0, &swap_of(MAIN, None, Some(1))).unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("AccessDenied"), "{error}");
    assert_eq!(manifests(&store).len(), 1);
    let (reason, _) = bucket.counters().unwrap().last_error.unwrap();
    assert!(reason.contains("AccessDenied"), "{reason}");
}

#[test]
fn a_swap_without_any_response_is_unconfirmed() {
    let store = faulty(FaultRates::default());
    let bucket = create(&store);
    store.script(&[Some(Fault::Hang); 200]);
    let error = bucket.swap(0, &swap_of(MAIN, None, Some(1))).unwrap_err();
    assert!(matches!(error, Error::Unconfirmed { .. }), "{error:?}");
    assert_eq!(bucket.counters().unwrap().unconfirmed, 1);
}

#[test]
fn a_swap_on_an_old_state_is_not_made() {
    let store = FaultyStore::reliable();
    let (one, other) = (create(&store), open(&store));
    let old = other.state(0, Freshness::Current).unwrap().unwrap();
    one.swap(0, &swap_of(MAIN, None, Some(1))).unwrap().unwrap();
    assert_eq!(
        other
            .swap(old.generation, &swap_of("refs/heads/b", None, Some(2)))
            .unwrap(),
        None
    );
    assert_eq!(other.counters().unwrap().conflicts, 1);
    // `other` knows the newer state now, so it does not send a manifest.
    let puts = store.requests("PUT manifest");
    assert_eq!(
        other
            .swap(old.generation, &swap_of("refs/heads/b", None, Some(2)))
            .unwrap(),
        None
    );
    assert_eq!(store.requests("PUT manifest"), puts);
    // The ref does not have the old value that the swap expects.
    assert_eq!(other.swap(1, &swap_of(MAIN, None, Some(3))).unwrap(), None);
    assert_eq!(
        other
            .swap(1, &swap_of(MAIN, Some(1), Some(3)))
            .unwrap()
            .unwrap()
            .generation,
        2
    );
}

#[test]
fn a_swap_of_which_the_history_is_forgotten_is_unconfirmed() {
    let store = FaultyStore::new(
        1,
        FaultRates::default(),
        Duration::from_millis(500),
        Duration::ZERO,
    );
    let (one, other) = (create(&store), open(&store));
    one.state(0, Freshness::Current).unwrap();
    // The request of `slow` hangs, and `slow` does not read the manifest while 140 other swaps are made.
    let mut options = options();
    options.timing.patience = Duration::from_secs(10);
    options.timing.request = Duration::from_millis(500);
    let slow = Bucket::with_store(Arc::new(store.clone()), "s3://slow", options).unwrap();
    slow.state(0, Freshness::Current).unwrap();
    store.script(&[Some(Fault::Hang)]);
    let result = std::thread::scope(|scope| {
        let swap = scope.spawn(|| slow.swap(0, &swap_of(MAIN, None, Some(1))));
        while store.requests("PUT manifest") < 2 {
            std::thread::yield_now();
        }
        for generation in 0..140 {
            other.state(0, Freshness::LastSwap).unwrap();
            other
                .swap(
                    generation,
                    &swap_of("refs/heads/b", generation.checked_sub(1), Some(generation)),
                )
                .unwrap()
                .unwrap();
        }
        swap.join().unwrap()
    });
    assert!(
        matches!(result, Err(Error::Unconfirmed { .. })),
        "{result:?}"
    );
}

#[test]
fn the_last_requests_are_remembered() {
    let store = FaultyStore::reliable();
    let bucket = create(&store);
    let request = |number: u64| AppliedRequest {
        id: format!("request-{number}"),
        generation: 0,
        before: None,
        after: Some(id(number)),
    };
    for number in 0..3 {
        let swap = Swap {
            requests: (number * 200..number * 200 + 200).map(request).collect(),
            ..Swap::default()
        };
        let state = bucket.swap(number, &swap).unwrap().unwrap();
        // A manifest has up to 512 requests. The third swap makes 600, so requests that were applied in generation 1 are forgotten.
        assert_eq!(state.requests_since, number / 2);
    }
    let state = open(&store).state(0, Freshness::Current).unwrap().unwrap();
    let expected = (88..600).map(|number| AppliedRequest {
        generation: number / 200 + 1,
        ..request(number)
    });
    assert_eq!(*state.requests, expected.collect::<Vec<_>>());
    let swap = Swap {
        requests: vec![AppliedRequest {
            id: "a b".to_owned(),
            ..request(1)
        }],
        ..Swap::default()
    };
    let error = bucket.swap(3, &swap).unwrap_err();
    assert!(matches!(error, Error::Database { .. }), "{error:?}");
}

#[test]
fn a_store_that_compares_etags_without_quotation_marks_is_recognized() {
    let store = Arc::new(OddStore::new(Conditions::Unquoted));
    let bucket = Bucket::with_store(store, "s3://ceph", options()).unwrap();
    bucket.create(&empty_store()).unwrap();
    for number in 0..3_u64 {
        bucket
            .swap(number, &swap_of(MAIN, number.checked_sub(1), Some(number)))
            .unwrap()
            .unwrap();
    }
    let state = bucket.state(3, Freshness::Current).unwrap().unwrap();
    assert_eq!(state.refs.get(&name(MAIN)), Some(id(2)));
}
