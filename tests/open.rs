//! Opening a store: every bare repository that git can create works, and anything else is refused with the reason.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::support::store::{Scratch, git, module, path, scope};
use wasmstore::config::Options;
use wasmstore::store::{Change, ErrorKind, ObjectFormat, Revision, Store};

fn open(root: &Path) -> Result<Store, String> {
    Store::open(root, Options::default()).map_err(|error| {
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        error.to_string()
    })
}

fn init(root: &Path, args: &[&str]) {
    let status = Command::new("git")
        .arg("init")
        .arg("-q")
        .args(args)
        .arg(root)
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn anything_that_is_not_a_bare_repository_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let root = |name: &str| dir.path().join(name);
    std::fs::write(root("file"), "x").unwrap();
    assert!(open(&root("file")).is_err());
    std::fs::create_dir(root("other")).unwrap();
    std::fs::write(root("other/file"), "x").unwrap();
    assert!(open(&root("other")).is_err_and(|reason| reason.contains("not a git repository")));
    init(&root("tree"), &[]);
    assert!(open(&root("tree")).is_err_and(|reason| reason.contains("work tree")));
    assert!(open(&root("tree/.git")).is_err_and(|reason| reason.contains("not bare")));
    init(&root("reftable"), &["--bare", "--ref-format=reftable"]);
    assert!(open(&root("reftable")).is_err_and(|reason| reason.contains("reftable")));
    for (key, value, reason) in [
        ("core.repositoryFormatVersion", "2", "format version"),
        ("extensions.unheardOf", "true", "unheardOf"),
    ] {
        let root = root(key);
        init(&root, &["--bare", "--object-format=sha256"]);
        git(&root, &["config", key, value]);
        let error = open(&root).err().expect("refused").to_lowercase();
        assert!(error.contains(&reason.to_lowercase()), "{error}");
    }
    let error = Store::open_or_create(&root("other"), Options::default(), ObjectFormat::Sha1)
        .err()
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(
        std::fs::read_dir(root("other")).unwrap().count(),
        1,
        "no file was created"
    );
}

#[test]
fn an_empty_bare_repository_is_an_empty_store() {
    let dir = tempfile::tempdir().unwrap();
    for (name, args) in [
        ("one", ["--bare", "--initial-branch=trunk"]),
        ("two", ["--bare", "--object-format=sha256"]),
    ] {
        let root = dir.path().join(name);
        init(&root, &args);
        let store = open(&root).unwrap();
        assert_eq!(store.list(&Revision::default(), &scope("")).unwrap(), []);
        assert_eq!(
            store.snapshot(&Revision::default()).unwrap_err().kind(),
            ErrorKind::NotFound
        );
        store
            .put(&Change::default(), &path("a"), module(1).as_slice())
            .unwrap();
        assert_eq!(store.branches().unwrap(), [store.default_branch().unwrap()]);
        crate::support::store::fsck(&root);
    }
}

#[test]
fn a_mirror_clone_with_packed_refs_can_be_read_and_written() {
    let s = Scratch::new();
    s.put("a", 1);
    for name in ["one", "deep/er"] {
        s.store
            .create_branch(&crate::support::store::branch(name), &Revision::default())
            .unwrap();
    }
    s.git(&["tag", "-a", "-m", "tagged", "v1", "main"]);
    let mirror = s.root.parent().unwrap().join("mirror");
    s.git(&[
        "clone",
        "-q",
        "--mirror",
        s.root.to_str().unwrap(),
        mirror.to_str().unwrap(),
    ]);
    git(&mirror, &["pack-refs", "--all"]);
    let before = git(&mirror, &["for-each-ref"]);
    let store = open(&mirror).unwrap();
    assert_eq!(store.branches().unwrap().len(), 3);
    assert_eq!(
        store.list(&Revision::default(), &scope("")).unwrap().len(),
        1
    );
    assert!(
        mirror.join("packed-refs").exists(),
        "a read changes nothing"
    );
    store
        .delete_branch(&crate::support::store::branch("one"), None)
        .unwrap();
    assert!(mirror.join("packed-refs").exists());
    assert_eq!(store.branches().unwrap().len(), 2);
    let after = git(&mirror, &["for-each-ref"]);
    assert_eq!(
        after.lines().collect::<Vec<_>>(),
        before
            .lines()
            .filter(|line| !line.ends_with("/one"))
            .collect::<Vec<_>>()
    );
    store
        .put(&Change::default(), &path("b"), module(2).as_slice())
        .unwrap();
    crate::support::store::fsck(&mirror);
}

