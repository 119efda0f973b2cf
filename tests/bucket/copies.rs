//! What one copy writes, the others read.

use wasmstore::names::{ModuleRef, RefName};
use wasmstore::store::{
    Atomicity, Change, DirectoryRemoval, DropPolicy, ErrorKind, ExistingTag, History, RefUpdate,
    Revision, Store,
};

use super::*;
use crate::support::store::{branch, git_with_input, on};

#[test]
fn a_write_on_one_copy_is_read_on_the_others() {
    let shared = Shared::new();
    let (a, b) = (shared.copy("a"), shared.copy("b"));
    let first = a.put("x/one", 1);
    assert_eq!(b.paths(), [""; 0], "b has not followed yet");
    assert_eq!(b.follow().tip(), first);
    let second = b.put("x/two", 2);
    let third = b.put("x/two", 3);
    assert_eq!(a.follow().tip(), third);
    assert_eq!(a.store.commit(third).unwrap().parents, [second]);
    assert_eq!(a.paths(), ["/x/one", "/x/two"]);
    let one = ModuleRef::Path(path("x/one"));
    a.store
        .remove(&Change::default(), &one, DirectoryRemoval::Refuse)
        .unwrap();
    assert_eq!(b.follow().paths(), ["/x/two"]);
    let versions = b.store.versions(&Revision::default(), &path("x/two"));
    assert_eq!(versions.unwrap().len(), 2);
    [a, b].iter().for_each(Copy::fsck);
}

#[test]
fn branches_and_the_default_branch_are_shared() {
    let shared = Shared::new();
    let (a, b) = (shared.copy("a"), shared.copy("b"));
    a.put("p", 1);
    a.store
        .create_branch(&branch("dev"), &Revision::default())
        .unwrap();
    b.follow()
        .store
        .put(&on(Some("dev")), &path("q"), module(2).as_slice())
        .unwrap();
    b.store.set_default_branch(&branch("dev"), None).unwrap();
    b.store
        .set_default_branch(&branch("next/one"), Some(&branch("main")))
        .unwrap();
    a.follow();
    assert_eq!(a.store.default_branch().unwrap(), branch("next/one"));
    assert_eq!(a.refs(), b.refs());
    a.store.delete_branch(&branch("dev"), None).unwrap();
    a.store.delete_branch(&branch("main"), None).unwrap();
    // A branch whose name is a directory of the deleted one.
    a.store
        .create_branch(&branch("dev/two"), &Revision::default())
        .unwrap();
    assert_eq!(
        b.follow().store.branches().unwrap(),
        [branch("dev/two"), branch("next/one")]
    );
    let exists = b
        .store
        .create_branch(&branch("dev/two"), &Revision::default());
    assert_eq!(exists.unwrap_err().kind(), ErrorKind::Conflict);
    [a, b].iter().for_each(Copy::fsck);
}

#[test]
fn tags_are_shared() {
    let shared = Shared::new();
    let (a, b) = (shared.copy("a"), shared.copy("b"));
    let first = a.put("p", 1);
    let annotated = Change {
        message: Some("Release 1".parse().unwrap()),
        ..Change::default()
    };
    let create = |copy: &Copy, change: &Change, name: &str| {
        let from = Revision::default();
        let tag = name.parse().unwrap();
        copy.store
            .create_tag(change, &tag, &from, ExistingTag::Refuse)
    };
    create(&a, &annotated, "v/1").unwrap();
    let second = b.follow().put("p", 2);
    // The other copy has not followed yet, but the bucket decides.
    create(&b, &Change::default(), "light").unwrap();
    let exists = create(&a, &annotated, "light").unwrap_err();
    assert_eq!(exists.kind(), ErrorKind::Conflict);
    a.follow();
    for copy in [&a, &b] {
        let tag = |name: &str| copy.store.tag(&name.parse().unwrap()).unwrap();
        assert_eq!((tag("v/1").commit, tag("light").commit), (first, second));
        assert_eq!(tag("v/1").message, "Release 1");
    }
    a.store
        .delete_tag(&Change::default(), &"v/1".parse().unwrap())
        .unwrap();
    assert_eq!(a.refs(), b.follow().refs());
    let unknown = b
        .store
        .delete_tag(&Change::default(), &"v/1".parse().unwrap());
    assert_eq!(unknown.unwrap_err().kind(), ErrorKind::NotFound);
    [a, b].iter().for_each(Copy::fsck);
}

