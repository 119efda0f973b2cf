//! Buckets that are damaged, or that cannot be reached.

use std::fs;

use object_store::ObjectStoreExt as _;
use wasmstore::store::{Change, ErrorKind};

use super::faulty_bucket::{Fault, FaultRates};
use super::*;

/// Waits for a request to the bucket in memory, which never blocks.
fn done<T>(request: impl Future<Output = T>) -> T {
    futures_util::FutureExt::now_or_never(request).unwrap()
}

/// Returns the key of the pack that the last swap added.
fn newest_pack(copy: &Copy) -> object_store::path::Path {
    let state = copy.store.shared_state().unwrap();
    let pack = state.packs.last().unwrap();
    format!("packs/{:012}-pack-{}.pack", pack.generation, pack.checksum).into()
}

#[test]
fn a_damaged_or_missing_pack_is_never_used_and_is_healed_from_a_copy() {
    let shared = Shared::new();
    let (a, b) = (shared.copy("a"), shared.copy("b"));
    a.put("p", 1);
    let key = newest_pack(&a);
    let bytes = done(done(shared.objects.get(&key)).unwrap().bytes()).unwrap();
    let mut damaged = bytes.to_vec();
    damaged[30] ^= 1;
    let tip = b.tip();
    for content in [Some(damaged), None] {
        match content {
            Some(content) => drop(done(shared.objects.put(&key, content.into())).unwrap()),
            None => done(shared.objects.delete(&key)).unwrap(),
        }
        let error = b.store.follow().unwrap_err();
        let chain = wasmstore::store::chain(&error);
        assert!(
            chain.contains("damaged") || chain.contains("missing"),
            "{chain}"
        );
        assert_eq!(b.tip(), tip, "the refs did not move");
        b.fsck();
        let findings = b.bucket.verify().unwrap();
        assert_eq!(findings.len(), 1, "{findings:?}");
        let pack = findings[0].pack.clone().unwrap();
        assert!(b.store.intact_pack(&pack.checksum).unwrap().is_none());
        let files = a.store.intact_pack(&pack.checksum).unwrap().unwrap();
        a.bucket.restore_pack(&pack, &files).unwrap();
        assert_eq!(b.bucket.verify().unwrap(), []);
    }
    assert_eq!(b.follow().tip(), a.tip());
}

#[test]
fn what_is_left_of_a_copy_that_was_deleted_in_use_is_replaced() {
    let shared = Shared::new();
    let (a, b) = (shared.copy("a"), shared.copy("b"));
    a.put("p", 1);
    b.follow();
    let root = b.root.clone();
    drop(b);
    for name in ["HEAD", "config", "description"] {
        fs::remove_file(root.join(name)).unwrap();
    }
    fs::remove_dir_all(root.join("refs")).unwrap();
    // A file of another program.
    fs::write(root.join("notes.txt"), "x").unwrap();
    let refused = shared.try_copy("b").map(|_| ()).unwrap_err();
    assert!(
        refused.to_string().contains("not a git repository"),
        "{refused}"
    );
    fs::remove_file(root.join("notes.txt")).unwrap();
    let b = shared.copy("b");
    assert_eq!((b.paths(), b.tip()), (a.paths(), a.tip()));
    let second = b.put("q", 2);
    assert_eq!(a.follow().tip(), second);
    [a, b].iter().for_each(Copy::fsck);
}

#[test]
fn a_write_fails_as_busy_while_the_bucket_does_not_respond_and_reads_go_on() {
    let shared = Shared::new();
    let a = shared.copy("a");
    a.put("p", 1);
    shared.objects.set_rates(FaultRates {
        writes: 1000,
        reads: 1000,
        ..FaultRates::default()
    });
    shared.objects.script(&[Some(Fault::Denied); 50]);
    let refused = a
        .store
        .put(&Change::default(), &path("q"), module(2).as_slice())
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Busy, "{refused}");
    assert_eq!(a.paths(), ["/p"]);
    assert!(a.store.follow().is_err());
    shared.objects.set_rates(FaultRates::default());
    shared.objects.script(&[]);
    let next = retry(|| {
        a.store
            .put(&Change::default(), &path("q"), module(2).as_slice())
    });
    assert_eq!(a.tip(), next.commit.unwrap());
    assert_eq!(shared.copy("b").paths(), ["/p", "/q"]);
}

#[test]
fn garbage_in_place_of_the_manifest_is_reported_and_changes_nothing() {
    let shared = Shared::new();
    let a = shared.copy("a");
    let tip = a.put("p", 1);
    for garbage in ["", "wasmstore-manifest 2\n", "<html>busy</html>"] {
        done(shared.objects.put(&"manifest".into(), garbage.into())).unwrap();
        let error = a.store.follow().unwrap_err();
        assert!(
            error.to_string().contains(URL),
            "the error names the bucket: {error}"
        );
        assert_eq!(a.tip(), tip);
        let put = a
            .store
            .put(&Change::default(), &path("q"), module(2).as_slice());
        assert!(put.is_err());
        assert_eq!(a.tip(), tip);
    }
}

#[test]
fn a_bucket_that_is_older_than_the_copy_is_refused() {
    let shared = Shared::new();
    let a = shared.copy("a");
    let old = done(
        done(shared.objects.get(&"manifest".into()))
            .unwrap()
            .bytes(),
    )
    .unwrap();
    let tip = a.put("p", 1);
    done(shared.objects.put(&"manifest".into(), old.into())).unwrap();
    assert!(a.store.follow().is_err());
    assert_eq!(a.tip(), tip, "the copy keeps what the bucket has lost");
}

#[test]
fn a_copy_follows_a_bucket_that_was_restored_and_has_another_history_now() {
    let shared = Shared::new();
    let a = shared.copy("a");
    let old = done(
        done(shared.objects.get(&"manifest".into()))
            .unwrap()
            .bytes(),
    )
    .unwrap();
    a.put("lost", 1);
    let lost = a.store.generation();
    drop(a);
    done(shared.objects.put(&"manifest".into(), old.into())).unwrap();
    let b = shared.copy("b");
    b.put("kept", 2);
    assert_eq!(b.store.generation(), lost, "the generations are equal");
    let a = shared.copy("a");
    assert_eq!(a.paths(), ["/kept"]);
    assert_eq!(a.refs(), b.refs());
}
