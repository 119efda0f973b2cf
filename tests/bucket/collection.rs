//! gc and roll-ups of a store that several copies share.

use std::time::{Duration, SystemTime};

use object_store::ObjectStore as _;
use wasmstore::names::{ModuleRef, RefName};
use wasmstore::store::{
    Atomicity, Change, DirectoryRemoval, DropPolicy, History, RefUpdate, Retention,
};

use super::*;
use crate::support::store::{branch, on};

fn keys(shared: &Shared) -> usize {
    use futures_util::TryStreamExt as _;
    let keys = shared
        .objects
        .list(Some(&"packs".into()))
        .try_collect::<Vec<_>>();
    let keys = futures_util::FutureExt::now_or_never(keys).unwrap();
    keys.unwrap().len()
}

#[test]
fn gc_replaces_all_packs_and_deletes_the_old_ones() {
    let shared = Shared::new();
    let (a, b) = (shared.copy("a"), shared.copy("b"));
    for n in 0..10 {
        a.put("p", n);
    }
    b.follow();
    let packs = b.packs();
    assert!(packs >= 10);
    let squashed = b.store.gc(&Change::default(), History::Squash).unwrap();
    assert_eq!(a.follow().tip(), squashed.commit.unwrap());
    assert_eq!(a.refs(), b.refs());
    assert!(keys(&shared) <= 4, "{} files are left", keys(&shared));
    assert!(b.packs() <= 2);
    for copy in [&a, &b, &shared.copy("c")] {
        copy.fsck();
        assert_eq!(copy.paths(), ["/p"]);
        copy.put(
            &format!("from/{}", copy.root.file_name().unwrap().to_str().unwrap()),
            1,
        );
    }
    assert_eq!(a.follow().paths().len(), 4);
}

#[test]
fn versions_that_one_copy_drops_are_gone_in_all_copies() {
    let shared = Shared::new();
    let (a, b) = (shared.copy("a"), shared.copy("b"));
    for n in 0..6 {
        a.put("p", n);
    }
    b.follow();
    // b has not seen this version.
    a.put("p", 6);
    let history = History::Retain(Retention {
        last: Some(3),
        ..Retention::default()
    });
    b.store.gc(&Change::default(), history).unwrap();
    for copy in [&a, &b, &shared.copy("c")] {
        copy.follow();
        copy.fsck();
        let versions = copy.store.versions(&Revision::default(), &path("p"));
        let hashes: Vec<_> = versions.unwrap().iter().map(|v| v.hash).collect();
        assert_eq!(hashes, [4, 5, 6].map(hash_of));
    }
    assert_eq!(a.refs(), b.refs());
    a.put("p", 7);
    b.follow().fsck();
}

fn hash_of(n: u32) -> wasmstore::names::ModuleHash {
    let mut hasher =
        wasmstore::store::BlobHasher::new(module(n).len() as u64, ZERO.parse().unwrap());
    hasher.update(&module(n));
    hasher.finish().unwrap()
}

const ZERO: &str = "0000000000000000000000000000000000000000";

#[test]
fn what_was_written_during_a_gc_of_another_copy_stays() {
    let shared = Shared::new();
    let (a, b) = (shared.copy("a"), shared.copy("b"));
    for n in 0..5 {
        a.put("p", n);
    }
    a.store
        .create_branch(&branch("old"), &Revision::default())
        .unwrap();
    b.follow();
    let writing = std::sync::atomic::AtomicBool::new(true);
    let written = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut written = 0;
            while writing.load(std::sync::atomic::Ordering::Relaxed) {
                a.put(&format!("w/{written}"), written);
                written += 1;
            }
            written
        });
        let runs: Vec<_> = (0..5)
            .map(|_| b.store.gc(&Change::default(), History::Keep))
            .collect();
        // The writer must stop before a failed run ends this thread, because the scope waits for the writer.
        writing.store(false, std::sync::atomic::Ordering::Relaxed);
        for run in runs {
            run.unwrap();
        }
        writer.join().unwrap()
    });
    assert!(written > 0);
    for copy in [&a, &b, &shared.copy("c")] {
        assert_eq!(copy.follow().paths().len() as u32, written + 1);
        copy.fsck();
    }
}

#[test]
fn a_branch_at_a_commit_that_a_gc_is_about_to_drop_keeps_it() {
    let shared = Shared::new();
    let (a, b) = (shared.copy("a"), shared.copy("b"));
    let old = a.put("p", 1);
    a.put("p", 2);
    b.follow();
    b.store.gc(&Change::default(), History::Squash).unwrap();
    // a still has the packs, so the commit is uploaded again for the branch.
    a.store
        .create_branch(&branch("rescued"), &Revision::Commit(old))
        .unwrap();
    let c = shared.copy("c");
    assert_eq!(c.refs(), a.refs());
    c.fsck();
    let rescued = c.store.snapshot(&Revision::Branch(Some(branch("rescued"))));
    assert_eq!(rescued.unwrap(), old);
}

#[test]
fn a_module_that_a_gc_of_another_copy_has_dropped_is_uploaded_again() {
    let shared = Shared::new();
    let (a, b) = (shared.copy("a"), shared.copy("b"));
    let large = crate::support::store::custom_section(vec![7; 400_000]);
    let put = |copy: &Copy, at: &str| {
        let put = copy
            .store
            .put(&Change::default(), &path(at), large.as_slice());
        put.unwrap()
    };
    a.put("small", 1);
    put(&a, "large");
    let old = a.tip();
    for at in ["small", "large"] {
        let name = ModuleRef::Path(path(at));
        let removed = a
            .store
            .remove(&Change::default(), &name, DirectoryRemoval::Refuse);
        removed.unwrap();
    }
    b.follow();
    b.store.gc(&Change::default(), History::Squash).unwrap();
    // a has not followed: as far as it knows, the bucket has the blobs.
    a.put("again/small", 1);
    b.follow()
        .store
        .gc(&Change::default(), History::Squash)
        .unwrap();
    put(&a, "again/large");
    let c = shared.copy("c");
    c.fsck();
    assert_eq!(c.paths(), ["/again/large", "/again/small"]);
    assert!(a.store.commit(old).is_ok(), "the test needs a's old packs");
}