#[test]
fn a_stale_copy_decides_again_on_the_newest_state() {
    let shared = Shared::new();
    let (a, b) = (shared.copy("a"), shared.copy("b"));
    let first = a.put("p", 1);
    // b knows nothing of this change.
    let second = b.put("q", 2);
    assert_eq!(b.store.commit(second).unwrap().parents, [first]);
    // a made the last swap that it knows of, so it learns of b's from its own swap.
    let third = a.put("r", 3);
    assert_eq!(a.store.commit(third).unwrap().parents, [second]);
    b.store
        .create_branch(&branch("other"), &Revision::default())
        .unwrap();
    assert_eq!(a.follow().refs(), b.refs());
}

#[test]
fn all_refs_of_a_push_move_in_one_swap() {
    let shared = Shared::new();
    let (a, b) = (shared.copy("a"), shared.copy("b"));
    a.put("p", 1);
    let tree = git(&a.root, &["rev-parse", "main^{tree}"]);
    let text = format!(
        "tree {}\nparent {}\nauthor a <a@b> 1 +0000\ncommitter a <a@b> 1 +0000\n\npushed\n",
        tree.trim(),
        a.tip()
    );
    // A loose object, as a program other than git may leave it.
    let pushed = git_with_input(
        &a.root,
        &["hash-object", "-t", "commit", "-w", "--stdin"],
        text,
    );
    let new = wasmstore::names::ObjectId::parse(pushed.trim()).unwrap();
    let update = |name: &str, old| RefUpdate {
        name: RefName::parse(name).unwrap(),
        old,
        new: Some(new),
    };
    let swaps = shared.objects.manifests().len();
    let updates = [
        update("refs/heads/main", Some(a.tip().into())),
        update("refs/heads/new", None),
        update("refs/tags/v1", None),
    ];
    let results = a
        .store
        .publish_push(&updates, DropPolicy::Refused, Atomicity::PerRef);
    assert!(results.unwrap().iter().all(Result::is_ok));
    assert_eq!(shared.objects.manifests().len(), swaps + 1);
    assert_eq!(b.follow().refs(), a.refs());
    assert_eq!(b.refs().matches(pushed.trim()).count(), 3);
    [a, b].iter().for_each(Copy::fsck);
}

#[test]
fn a_pack_that_git_protects_during_a_push_is_shared() {
    let shared = Shared::new();
    let (a, b) = (shared.copy("a"), shared.copy("b"));
    let other = shared.dir.path().join("first");
    let tree = git_with_input(&other, &["mktree"], "");
    let root = git_with_input(&other, &["commit-tree", tree.trim(), "-m", "unrelated"], "");
    let prefix = a.root.join("objects/pack/pack");
    let packed = git_with_input(
        &other,
        &["pack-objects", "-q", prefix.to_str().unwrap()],
        &root,
    );
    let keep = format!("{}-{}.keep", prefix.display(), packed.trim());
    std::fs::write(keep, "receive-pack").unwrap();
    let update = RefUpdate {
        name: RefName::parse("refs/heads/pushed").unwrap(),
        old: None,
        new: wasmstore::names::ObjectId::parse(root.trim()),
    };
    let results = a
        .store
        .publish_push(&[update], DropPolicy::Refused, Atomicity::PerRef);
    assert_eq!(results.unwrap(), [Ok(())]);
    assert_eq!(b.follow().refs(), a.refs());
    b.fsck();
}

#[test]
fn a_large_module_is_shared() {
    let shared = Shared::new();
    let (a, b) = (shared.copy("a"), shared.copy("b"));
    let large =
        crate::support::store::custom_section((0..3_000_000u64).map(|n| ((n * n) >> 7) as u8));
    a.store
        .put(&Change::default(), &path("large"), large.as_slice())
        .unwrap();
    let found = b
        .follow()
        .store
        .find(&Revision::default(), &ModuleRef::Path(path("large")));
    assert!(*found.unwrap().bytes == *large);
    assert_eq!(
        std::fs::read_dir(a.root.join("objects"))
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name().len() == 2)
            .count(),
        2,
        "only the first commit and its tree are loose"
    );
    [a, b].iter().for_each(Copy::fsck);
}

