//! Concurrent writers on several copies, with a bucket that fails at random.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use wasmstore::names::CommitId;
use wasmstore::repo;
use wasmstore::store::{Change, Error, ErrorKind, History};

use super::faulty_bucket::FaultRates;
use super::*;
use crate::support::random::{Random, size};

/// Whether the result of a write is unknown.
fn is_unknown(error: &Error) -> bool {
    matches!(error, Error::Repo(repo::Error::Unconfirmed { .. }))
}

/// The result of each write, by the path that only it writes.
#[derive(Default)]
struct Writes {
    acknowledged: BTreeMap<String, CommitId>,
    unknown: BTreeSet<String>,
    refused: BTreeSet<String>,
}

/// Each path is written once, so the history shows how often its change was applied.
fn write(copy: &Copy, writer: usize, count: u32, seed: u64, writes: &Mutex<Writes>) {
    let mut random = Random::new(seed + writer as u64);
    for n in 0..count {
        let at = format!("w{writer}/{n}");
        let put = copy
            .store
            .put(&Change::default(), &path(&at), module(n).as_slice());
        let mut writes = writes.lock().unwrap();
        match put {
            Ok(published) => drop(writes.acknowledged.insert(at, published.commit.unwrap())),
            Err(error) if is_unknown(&error) => drop(writes.unknown.insert(at)),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
                writes.refused.insert(at);
            }
        }
        drop(writes);
        if random.once_in(8) {
            let _ = copy.store.follow();
        }
        if writer == 0 && random.once_in(10) {
            let _ = copy.store.gc(&Change::default(), History::Keep);
        }
    }
}

/// Returns how often each path appears in the messages of the history.
fn applied(copy: &Copy) -> BTreeMap<String, usize> {
    let subjects = git(&copy.root, &["log", "--format=%s", "main"]);
    let mut applied = BTreeMap::new();
    for at in subjects
        .lines()
        .filter_map(|subject| subject.strip_prefix("Import /"))
    {
        *applied.entry(at.to_owned()).or_default() += 1;
    }
    applied
}

#[test]
fn no_acknowledged_change_is_lost_and_none_is_applied_twice() {
    let seed = size("BUCKET_SEED", 7);
    let rates = FaultRates {
        writes: 80,
        reads: 30,
        ..FaultRates::default()
    };
    let (hang, late) = (Duration::from_millis(80), Duration::from_millis(40));
    let objects = FaultyStore::new(seed, FaultRates::default(), hang, late);
    let shared = Shared::with_objects(objects);
    let copies: Vec<_> = ["a", "b", "c"]
        .iter()
        .map(|name| shared.copy(name))
        .collect();
    shared.objects.set_rates(rates);
    let writes = Mutex::new(Writes::default());
    let count = size("BUCKET_WRITES", 25) as u32;
    std::thread::scope(|scope| {
        for writer in 0..6 {
            let (copy, writes) = (&copies[writer % 3], &writes);
            scope.spawn(move || write(copy, writer, count, seed, writes));
        }
    });
    shared.objects.set_rates(FaultRates::default());
    // Whatever is still on its way has arrived.
    std::thread::sleep(Duration::from_millis(200));
    let writes = writes.into_inner().unwrap();
    for copy in &copies {
        retry(|| copy.store.follow());
        copy.fsck();
        let applied = applied(copy);
        for at in writes.acknowledged.keys() {
            assert_eq!(applied.get(at), Some(&1), "{at} was acknowledged");
        }
        for at in &writes.unknown {
            assert!(applied.get(at).is_none_or(|count| *count == 1), "{at}");
        }
        for at in &writes.refused {
            assert_eq!(applied.get(at), None, "{at} was refused");
        }
        assert_eq!(copy.refs(), copies[0].refs());
    }
    let total = writes.acknowledged.len();
    assert!(total as u32 > count, "most writes succeed: {total}");
    shared.copy("d").fsck();
}
