//! The library API of the store: puts, reads, removals and branches, in a real repository.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::store::{Scratch, branch, hash, module, on, path, scope};
use wasmstore::config::Options;
use wasmstore::names::ModuleRef;
use wasmstore::store::{
    Change, DirectoryRemoval, Error, ErrorKind, History, ObjectFormat, Revision, Store,
};

fn named(text: &str) -> ModuleRef {
    text.parse().unwrap()
}

#[test]
fn a_module_is_stored_as_a_blob_under_its_git_id() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let s = Scratch::with_format(format);
        let put = s
            .store
            .put(&Change::default(), &path("a/b.wasm"), module(1).as_slice())
            .unwrap()
            .value;
        let file = s.root.parent().unwrap().join("b.wasm");
        std::fs::write(&file, module(1)).unwrap();
        assert_eq!(put, hash(&s.git(&["hash-object", file.to_str().unwrap()])));
        assert_eq!(put, hash(&s.git(&["rev-parse", "main:a/b.wasm"])));
        assert_eq!(
            s.store
                .find(&Revision::default(), &named("/a/b.wasm"))
                .unwrap()
                .bytes,
            module(1).into()
        );
        assert_eq!(
            s.git(&["log", "--format=%an <%ae>|%s"]).lines().next(),
            Some("wasmstore <wasmstore@localhost>|Import /a/b.wasm")
        );
        s.fsck();
    }
}

#[test]
fn putting_the_same_bytes_again_makes_no_commit() {
    let s = Scratch::new();
    let first = s.put("a", 1);
    assert_eq!(s.put("a", 1), first);
    assert_ne!(s.put("b", 1), first);
}

