use crate::bucket::faulty_bucket::FaultyStore;
use crate::bucket::tests::{MAIN, create, current, swap_of};
use crate::repo::{Authority as _, Error, Freshness};

#[test]
fn an_unusable_manifest_is_explained() {
    use object_store::{ObjectStore as _, PutOptions, PutPayload, path::Path};
    let put = |store: &FaultyStore, text: String| {
        let (key, payload) = (Path::from("manifest"), PutPayload::from(text));
        let put = store.put_opts(&key, payload, PutOptions::default());
        futures_util::FutureExt::now_or_never(put).unwrap().unwrap();
    };
    let store = FaultyStore::reliable();
    let bucket = create(&store);
    let first = store.manifests()[0].clone();
    bucket
        .swap(0, &swap_of(MAIN, None, Some(1)))
        .unwrap()
        .unwrap();
    let other = FaultyStore::reliable();
    create(&other);
    let garbage = first.replace("manifest 1", "manifest 9");
    for (text, reason) in [
        (garbage, "upgrade wasmstore"),
        ("hello".to_owned(), "another program wrote it"),
        (other.manifests()[0].clone(), "the bucket now has store"),
        (first, "went back from generation 1 to 0"),
    ] {
        put(&store, text);
        let error = bucket.state(0, Freshness::Current).unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
        assert!(error.to_string().contains(reason), "{error}");
        assert_eq!(bucket.last_known().unwrap().generation, 1);
    }
}

#[test]
fn readers_that_wait_share_a_request() {
    let store = FaultyStore::reliable();
    let bucket = create(&store);
    let gets = store.requests("GET manifest");
    let barrier = std::sync::Barrier::new(32);
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| {
                barrier.wait();
                assert_eq!(current(&bucket).generation, 0);
            });
        }
    });
    let made = store.requests("GET manifest") - gets;
    assert!((1..=32).contains(&made), "{made}");
}
