//! Roots that are missing, are not a store, or cannot be used.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::support::program::{World, module, permissions_are_enforced};

#[test]
fn missing_root_reads_as_an_empty_store_and_is_not_created() {
    let world = World::empty();
    assert_eq!(world.ok(&["list"]), "");
    assert_eq!(world.json(&["list"]), json!({}));
    assert_eq!(world.ok(&["contains", "a.wasm"]), "false\n");
    assert_eq!(world.ok(&["log"]), "");
    assert_eq!(world.json(&["log"]), json!([]));
    assert_eq!(world.ok(&["branch", "--list"]), "");
    for args in [
        &["find", "a.wasm"][..],
        &["filename", "a.wasm"],
        &["hash", "a.wasm"],
        &["info", "a.wasm"],
    ] {
        assert_eq!(
            world.fails(1, args),
            "there is no module /a.wasm",
            "{args:?}"
        );
    }
    for args in [
        &["versions", "a.wasm"][..],
        &["version", "0", "a.wasm"],
        &["audit", "a.wasm"],
    ] {
        assert_eq!(
            world.fails(1, args),
            "there has never been anything at /a.wasm"
        );
    }
    for args in [&["snapshot"][..], &["backup", "b.tar.gz"], &["watch"]] {
        assert_eq!(
            world.fails(1, args),
            "branch \"main\" has no commit yet",
            "{args:?}"
        );
    }
    world.fails(1, &["commit", &"0".repeat(40)]);
    world.fails(1, &["list", "--commit", &"0".repeat(40)]);
    world.fails(1, &["list", "--branch", "dev"]);
    assert!(!world.root().exists() && !world.path("b.tar.gz").exists());
}

#[test]
fn write_creates_the_root_and_its_parent_directories() {
    let world = World::empty();
    world.file("a.wasm", module(1));
    world.ok(&["add", "a.wasm", "--root", "new/deep/store"]);
    assert_eq!(
        world
            .ok(&["list", "--root", "new/deep/store"])
            .lines()
            .count(),
        1
    );
    assert!(!world.root().exists());
}

/// Returns commands for every way to open the store.
fn openings(world: &World) -> Vec<Vec<&'static str>> {
    world.file("a.wasm", module(1));
    fs::create_dir_all(world.path("in")).unwrap();
    vec![
        vec!["list"],
        vec!["find", "a.wasm"],
        vec!["log"],
        vec!["snapshot"],
        vec!["add", "a.wasm"],
        vec!["remove", "a.wasm"],
        vec!["import", "in"],
        vec!["branch", "--list"],
        vec!["branch", "dev"],
        vec!["gc"],
        vec!["watch"],
        vec!["backup", "b.tar.gz"],
        vec!["export"],
        vec!["init"],
    ]
}

#[test]
fn root_that_is_not_a_store_is_rejected_with_a_reason() {
    let world = World::empty();
    let openings = openings(&world);
    world.file("file", "x");
    world.file("directory/file", "x");
    let git = world
        .command("git")
        .args(["init", "-q", "work-tree"])
        .status();
    assert!(git.unwrap().success());
    fs::create_dir(world.path("broken")).unwrap();
    world.file("broken/HEAD", "nonsense");
    for (root, part) in [
        ("file", "Not a directory"),
        ("file/below", "Not a directory"),
        ("directory", "it is not a git repository"),
        ("work-tree", "a store is a bare repository"),
        ("work-tree/.git", "it is not bare"),
        ("broken", "it is not a readable git repository"),
    ] {
        let before = fs::read_dir(world.path(root)).map_or(0, |files| files.count());
        for args in &openings {
            let reason = world.fails(5, &[&["--root", root], &args[..]].concat());
            assert!(reason.contains(part), "{root} {args:?}: {reason}");
        }
        let after = fs::read_dir(world.path(root)).map_or(0, |files| files.count());
        assert_eq!(after, before, "{root}");
    }
    assert!(!world.path("b.tar.gz").exists() && !world.path("main").exists());
}

#[test]
fn access_depends_on_permissions() {
    let world = World::with_store("sha1");
    let hash = world.add("a.wasm", 1);
    if !permissions_are_enforced(&world.path("")) {
        println!("skipped: permissions bind nobody here");
        return;
    }
    let set = |mode| {
        let git = world
            .command("chmod")
            .arg("-R")
            .arg(mode)
            .arg(world.root())
            .status();
        assert!(git.unwrap().success());
    };
    set("a-w");
    assert_eq!(world.ok(&["list"]), format!("{hash}\t/a.wasm\n"));
    world.file("b.wasm", module(2));
    world.fails(5, &["add", "b.wasm"]);
    world.fails(5, &["remove", "a.wasm"]);
    set("u+w");
    fs::set_permissions(world.root(), fs::Permissions::from_mode(0o000)).unwrap();
    let reason = world.run(&["list"]);
    assert_eq!((reason.code, reason.out.as_str()), (Some(5), ""));
    fs::set_permissions(world.root(), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn missing_object_is_reported() {
    let world = World::with_store("sha1");
    let hash = world.add("a.wasm", 1);
    let object = world
        .root()
        .join("objects")
        .join(&hash[..2])
        .join(&hash[2..]);
    if !object.exists() {
        println!("skipped: the module is in a pack");
        return;
    }
    fs::remove_file(object).unwrap();
    let ran = world.run(&["find", "a.wasm"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(5), ""), "{ran:?}");
    assert_eq!(ran.err, format!("wasmstore: object {hash} is missing\n"));
}

#[test]
fn failed_write_to_a_missing_store_does_not_create_it() {
    let world = World::empty();
    let hash = "0".repeat(40);
    for args in [
        &["remove", "a"][..],
        &["rollback"],
        &["restore", &hash],
        &["merge", "dev"],
        &["set", &hash, "a"],
        &["branch", "dev", "--delete"],
        &["gc"],
    ] {
        let reason = world.fails(1, args);
        assert!(reason.contains("there is no store"), "{args:?}: {reason}");
        assert!(!world.root().exists(), "{args:?}");
    }
}

#[test]
fn url_with_an_unknown_scheme_is_no_directory() {
    let world = World::empty();
    world.file("a.wasm", module(1));
    for url in [
        "htps://modules.example.org",
        "httpss://modules.example.org",
        "ftp://modules.example.org",
        "ssh://git@example.org/x.git",
        "file:///srv/store",
    ] {
        let reason = world.fails(3, &["--root", url, "add", "a.wasm"]);
        let expected = format!(
            "store location {url:?} has an unknown scheme: expected a directory, or a URL with http:// or https://"
        );
        assert_eq!(reason, expected);
        let scheme = url.split('/').next().unwrap();
        assert!(!world.path(scheme).exists(), "{url}");
        let ran = world
            .wasmstore(&["list"])
            .env("WASMSTORE_ROOT", url)
            .output();
        assert_eq!(ran.unwrap().status.code(), Some(3), "{url}");
    }
    let reason = world.fails(3, &["--root", "ftp://ann:s3cr3t@h", "list"]);
    assert!(!reason.contains("s3cr3t"), "{reason}");
}

#[test]
fn tilde_is_the_home_directory() {
    let world = World::empty();
    world.file("a.wasm", module(1));
    // A shell does not expand this one.
    world.ok(&["add", "a.wasm", "--root=~/modules"]);
    let home = world.path("../home/modules");
    assert!(home.join("objects").is_dir() && !world.path("~").exists());
    let reason = world.fails(3, &["--root=~bob/modules", "list"]);
    assert!(
        reason.ends_with("begins with ~USER: write the whole path, or ./~USER"),
        "{reason}"
    );
}