#[test]
fn an_invalid_upload_leaves_no_object_and_no_file() {
    let s = Scratch::new();
    let before = (s.git(&["for-each-ref"]), s.git(&["count-objects"]));
    let mut truncated = module(1);
    truncated.pop();
    for bytes in [
        truncated,
        Vec::new(),
        b"(module)".to_vec(),
        b"hello".to_vec(),
    ] {
        let error = s
            .store
            .put(&Change::default(), &path("a"), bytes.as_slice())
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidModule, "{error}");
    }
    assert_eq!(
        (s.git(&["for-each-ref"]), s.git(&["count-objects"])),
        before
    );
    assert_eq!(
        std::fs::read_dir(s.root.join("wasmstore/tmp"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn a_path_cannot_be_both_a_module_and_a_directory() {
    let s = Scratch::new();
    s.put("a", 1);
    s.put("d/x", 2);
    let tip = s.tip();
    for taken in ["a/b", "a/b/c", "d"] {
        let error = s
            .store
            .put(&Change::default(), &path(taken), module(3).as_slice())
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{taken}: {error}");
    }
    assert_eq!(s.tip(), tip);
    assert_eq!(s.content(), "/a=1 /d/x=2");
}

#[test]
fn a_large_module_is_spooled_and_stored() {
    let s = Scratch::new();
    let text = format!(
        "(module (memory 100) (data (i32.const 0) \"{}\"))",
        "abcdefgh".repeat(400_000)
    );
    let large = wat::parse_str(text).unwrap();
    assert!(large.len() > 3_000_000);
    let put = s
        .store
        .put(&Change::default(), &path("large"), large.as_slice())
        .unwrap();
    assert_eq!(s.store.bytes(put.value).unwrap()[..], large);
    assert_eq!(put.value, hash(&s.git(&["rev-parse", "main:large"])));
    s.fsck();
}

#[test]
fn remove_accepts_a_module_a_directory_or_a_hash() {
    let s = Scratch::new();
    for (at, n) in [("a", 1), ("b", 1), ("d/x", 2), ("d/e/y", 3), ("z", 4)] {
        s.put(at, n);
    }
    let remove = |name: &str, directories| {
        s.store
            .remove(&Change::default(), &named(name), directories)
    };
    assert_eq!(
        remove("nothing", DirectoryRemoval::Recursive)
            .unwrap_err()
            .kind(),
        ErrorKind::NotFound
    );
    assert_eq!(
        remove("d", DirectoryRemoval::Refuse).unwrap_err().kind(),
        ErrorKind::Conflict
    );
    let one = s
        .store
        .hash(&Revision::default(), &named("a"))
        .unwrap()
        .to_string();
    let before = s.tip();
    remove(&one, DirectoryRemoval::Refuse).unwrap();
    assert_eq!(s.content(), "/d/e/y=3 /d/x=2 /z=4");
    assert_eq!(s.store.commit(s.tip()).unwrap().parents, [before]);
    assert_eq!(
        remove(&one, DirectoryRemoval::Refuse).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    remove("d", DirectoryRemoval::Recursive).unwrap();
    remove("z", DirectoryRemoval::Refuse).unwrap();
    assert_eq!(s.content(), "");
    assert_eq!(
        s.git(&["rev-parse", "main^{tree}"]).trim(),
        "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    );
    s.fsck();
}

#[test]
fn a_module_is_found_by_path_hash_and_digest_while_some_path_has_it() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let s = Scratch::with_format(format);
        s.put("d/a", 1);
        let info = s
            .store
            .info(&Revision::default(), &named("d/a"), 0)
            .unwrap();
        let (hash, digest) = (info.hash.to_string(), info.digest.to_string());
        for name in [
            "d/a",
            "//d//a/",
            &hash,
            &hash.to_uppercase(),
            &digest,
            &digest["sha256:".len()..],
        ] {
            assert_eq!(
                s.store
                    .find(&Revision::default(), &named(name))
                    .unwrap()
                    .bytes,
                module(1).into(),
                "{name}"
            );
            assert!(
                s.store
                    .contains(&Revision::default(), &named(name))
                    .unwrap()
            );
        }
        s.put("d/a", 2);
        for name in [&hash, &digest] {
            assert!(
                !s.store
                    .contains(&Revision::default(), &named(name))
                    .unwrap()
            );
        }
        assert!(matches!(
            s.store.find(&Revision::default(), &named("d")),
            Err(Error::IsDirectory(_))
        ));
        let old = s
            .store
            .versions(&Revision::default(), &path("d/a"))
            .unwrap()[0]
            .commit;
        assert!(
            s.store
                .contains(&Revision::Commit(old), &named(&digest))
                .unwrap()
        );
        s.store
            .set(&Change::default(), &digest.parse().unwrap(), &path("again"))
            .unwrap();
        assert_eq!(s.value("again"), Some(1));
        assert!(
            s.git(&["log", "-1", "--format=%s"])
                .starts_with(&format!("Set /again {hash}"))
        );
    }
}

#[test]
fn set_accepts_only_stored_valid_modules() {
    let s = Scratch::new();
    s.put("a", 1);
    let text = crate::support::store::git_with_input(
        &s.root,
        &["hash-object", "-w", "--stdin"],
        "not a module",
    );
    let set = |name: &str| {
        s.store
            .set(&Change::default(), &name.parse().unwrap(), &path("b"))
    };
    for unknown in [text.trim(), &"0".repeat(40), &s.tip().to_string()] {
        assert_eq!(
            set(unknown).unwrap_err().kind(),
            ErrorKind::NotFound,
            "{unknown}"
        );
    }
    assert_eq!(s.content(), "/a=1");
}

#[test]
fn branches_are_refs_and_head_names_the_default_branch() {
    let s = Scratch::new();
    s.put("a", 1);
    s.store
        .create_branch(&branch("dev/one"), &Revision::default())
        .unwrap();
    s.put_on(Some("dev/one"), "b", 2);
    assert_eq!(s.content(), "/a=1");
    let create = |name: &str| {
        s.store
            .create_branch(&branch(name), &Revision::default())
            .unwrap_err()
            .kind()
    };
    assert_eq!(create("dev/one"), ErrorKind::Conflict);
    assert_eq!(create("dev"), ErrorKind::Conflict);
    assert_eq!(create("dev/one/more"), ErrorKind::Conflict);
    s.store
        .set_default_branch(&branch("dev/one"), None)
        .unwrap();
    assert_eq!(
        s.git(&["symbolic-ref", "HEAD"]).trim(),
        "refs/heads/dev/one"
    );
    assert_eq!(s.content(), "/a=1 /b=2");
    assert_eq!(
        s.store
            .delete_branch(&branch("dev/one"), None)
            .unwrap_err()
            .kind(),
        ErrorKind::Conflict
    );
    s.store.set_default_branch(&branch("new"), None).unwrap();
    assert_eq!(s.content(), "/a=1 /b=2");
    s.store.delete_branch(&branch("dev/one"), None).unwrap();
    assert_eq!(
        s.store
            .delete_branch(&branch("dev/one"), None)
            .unwrap_err()
            .kind(),
        ErrorKind::NotFound
    );
    assert_eq!(s.store.branches().unwrap(), [branch("main"), branch("new")]);
    assert_eq!(
        s.store
            .put(&on(Some("nope")), &path("x"), module(1).as_slice())
            .unwrap_err()
            .kind(),
        ErrorKind::NotFound
    );
    assert_eq!(s.store.branches().unwrap().len(), 2);
    s.fsck();
}

#[test]
fn foreign_entries_are_skipped_by_reads_and_preserved_by_writes() {
    let s = Scratch::new();
    s.put("d/a", 1);
    let blob = s.git(&["rev-parse", "main:d/a"]).trim().to_owned();
    let tree = crate::support::store::git_with_input(
        &s.root,
        &["mktree"],
        format!(
            "120000 blob {blob}\tlink\n100755 blob {blob}\trun\n100644 blob {blob}\t..x\n100644 blob {blob}\tnew\u{7f}line\n"
        ),
    );
    let commit = s.git(&["commit-tree", "-m", "foreign", "-p", "main", tree.trim()]);
    s.git(&["update-ref", "refs/heads/main", commit.trim()]);
    assert_eq!(s.content(), "/..x=1 /run=1");
    s.put("run", 2);
    s.store
        .remove(&Change::default(), &named("..x"), DirectoryRemoval::Refuse)
        .unwrap();
    let error = s
        .store
        .put(&Change::default(), &path("link"), module(3).as_slice())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    let listed = s.git(&["ls-tree", "--format=%(objectmode) %(path)", "main"]);
    assert_eq!(listed, "120000 link\n100644 \"new\\177line\"\n100644 run\n");
}

#[test]
fn a_missing_store_reads_as_empty_and_is_not_created() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("none");
    let store = wasmstore::store::Store::open(&root, Default::default()).unwrap();
    assert_eq!(store.list(&Revision::default(), &scope("")).unwrap(), []);
    assert_eq!(store.branches().unwrap(), []);
    assert_eq!(store.default_branch().unwrap(), branch("main"));
    assert_eq!(
        store.versions(&Revision::default(), &path("a")).unwrap(),
        []
    );
    assert!(!store.contains(&Revision::default(), &named("a")).unwrap());
    assert_eq!(
        store.snapshot(&Revision::default()).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(
        store
            .list(&Revision::Branch(Some(branch("x"))), &scope(""))
            .unwrap_err()
            .kind(),
        ErrorKind::NotFound
    );
    assert!(!root.exists());
}

#[test]
fn concurrent_puts_are_all_kept() {
    let s = Scratch::new();
    std::thread::scope(|threads| {
        for thread in 0..8u32 {
            let s = &s;
            threads.spawn(move || {
                for n in 0..10 {
                    s.put(&format!("t{thread}/{n}"), thread * 10 + n);
                }
            });
        }
    });
    assert_eq!(
        s.store
            .list(&Revision::default(), &scope(""))
            .unwrap()
            .len(),
        80
    );
    assert_eq!(s.git(&["rev-list", "--count", "main"]).trim(), "81");
    s.fsck();
}

#[test]
fn branches_can_be_listed_while_others_are_deleted_and_gc_runs() {
    const CLIENTS: usize = 5;
    const LISTINGS: usize = 500;
    let s = Scratch::new();
    // The more branches there are, the longer a listing takes, and the more likely a branch is deleted during it.
    for n in 0..100 {
        let kept = branch(&format!("kept/{n}"));
        s.store.create_branch(&kept, &Revision::default()).unwrap();
    }
    let is_done = AtomicBool::new(false);
    let until_done = |work: &dyn Fn()| {
        while !is_done.load(Ordering::Relaxed) {
            work();
        }
    };
    std::thread::scope(|threads| {
        for n in 0..CLIENTS {
            let (store, until_done) = (&s.store, &until_done);
            threads.spawn(move || {
                let branches = [format!("z{n}"), format!("z{n}/x")].map(|name| branch(&name));
                until_done(&|| {
                    for branch in &branches {
                        store.create_branch(branch, &Revision::default()).unwrap();
                        store.delete_branch(branch, None).unwrap();
                    }
                });
            });
        }
        threads.spawn(|| {
            until_done(&|| {
                s.store.gc(&Change::default(), History::Keep).unwrap();
            });
        });
        let list = || -> Result<Vec<_>, _> { (0..LISTINGS).map(|_| s.store.branches()).collect() };
        let listers = [(); 2].map(|()| threads.spawn(list));
        let listed = listers.map(|lister| lister.join().unwrap());
        is_done.store(true, Ordering::Relaxed);
        for branches in listed.into_iter().flat_map(Result::unwrap) {
            let kept = branches
                .iter()
                .filter(|name| name.as_str().starts_with("kept/"));
            assert_eq!(kept.count(), 100);
        }
    });
    s.fsck();
}

#[test]
fn a_missing_tip_commit_is_a_damaged_store_and_not_an_unknown_branch() {
    let s = Scratch::new();
    let tip = s.put("a", 1).to_string();
    std::fs::remove_file(s.loose_file(&tip)).unwrap();
    // A store that has not cached the commit.
    let fresh = Store::open(&s.root, Options::default()).unwrap();
    let list = fresh.list(&Revision::default(), &scope(""));
    assert_eq!(list.unwrap_err().kind(), ErrorKind::Unavailable);
    let put = s
        .store
        .put(&Change::default(), &path("b"), module(2).as_slice());
    assert_eq!(put.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(
        s.store.commit(tip.parse().unwrap()).unwrap_err().kind(),
        ErrorKind::NotFound
    );
}