#[test]
fn a_new_copy_gets_thousands_of_refs() {
    let shared = Shared::new();
    let a = shared.copy("a");
    a.put("p", 1);
    let id = a.tip().into();
    let updates: Vec<_> = (0..2500)
        .map(|n| RefUpdate {
            name: RefName::parse(&format!("refs/heads/b{}/{n}", n % 7)).unwrap(),
            old: None,
            new: Some(id),
        })
        .collect();
    let results = a
        .store
        .publish_push(&updates, DropPolicy::Refused, Atomicity::PerRef);
    assert!(results.unwrap().iter().all(Result::is_ok));
    let b = shared.copy("b");
    assert_eq!(b.refs(), a.refs());
    assert_eq!(b.store.branches().unwrap().len(), 2501);
    let largest = shared.objects.manifests().iter().map(String::len).max();
    assert!(largest.unwrap() < 256 << 10, "most refs are in a snapshot");
    b.store.delete_branch(&branch("b3/3"), None).unwrap();
    assert_eq!(a.follow().refs(), b.refs());
    assert_eq!(a.store.branches().unwrap().len(), 2500);
}

#[test]
fn a_store_moves_into_a_bucket_and_needs_it_from_then_on() {
    let shared = Shared::new();
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("own");
    let own = Store::open_or_create(&root, Options::default(), Default::default()).unwrap();
    own.put(&Change::default(), &path("p"), module(1).as_slice())
        .unwrap();
    let bucket = shared.bucket(None);
    let taken = own.share(|new| create(&bucket, new));
    assert!(taken.is_err(), "the bucket has a store already");
    own.put(&Change::default(), &path("p"), module(2).as_slice())
        .unwrap();

    let other = Shared {
        objects: FaultyStore::reliable(),
        dir: tempfile::tempdir().unwrap(),
    };
    let bucket = other.bucket(None);
    own.share(|new| create(&bucket, new)).unwrap();
    // The process that had the store open does not write to it any more, and neither does a process without the bucket.
    for store in [&own, &Store::open(&root, Options::default()).unwrap()] {
        let refused = store.put(&Change::default(), &path("p"), module(3).as_slice());
        assert!(refused.is_err());
    }
    let copy = other.copy("copy");
    assert_eq!(copy.paths(), ["/p"]);
    let versions = copy.store.versions(&Revision::default(), &path("p"));
    assert_eq!(versions.unwrap().len(), 2, "the history moved, too");
}

#[test]
fn a_copy_of_another_store_and_a_store_with_history_are_refused() {
    let (one, two) = (Shared::new(), Shared::new());
    let copy = one.copy("copy");
    copy.put("p", 1);
    let moved = two.dir.path().join("copy");
    std::fs::rename(&copy.root, &moved).unwrap();
    let refused = two.try_copy("copy").err().unwrap();
    assert!(refused.to_string().contains("another store"), "{refused}");
    let own = two.dir.path().join("own");
    let store = Store::open_or_create(&own, Options::default(), Default::default()).unwrap();
    store
        .put(&Change::default(), &path("p"), module(1).as_slice())
        .unwrap();
    let refused = two.try_copy("own").err().unwrap();
    assert!(refused.to_string().contains("bucket init"), "{refused}");
    assert_eq!(refused.kind(), ErrorKind::Conflict);
}

#[test]
fn refs_that_another_program_moved_are_set_back() {
    let shared = Shared::new();
    let (a, b) = (shared.copy("a"), shared.copy("b"));
    let first = a.put("p", 1);
    let second = a.put("p", 2);
    git(
        &a.root,
        &["update-ref", "refs/heads/main", &first.to_string()],
    );
    git(
        &a.root,
        &["update-ref", "refs/heads/stray", &first.to_string()],
    );
    std::fs::write(a.root.join("refs/heads/broken"), "garbage").unwrap();
    // The swap of this change fails, because main does not have this value in the bucket.
    let third = a.put("p", 3);
    assert_eq!(a.store.commit(third).unwrap().parents, [second]);
    assert_eq!(b.follow().refs(), a.refs());
    assert_eq!(a.store.branches().unwrap(), [branch("main")]);
    assert_eq!(git(&a.root, &["rev-list", "--count", "main"]).trim(), "4");
    a.store.gc(&Change::default(), History::Keep).unwrap();
}

/// Lists the files below a directory with their sizes.
fn files(dir: &std::path::Path) -> Vec<(PathBuf, u64)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            files.extend(self::files(&entry.path()));
        } else {
            files.push((entry.path(), entry.metadata().unwrap().len()));
        }
    }
    files.sort();
    files
}

type UseOfCopy = fn(&Copy);

