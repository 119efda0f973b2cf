//! `backup`, `export` and `import`.

use std::path::Path;
use std::process::Command;

use crate::support::store::{Scratch, branch, git, module, path, scope};
use wasmstore::config::Options;
use wasmstore::store::{Change, ErrorKind, History, ImportFilter, Revision, Store};

fn unpack(archive: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    assert!(
        Command::new("tar")
            .arg("-xzf")
            .arg(archive)
            .arg("-C")
            .arg(to)
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn a_backup_is_a_consistent_copy_while_others_write() {
    let s = Scratch::new();
    s.put("steady", 1);
    let long = "deep/".repeat(30) + "er";
    s.store
        .create_branch(&branch(&long), &Revision::default())
        .unwrap();
    s.store.gc(&Change::default(), History::Keep).unwrap();
    let dir = s.root.parent().unwrap();
    std::thread::scope(|threads| {
        threads.spawn(|| {
            (0..40).for_each(|n| assert!(s.put(&format!("w/{n}"), n) != s.put("last", n)))
        });
        threads.spawn(|| {
            for _ in 0..3 {
                s.store.gc(&Change::default(), History::Squash).unwrap();
            }
        });
        for nth in 0..6 {
            let archive = dir.join(format!("{nth}.tar.gz"));
            let out = std::fs::File::create(&archive).unwrap();
            s.store.backup(out, || {}).unwrap();
            let copy = dir.join(format!("copy{nth}"));
            unpack(&archive, &copy);
            crate::support::store::fsck(&copy);
            let store = Store::open(&copy, Options::default()).unwrap();
            assert_eq!(store.branches().unwrap().len(), 2);
            for (path, hash) in store.list(&Revision::default(), &scope("")).unwrap() {
                assert!(store.bytes(hash).is_ok(), "{path}");
            }
        }
    });
    assert!(!dir.join("copy0/wasmstore").exists());
    let copy = Store::open(&dir.join("copy5"), Options::default()).unwrap();
    copy.put(&Change::default(), &path("new"), module(5).as_slice())
        .unwrap();
    let listed = Command::new("tar")
        .arg("-tzf")
        .arg(dir.join("0.tar.gz"))
        .output()
        .unwrap();
    assert!(
        String::from_utf8(listed.stdout)
            .unwrap()
            .lines()
            .all(|name| name.starts_with("./"))
    );
    assert_eq!(git(&dir.join("copy0"), &["config", "gc.auto"]).trim(), "0");
}

#[test]
fn a_backup_contains_no_commit_graph() {
    let s = Scratch::new();
    s.put("p", 1);
    s.store.gc(&Change::default(), History::Keep).unwrap();
    s.git(&["commit-graph", "write", "--reachable", "--split=no-merge"]);
    let info = s.root.join("objects/info");
    assert!(info.join("commit-graph").exists() || info.join("commit-graphs").exists());
    let archive = s.root.with_extension("tar.gz");
    let out = std::fs::File::create(&archive).unwrap();
    s.store.backup(out, || {}).unwrap();
    let copy = s.root.with_extension("copy");
    unpack(&archive, &copy);
    let left = std::fs::read_dir(copy.join("objects/info")).unwrap();
    assert_eq!(left.count(), 0);
    crate::support::store::fsck(&copy);
}

#[test]
fn a_store_that_is_missing_or_borrows_objects_is_not_backed_up() {
    let s = Scratch::new();
    let none = s.root.parent().unwrap().join("none");
    let none = Store::open(&none, Options::default()).unwrap();
    let error = none.backup(std::io::sink(), || {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    std::fs::write(s.root.join("objects/info/alternates"), "/elsewhere\n").unwrap();
    let error = s.store.backup(std::io::sink(), || {}).unwrap_err();
    assert!(error.to_string().contains("borrows objects"), "{error}");
}

#[test]
fn an_export_imports_as_one_commit() {
    let s = Scratch::new();
    for (at, n) in [("a.wasm", 1), ("d/b.wasm", 2), ("d/e/c.wasm", 3)] {
        s.put(at, n);
    }
    let dir = s.root.parent().unwrap().join("files");
    assert_eq!(
        s.store
            .export(&Revision::default(), &dir, |_, _| {})
            .unwrap(),
        3
    );
    assert_eq!(std::fs::read(dir.join("d/e/c.wasm")).unwrap(), module(3));
    assert_eq!(
        s.store
            .export(&Revision::default(), &dir, |_, _| {})
            .unwrap_err()
            .kind(),
        ErrorKind::Conflict
    );

    let other = Scratch::new();
    let before = other.tip();
    let mut seen = Vec::new();
    let imported = other
        .store
        .import(
            &Change::default(),
            &dir,
            &scope("x/y"),
            &ImportFilter::default(),
            |done, all| seen.push((done, all)),
        )
        .unwrap();
    assert_eq!(
        other.content(),
        "/x/y/a.wasm=1 /x/y/d/b.wasm=2 /x/y/d/e/c.wasm=3"
    );
    assert_eq!(
        (imported.value.len(), seen),
        (3, vec![(1, 3), (2, 3), (3, 3)])
    );
    let commit = other.store.commit(other.tip()).unwrap();
    assert_eq!(
        (commit.parents, commit.message),
        (vec![before], "Import /x/y".to_owned())
    );
    let tip = other.tip();
    other
        .store
        .import(
            &Change::default(),
            &dir,
            &scope("x/y"),
            &ImportFilter::default(),
            |_, _| {},
        )
        .unwrap();
    assert_eq!(other.tip(), tip);
    other.fsck();
}

#[test]
fn an_import_skips_git_directories_and_what_globs_exclude() {
    let s = Scratch::new();
    let dir = tempfile::tempdir().unwrap();
    let file = |path: &str, bytes: &[u8]| {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    file(".git/HEAD", b"ref: refs/heads/main");
    file("sub/.git", b"gitdir: ../.git/modules/sub");
    for (path, n) in [
        ("a", 1),
        ("sub/b", 2),
        ("sub/target/c", 3),
        ("sub/target.wasm", 4),
    ] {
        file(path, &module(n));
    }
    let globs = |globs: &[&str]| globs.iter().map(|glob| glob.parse().unwrap()).collect();
    let imported = |include: &[&str], exclude: &[&str]| {
        let filter = ImportFilter {
            include: globs(include),
            exclude: globs(exclude),
        };
        let change = Change::default();
        let imported = s
            .store
            .import(&change, dir.path(), &scope(""), &filter, |_, _| {});
        let paths: Vec<_> = imported
            .unwrap()
            .value
            .iter()
            .map(|(path, _)| path.to_string())
            .collect();
        paths.join(" ")
    };
    assert_eq!(
        imported(&[], &[]),
        "/a /sub/b /sub/target.wasm /sub/target/c"
    );
    for path in [".DS_Store", "sub/.DS_Store", "sub/.gitattributes"] {
        file(path, b"x");
    }
    for (include, exclude, expected) in [
        (
            &[][..],
            &[".DS_Store", ".gitattributes"][..],
            "/a /sub/b /sub/target.wasm /sub/target/c",
        ),
        (&[], &["target/", ".*"], "/a /sub/b /sub/target.wasm"),
        (&["*.wasm", "/a"], &[], "/a /sub/target.wasm"),
        (&["target/"], &[], "/sub/target/c"),
        (&["sub"], &[".*", "sub/target*"], "/sub/b"),
        (&["nothing"], &[], ""),
    ] {
        assert_eq!(
            imported(include, exclude),
            expected,
            "{include:?} {exclude:?}"
        );
    }
}

#[test]
fn an_import_with_one_invalid_file_changes_nothing() {
    let s = Scratch::new();
    s.put("a", 1);
    let tip = s.tip();
    let dir = s.root.parent().unwrap().join("files");
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("good.wasm"), module(2)).unwrap();
    std::fs::write(dir.join("z.wasm"), "bad").unwrap();
    let error = s
        .store
        .import(
            &Change::default(),
            &dir,
            &scope(""),
            &ImportFilter::default(),
            |_, _| {},
        )
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidModule);
    assert!(error.to_string().contains("z.wasm"), "{error}");
    std::fs::remove_file(dir.join("z.wasm")).unwrap();
    std::fs::write(dir.join("a"), module(3)).unwrap();
    std::fs::create_dir(dir.join("good")).unwrap();
    std::fs::write(dir.join("good/.gitmodules"), module(3)).unwrap();
    let error = s
        .store
        .import(
            &Change::default(),
            &dir,
            &scope(""),
            &ImportFilter::default(),
            |_, _| {},
        )
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert_eq!((s.tip(), s.content()), (tip, "/a=1".to_owned()));
}

#[test]
fn a_backup_follows_no_link_out_of_the_store() {
    let s = Scratch::new();
    s.put("a", 1);
    let dir = s.root.parent().unwrap();
    std::fs::write(dir.join("secret"), "s3cr3t").unwrap();
    std::fs::create_dir(dir.join("outside")).unwrap();
    std::fs::write(dir.join("outside/secret"), "s3cr3t").unwrap();
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(target, s.root.join(name)).unwrap();
    };
    link("../../secret", "hooks/post-receive");
    link("pre-receive", "hooks/update");
    link("../outside", "info");
    let archive = |name: &str| {
        let path = dir.join(name);
        let out = std::fs::File::create(&path).unwrap();
        s.store.backup(out, || {}).map(|_| path)
    };
    let copy = dir.join("copy");
    unpack(&archive("links.tar.gz").unwrap(), &copy);
    assert!(!copy.join("hooks/post-receive").exists() && !copy.join("info").exists());
    let hook = |name: &str| std::fs::read(copy.join("hooks").join(name)).unwrap();
    assert_eq!(hook("update"), hook("pre-receive"));
    crate::support::store::fsck(&copy);

    for (target, name) in [
        ("../../secret", "objects/secret"),
        ("../../outside", "objects/outside"),
        ("../../objects", "objects/info/loop"),
        ("../../../secret", "objects/pack/pack-1.pack"),
    ] {
        link(target, name);
        let error = archive("refused.tar.gz").unwrap_err().to_string();
        assert!(
            error.contains(&format!("{name:?} is a symbolic link")),
            "{error}"
        );
        std::fs::remove_file(s.root.join(name)).unwrap();
    }
    assert!(archive("again.tar.gz").is_ok());
}

#[test]
fn a_backup_keeps_the_mode_of_the_configuration() {
    use std::os::unix::fs::PermissionsExt;
    let s = Scratch::new();
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(s.root.join("config"), mode).unwrap();
    let dir = s.root.parent().unwrap();
    let out = std::fs::File::create(dir.join("b.tar.gz")).unwrap();
    s.store.backup(out, || {}).unwrap();
    unpack(&dir.join("b.tar.gz"), &dir.join("copy"));
    let copied = std::fs::metadata(dir.join("copy/config")).unwrap();
    assert_eq!(copied.permissions().mode() & 0o777, 0o600);
}