#[test]
fn a_new_store_has_the_documented_configuration() {
    let s = Scratch::new();
    for (key, value) in [
        ("core.bare", "true"),
        ("gc.auto", "0"),
        ("gc.packRefs", "false"),
        ("maintenance.auto", "false"),
        ("receive.autogc", "false"),
        ("core.useReplaceRefs", "false"),
        ("core.fsync", "all"),
        ("core.looseCompression", "1"),
        ("receive.fsckObjects", "true"),
        ("receive.unpackLimit", "1"),
        ("receive.procReceiveRefs", "refs"),
        ("receive.shallowUpdate", "false"),
        ("core.hooksPath", "hooks"),
        ("uploadpack.allowFilter", "true"),
    ] {
        assert_eq!(s.git(&["config", "--local", key]).trim(), value, "{key}");
    }
    assert_eq!(s.git(&["symbolic-ref", "HEAD"]).trim(), "refs/heads/main");
    assert_eq!(s.git(&["rev-list", "--count", "main"]).trim(), "1");
    assert_eq!(s.git(&["ls-tree", "main"]), "");
    let sha256 = Scratch::with_format(ObjectFormat::Sha256);
    assert_eq!(
        sha256.git(&["rev-parse", "--show-object-format"]).trim(),
        "sha256"
    );
}

#[test]
fn an_interrupted_creation_is_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("store");
    drop(Store::open_or_create(&root, Options::default(), ObjectFormat::Sha1).unwrap());
    std::fs::remove_file(root.join("HEAD")).unwrap();
    std::fs::write(root.join("wasmstore/creating"), "").unwrap();
    assert_eq!(open(&root).unwrap().branches().unwrap(), []);
    let store = Store::open_or_create(&root, Options::default(), ObjectFormat::Sha1).unwrap();
    store
        .put(&Change::default(), &path("a"), module(1).as_slice())
        .unwrap();
    crate::support::store::fsck(&root);
}

#[test]
fn concurrent_creations_make_one_store() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("deep/er/store");
    std::thread::scope(|threads| {
        for n in 0..8 {
            let root = &root;
            threads.spawn(move || {
                let store =
                    Store::open_or_create(root, Options::default(), ObjectFormat::Sha1).unwrap();
                store
                    .put(
                        &Change::default(),
                        &path(&n.to_string()),
                        module(n).as_slice(),
                    )
                    .unwrap();
            });
        }
    });
    assert_eq!(git(&root, &["rev-list", "--count", "main"]).trim(), "9");
    crate::support::store::fsck(&root);
}

#[test]
fn leftovers_of_killed_writers_are_removed_and_do_not_block() {
    let s = Scratch::new();
    s.put("a", 1);
    let leftover = s.root.join("wasmstore/tmp/.tmpDEAD");
    std::fs::write(&leftover, "half an object").unwrap();
    let lock = s.root.join("refs/heads/main.lock");
    // A read-only lock file is wasmstore's own, and its writer is dead.
    std::fs::write(&lock, "").unwrap();
    std::fs::set_permissions(&lock, Permissions::from_mode(0o444)).unwrap();
    // An object file that a power cut left empty counts as absent.
    let blob = s.git(&["rev-parse", "main:a"]).trim().to_owned();
    s.store
        .remove(
            &Change::default(),
            &"a".parse().unwrap(),
            wasmstore::store::DirectoryRemoval::Refuse,
        )
        .unwrap();
    assert!(!lock.exists());
    let object = s.loose_file(&blob);
    std::fs::remove_file(&object).unwrap();
    std::fs::write(&object, "").unwrap();
    let open = || Store::open_or_create(&s.root, Options::default(), ObjectFormat::Sha1).unwrap();
    let mut again = open();
    // The leftover stays while a process may still be writing. A child process of another test holds copies of all open locks between
    // fork and exec, so this may take some attempts.
    for _ in 0..100 {
        if leftover.exists() {
            std::thread::sleep(std::time::Duration::from_millis(20));
            again = open();
        }
    }
    assert!(!leftover.exists());
    again
        .put(&Change::default(), &path("a"), module(1).as_slice())
        .unwrap();
    s.fsck();
}

#[test]
fn a_change_is_decided_again_after_an_outside_writer_moved_the_branch() {
    let s = Scratch::new();
    s.put("a", 1);
    std::thread::scope(|threads| {
        let outside = threads.spawn(|| {
            for n in 0..20 {
                let message = format!("outside {n}");
                let commit = s.git(&["commit-tree", "-m", &message, "-p", "main", "main^{tree}"]);
                crate::support::store::try_git(
                    &s.root,
                    &[
                        "update-ref",
                        "refs/heads/main",
                        commit.trim(),
                        &format!("{}^", commit.trim()),
                    ],
                    "",
                );
            }
        });
        for n in 0..20 {
            s.put(&format!("b/{n}"), n);
        }
        outside.join().unwrap();
    });
    assert_eq!(
        s.store
            .list(&Revision::default(), &scope("b"))
            .unwrap()
            .len(),
        20
    );
    let log = s.git(&["log", "--format=%s", "main"]);
    assert_eq!(
        log.lines()
            .filter(|line| line.starts_with("Import /b/"))
            .count(),
        20
    );
    s.fsck();
}