#[test]
fn a_copy_that_is_deleted_while_it_is_used_is_created_again() {
    let shared = Shared::new();
    let a = shared.copy("a");
    let uses: [(&str, UseOfCopy); 6] = [
        ("put", |copy| {
            let _ = copy
                .store
                .put(&Change::default(), &path("q"), module(2).as_slice());
        }),
        ("follow", |copy| drop(copy.store.follow())),
        ("gc", |copy| {
            drop(copy.store.gc(&Change::default(), History::Keep))
        }),
        ("tidy", |copy| drop(copy.store.tidy_shared())),
        ("versions", |copy| {
            drop(copy.store.versions(&Revision::default(), &path("p")));
        }),
        ("branch", |copy| {
            drop(
                copy.store
                    .create_branch(&branch("x/y"), &Revision::default()),
            );
        }),
    ];
    for (n, (name, use_it)) in uses.into_iter().enumerate() {
        let b = shared.copy("b");
        a.follow().put("p", n as u32);
        std::fs::remove_dir_all(&b.root).unwrap();
        use_it(&b);
        drop(b);
        let b = shared
            .try_copy("b")
            .map_err(|error| format!("{name}: {error}"));
        let b = b.unwrap();
        assert_eq!(b.follow().refs(), a.follow().refs(), "{name}");
        b.fsck();
        std::fs::remove_dir_all(&b.root).unwrap();
    }
}

#[test]
fn what_a_killed_git_program_leaves_does_not_prevent_a_new_copy() {
    let shared = Shared::new();
    let a = shared.copy("a");
    a.put("p", 1);
    let root = shared.dir.path().join("b");
    for (file, content) in [
        ("objects/pack/tmp_pack_Ab12Cd", "PACK"),
        ("objects/tmp_objdir-incoming-Ab12Cd/ab/cd", "x"),
        ("wasmstore/gc/pack-1.pack", "PACK"),
        ("wasmstore/index-v9", "index-v9-1.sqlite\n"),
        ("wasmstore/lock", ""),
        ("HEAD", "ref: refs/heads/main\n"),
    ] {
        let file = root.join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::create_dir_all(root.join("refs/heads/main/x")).unwrap();
        std::fs::write(&file, content).unwrap();
        let b = shared.copy("b");
        assert_eq!(b.refs(), a.refs(), "{}", file.display());
        assert!(file.exists(), "{} was deleted", file.display());
        b.put("p", 2);
        a.follow();
        b.fsck();
        std::fs::remove_dir_all(&root).unwrap();
    }
}

#[test]
fn files_that_may_be_of_a_store_or_of_another_program_are_not_touched() {
    let shared = Shared::new();
    shared.copy("a").put("p", 1);
    let root = shared.dir.path().join("b");
    let id = "1".repeat(40);
    for kept in [
        // Stores, also without a HEAD.
        &[("refs/heads/main", id.as_str())][..],
        &[("packed-refs", &id), ("objects/info/packs", "")],
        &[("HEAD", &id), ("objects/info/packs", "")],
        &[
            ("config", "[core]\n\tbare = true\n"),
            ("objects/info/packs", ""),
        ],
        &[
            ("objects/pack/pack-1.pack", "PACK"),
            ("description", "mine"),
        ],
        &[
            ("objects/info/alternates", "/srv/other/objects\n"),
            ("shallow", &id),
        ],
        // Directories of other programs.
        &[("wasmstore/src/main.rs", "fn main() {}")],
        &[("wasmstore/Cargo.toml", ""), ("wasmstore/tmp/x", "x")],
        &[("objects/chair.obj", "v 0 0 0")],
        &[("refs/paper.pdf", "%PDF")],
        &[("refs", "a file")],
        &[("notes.txt", "x")],
    ] {
        for (file, content) in kept {
            let file = root.join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, content).unwrap();
        }
        let before = files(&root);
        let refused = shared.try_copy("b").map(|_| ()).unwrap_err();
        assert!(
            refused.to_string().contains("cannot be used as a store"),
            "{kept:?}: {refused}"
        );
        assert_eq!(files(&root), before, "{kept:?}");
        std::fs::remove_dir_all(&root).unwrap();
    }
}

#[test]
fn a_default_branch_that_is_broken_in_one_copy_only_stays() {
    let shared = Shared::new();
    let (a, b) = (shared.copy("a"), shared.copy("b"));
    a.put("p", 1);
    b.follow();
    let packs = b.root.join("objects/pack");
    drop(b);
    std::fs::remove_dir_all(&packs).unwrap();
    std::fs::create_dir(&packs).unwrap();
    let b = shared.copy("b");
    for default in [None, Some(branch("main"))] {
        let deleted = b.store.delete_branch(&branch("main"), default.as_ref());
        let error = deleted.unwrap_err().to_string();
        assert!(error.contains("is the default branch"), "{error}");
    }
    assert_eq!(a.follow().paths(), ["/p"]);
}