#[test]
fn a_tree_that_a_gc_of_another_copy_has_dropped_is_uploaded_again() {
    let shared = Shared::new();
    let (a, b) = (shared.copy("a"), shared.copy("b"));
    a.put("p", 1);
    a.put("q", 2);
    b.follow();
    b.store.gc(&Change::default(), History::Squash).unwrap();
    // a learns of the gc before its next change, whose tree is one that a has written and the gc has dropped.
    a.follow();
    let q = ModuleRef::Path(path("q"));
    let removed = a
        .store
        .remove(&Change::default(), &q, DirectoryRemoval::Refuse);
    removed.unwrap();
    let c = shared.copy("c");
    c.fsck();
    assert_eq!(c.paths(), ["/p"]);
}

#[test]
fn a_ref_that_one_copy_has_lost_keeps_its_objects() {
    let shared = Shared::new();
    let (a, b) = (shared.copy("a"), shared.copy("b"));
    a.put("p", 1);
    a.store
        .create_branch(&branch("kept"), &Revision::default())
        .unwrap();
    let kept = on(Some("kept"));
    a.store
        .put(&kept, &path("only/here"), module(7).as_slice())
        .unwrap();
    std::fs::remove_file(a.root.join("refs/heads/kept")).unwrap();
    a.store.gc(&Change::default(), History::Keep).unwrap();
    for copy in [b.follow(), &a, &shared.copy("c")] {
        copy.fsck();
        assert_eq!(copy.refs(), a.refs());
    }
    assert!(a.refs().contains("refs/heads/kept"));
}

#[test]
fn a_restored_path_whose_commit_a_gc_has_dropped_is_uploaded_again() {
    let shared = Shared::new();
    let (a, b) = (shared.copy("a"), shared.copy("b"));
    let old = a.put("p", 1);
    a.put("p", 2);
    b.follow();
    b.store.gc(&Change::default(), History::Squash).unwrap();
    a.store
        .restore(&Change::default(), old, &crate::support::store::scope("p"))
        .unwrap();
    let c = shared.copy("c");
    c.fsck();
    assert_eq!(c.tip(), a.tip());
}

#[test]
fn the_last_writer_rolls_small_packs_up_and_copies_drop_the_old_ones() {
    let shared = Shared::new();
    let (a, b) = (shared.copy("a"), shared.copy("b"));
    for n in 0..70 {
        a.put(&format!("p/{n}"), n);
    }
    b.follow().store.tidy_shared().unwrap();
    let before = a.store.shared_state().unwrap();
    assert!(before.packs.len() > 64, "b is not the last writer");
    a.store.tidy_shared().unwrap();
    let after = a.store.shared_state().unwrap();
    assert!(after.packs.len() < 10, "{} packs", after.packs.len());
    assert_eq!(after.refs, before.refs);
    b.follow();
    assert_eq!(b.paths().len(), 70);
    let long_ago = SystemTime::now() - Duration::from_secs(600);
    for entry in std::fs::read_dir(b.root.join("objects/pack")).unwrap() {
        let file = std::fs::File::open(entry.unwrap().path()).unwrap();
        file.set_modified(long_ago).unwrap();
    }
    b.store.tidy_shared().unwrap();
    assert!(b.packs() < 10, "{} packs", b.packs());
    [&a, &b, &shared.copy("c")].into_iter().for_each(Copy::fsck);
    assert_eq!(b.paths().len(), 70);
}

#[test]
fn gc_ends_although_other_copies_write_all_the_time_to_a_store_with_many_refs() {
    let shared = Shared::new();
    let copies = ["a", "b", "c"].map(|name| shared.copy(name));
    let [a, b, c] = &copies;
    let id = a.put("p", 1).into();
    let tags = (0..1500).map(|n| RefUpdate {
        name: RefName::parse(&format!("refs/tags/{}/{n}", n % 7)).unwrap(),
        old: None,
        new: Some(id),
    });
    let tags = tags.collect::<Vec<_>>();
    let pushed = a
        .store
        .publish_push(&tags, DropPolicy::Refused, Atomicity::PerRef);
    assert!(pushed.unwrap().iter().all(Result::is_ok));
    let writing = std::sync::atomic::AtomicBool::new(true);
    let (runs, written) = std::thread::scope(|scope| {
        let write = |copy: &Copy, name: &str| {
            let mut written = 0;
            while writing.load(std::sync::atomic::Ordering::Relaxed) {
                copy.put(&format!("{name}/{written}"), written);
                written += 1;
            }
            written
        };
        let writers =
            [(a, "a"), (c, "c")].map(|(copy, name)| scope.spawn(move || write(copy, name)));
        let runs = [0, 1, 2].map(|_| b.store.gc(&Change::default(), History::Keep));
        // The writers must stop before a failed run ends this thread, because the scope waits for them.
        writing.store(false, std::sync::atomic::Ordering::Relaxed);
        (runs, writers.map(|writer| writer.join().unwrap()))
    });
    for run in runs {
        run.unwrap();
    }
    for copy in &copies {
        let paths = copy.follow().paths().len() as u32;
        assert_eq!(paths, written[0] + written[1] + 1);
        copy.fsck();
    }
}