#[test]
fn files_of_other_programs_are_never_overwritten() {
    let s = Scratch::new();
    s.put("a", 1);
    let head = s.root.join("HEAD");
    let kept = std::fs::read(&head).unwrap();
    std::fs::remove_file(&head).unwrap();
    let before = std::fs::read(s.root.join("refs/heads/main")).unwrap();
    assert!(open(&s.root).is_err());
    assert!(Store::open_or_create(&s.root, Options::default(), ObjectFormat::Sha1).is_err());
    assert_eq!(
        std::fs::read(s.root.join("refs/heads/main")).unwrap(),
        before
    );
    std::fs::write(&head, kept).unwrap();
    s.fsck();

    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("wasmstore/tmp")).unwrap();
    std::fs::write(dir.path().join("wasmstore/tmp/notes"), "mine").unwrap();
    std::fs::write(dir.path().join("config"), "mine").unwrap();
    assert!(open(dir.path()).is_err());
    assert!(Store::open_or_create(dir.path(), Options::default(), ObjectFormat::Sha1).is_err());
    for file in ["wasmstore/tmp/notes", "config"] {
        assert_eq!(
            std::fs::read_to_string(dir.path().join(file)).unwrap(),
            "mine"
        );
    }
}

#[test]
fn changes_on_a_symbolic_branch_go_to_its_target() {
    let s = Scratch::new();
    s.put("a", 1);
    s.git(&["symbolic-ref", "refs/heads/alias", "refs/heads/main"]);
    assert_eq!(s.put_on(Some("alias"), "b", 2), s.tip());
    assert_eq!(
        s.git(&["symbolic-ref", "refs/heads/alias"]).trim(),
        "refs/heads/main"
    );
    s.put("b", 3);
    s.store
        .gc(&Change::default(), wasmstore::store::History::Squash)
        .unwrap();
    assert_eq!(s.git(&["rev-list", "--count", "main"]).trim(), "1");
    s.store
        .delete_branch(&crate::support::store::branch("alias"), None)
        .unwrap();
    assert_eq!(s.content(), "/a=1 /b=3");
    s.fsck();
}

#[test]
fn with_a_detached_head_a_named_branch_still_works() {
    let s = Scratch::new();
    let tip = s.put("a", 1);
    s.git(&["update-ref", "--no-deref", "HEAD", &tip.to_string()]);
    let main = crate::support::store::branch("main");
    let at = Revision::Branch(Some(main.clone()));
    assert_eq!(s.store.list(&at, &scope("")).unwrap().len(), 1);
    assert!(s.store.list(&Revision::default(), &scope("")).is_err());
    s.put_on(Some("main"), "b", 2);
    s.store.set_default_branch(&main, None).unwrap();
    assert_eq!(s.content(), "/a=1 /b=2");
}

#[test]
fn a_shallow_clone_is_refused() {
    let s = Scratch::new();
    s.put("a", 1);
    let clone = s.root.parent().unwrap().join("shallow");
    let from = format!("file://{}", s.root.display());
    s.git(&[
        "clone",
        "-q",
        "--bare",
        "--depth=1",
        &from,
        clone.to_str().unwrap(),
    ]);
    assert!(open(&clone).is_err_and(|reason| reason.contains("shallow")));
}

#[test]
fn a_write_waits_for_the_lock_file_of_an_outside_git() {
    let s = Scratch::new();
    s.put("a", 1);
    let lock = s.root.join("refs/heads/main.lock");
    std::fs::write(&lock, "").unwrap();
    std::thread::scope(|threads| {
        let put = threads.spawn(|| s.put("a", 2));
        std::thread::sleep(std::time::Duration::from_millis(300));
        assert!(lock.exists() && !put.is_finished());
        std::fs::remove_file(&lock).unwrap();
        put.join().unwrap();
    });
    assert_eq!(s.content(), "/a=2");
    assert!(!lock.exists());
}

#[test]
fn a_new_branch_replaces_empty_directories_and_its_deletion_leaves_none() {
    let s = Scratch::new();
    s.put("a", 1);
    let heads = s.root.join("refs/heads");
    std::fs::create_dir_all(heads.join("x/y/z")).unwrap();
    s.store
        .create_branch(&crate::support::store::branch("x"), &Revision::default())
        .unwrap();
    s.put_on(Some("x"), "b", 2);
    s.git(&["pack-refs", "--all"]);
    s.put_on(Some("x"), "c", 3);
    s.store
        .delete_branch(&crate::support::store::branch("x"), None)
        .unwrap();
    let deep = crate::support::store::branch("d/e/f");
    s.store.create_branch(&deep, &Revision::default()).unwrap();
    s.git(&["pack-refs", "--all"]);
    s.store.delete_branch(&deep, None).unwrap();
    assert!(!heads.join("d").exists());
    assert_eq!(
        s.git(&["for-each-ref", "--format=%(refname)"]),
        "refs/heads/main\n"
    );
    s.fsck();
}
