use std::fs;

use tempfile::TempDir;

use super::*;
use crate::bucket::faulty_bucket::{FaultRates, FaultyStore};
use crate::bucket::tests::{MAIN, adding, create, current, open, options, pack_files, swap_of};

#[test]
fn the_state_of_the_own_last_swap_needs_no_request() {
    let store = FaultyStore::reliable();
    let (one, other) = (create(&store), open(&store));
    one.swap(0, &swap_of(MAIN, None, Some(1))).unwrap().unwrap();
    let gets = store.requests("GET manifest");
    assert_eq!(
        one.state(1, Freshness::LastSwap)
            .unwrap()
            .unwrap()
            .generation,
        1
    );
    assert_eq!(store.requests("GET manifest"), gets);
    assert_eq!(current(&other).generation, 1);
    other.state(1, Freshness::LastSwap).unwrap();
    assert_eq!(store.requests("GET manifest"), gets + 2);
    let error = one.state(2, Freshness::LastSwap).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("at generation 1, but it has been at generation 2 before"),
        "{error}"
    );
    other
        .swap(1, &swap_of(MAIN, Some(1), Some(2)))
        .unwrap()
        .unwrap();
    assert_eq!(
        one.state(1, Freshness::LastSwap)
            .unwrap()
            .unwrap()
            .generation,
        1
    );
    assert_eq!(
        one.state(2, Freshness::LastSwap)
            .unwrap()
            .unwrap()
            .generation,
        2
    );
}

#[test]
fn packs_are_kept_added_fetched_and_verified() {
    let (store, directory) = (FaultyStore::reliable(), TempDir::new().unwrap());
    let bucket = create(&store);
    let small = pack_files(&directory, b"PACK small");
    // This pack is so large that it is uploaded in two parts.
    let large = pack_files(&directory, &vec![7; 9 << 20]);
    bucket.keep(&small).unwrap();
    let puts = store.requests("PUT packs");
    bucket.keep(&small).unwrap();
    let swap = Swap {
        added: vec![small.clone(), large.clone(), small.clone()],
        ..Swap::default()
    };
    let state = bucket.swap(0, &swap).unwrap().unwrap();
    // The large pack is a multipart upload, which the faulty store counts as POST.
    assert_eq!(
        (store.requests("PUT packs"), store.requests("POST packs")),
        (puts + 1, 1)
    );
    assert_eq!(state.packs.len(), 2);
    let copy = |name: &str| PackFiles {
        checksum: name.to_owned(),
        pack: directory.path().join(format!("{name}.pack")),
        index: directory.path().join(format!("{name}.idx")),
    };
    for (files, key) in [&small, &large].into_iter().zip(state.packs.iter()) {
        assert_eq!((key.generation, &key.checksum), (0, &files.checksum));
        let to = copy("copy");
        open(&store).fetch(key, &to).unwrap();
        assert_eq!(fs::read(&to.pack).unwrap(), fs::read(&files.pack).unwrap());
        assert_eq!(
            fs::read(&to.index).unwrap(),
            fs::read(&files.index).unwrap()
        );
    }
    assert_eq!(bucket.verify().unwrap(), []);
    let absent = PackKey {
        generation: 9,
        ..state.packs[0].clone()
    };
    let error = bucket.fetch(&absent, &copy("absent")).unwrap_err();
    assert!(error.is_missing_object(), "{error:?}");
    assert!(!copy("absent").pack.exists());
    let other_size = PackKey {
        size_bytes: 5,
        ..state.packs[0].clone()
    };
    let error = bucket.fetch(&other_size, &copy("size")).unwrap_err();
    assert!(matches!(error, Error::Database { .. }), "{error:?}");
}

#[test]
fn a_server_claims_the_role_of_the_writer() {
    let store = FaultyStore::reliable();
    let command = create(&store);
    let server = |url: &str| {
        let mut options = options();
        options.writer = Some(url.to_owned());
        Bucket::with_store(Arc::new(store.clone()), "s3://tests", options)
    };
    let (one, other) = (
        server("http://one:1").unwrap(),
        server("http://other:1").unwrap(),
    );
    assert!(one.claim(None).unwrap());
    let claimed = one.last_known().unwrap();
    assert_eq!(claimed.writer.as_deref(), Some("http://one:1"));
    assert!(one.is_last_writer() && !other.is_last_writer());
    // `one` has become the last writer first.
    assert!(!other.claim(None).unwrap());
    assert_eq!(other.last_known().unwrap().generation, 1);
    assert!(other.claim(Some("http://one:1")).unwrap());
    let claimed = other.last_known().unwrap();
    assert_eq!(claimed.writer.as_deref(), Some("http://other:1"));
    current(&command);
    let state = command
        .swap(2, &swap_of(MAIN, None, Some(1)))
        .unwrap()
        .unwrap();
    assert_eq!(state.writer.as_deref(), Some("http://other:1"));
    assert!(server("http://a b").is_err());
    let identity = command.identity().unwrap();
    assert_eq!((identity.store.len(), identity.peer_key.0.len()), (32, 64));
    assert_eq!(identity, other.identity().unwrap());
}

#[test]
fn an_unreachable_bucket_is_reported() {
    let store = FaultyStore::reliable();
    let (bucket, directory) = (create(&store), TempDir::new().unwrap());
    store.set_rates(FaultRates {
        reads: 1000,
        writes: 1000,
        stale_reads: 0,
    });
    let error = bucket.state(0, Freshness::Current).unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("HTTP 500"), "{error}");
    let error = bucket
        .swap(0, &adding(&pack_files(&directory, b"PACK")))
        .unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert_eq!(store.requests("PUT manifest"), 1);
}
