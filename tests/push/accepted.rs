//! Accepted pushes: readers, watchers and the version index see them like any other change.

use std::collections::BTreeMap;

use super::Clone;
use crate::support::program::{FORMATS, World};
use crate::support::watching::WatchProcess;

#[test]
fn readers_watchers_and_versions_see_a_push() {
    for format in FORMATS {
        let world = World::with_store(format);
        let first = world.add("a", 1);
        let watch = WatchProcess::start(&world, &["--since", &world.tip()]);
        let clone = Clone::of(&world, "clone");
        let one = clone.module("a", 2);
        let two = clone.module("b/c", 3);
        clone.pushes(&["main"]);
        let hash = clone.git(&["rev-parse", "HEAD:a"]);
        let mut actions = BTreeMap::new();
        while actions.len() < 2 {
            let event: serde_json::Value = serde_json::from_str(&watch.next()).unwrap();
            for (path, change) in event.as_object().unwrap() {
                actions.insert(path.clone(), change["action"].clone());
            }
        }
        assert_eq!(actions["/a"], "updated");
        assert_eq!(actions["/b/c"], "added");
        assert_eq!(world.ok(&["snapshot"]).trim(), two);
        let versions = world.ok(&["versions", "a"]);
        let wanted = format!("{hash}\tcommit: {one}\n");
        assert!(
            versions.starts_with(&first) && versions.ends_with(&wanted),
            "{versions}"
        );
        assert_eq!(world.ok(&["contains", &hash]), "true\n");
        assert_eq!(world.ok(&["verify"]).lines().count(), 1);
    }
}

#[test]
fn one_push_can_create_and_delete_branches_and_tags() {
    let world = World::with_store("sha1");
    let clone = Clone::of(&world, "clone").with("WASMSTORE_PUSH_METHODS", "*");
    clone.module("a", 1);
    clone.git(&["tag", "-a", "v1", "-m", "one"]);
    clone.git(&["tag", "-a", "v1.1", "-m", "tag of a tag", "v1"]);
    clone.pushes(&["main", "main:x", "v1", "v1.1", "main:deep/er/branch"]);
    assert_eq!(world.ok(&["branch", "--list"]), "deep/er/branch\nmain\nx\n");
    assert_eq!(
        world.ok(&["find", "a", "--branch", "x"]),
        world.ok(&["find", "a"])
    );
    // Deletions come first, so a branch can replace a directory of branches, and the reverse.
    clone.pushes(&[":x", "main:x/y", ":deep/er/branch", "main:deep", ":v1"]);
    assert_eq!(world.ok(&["branch", "--list"]), "deep\nmain\nx/y\n");
    world.ok(&["gc"]);
    world.fsck();
    clone.git(&["fetch", "-q", "--prune"]);
    clone.pushes(&["--atomic", ":deep", "main:deep/er"]);
    assert_eq!(world.ok(&["branch", "--list"]), "deep/er\nmain\nx/y\n");
}

#[test]
fn merges_and_new_roots_can_be_pushed() {
    let world = World::with_store("sha1");
    world.add("there", 0);
    let clone = Clone::of(&world, "clone");
    clone.git(&["checkout", "-q", "-b", "side"]);
    clone.module("s", 1);
    clone.git(&["checkout", "-q", "main"]);
    clone.module("m", 2);
    clone.git(&["merge", "-q", "-m", "merge", "side"]);
    clone.pushes(&["main"]);
    assert_eq!(world.ok(&["list"]).lines().count(), 3);
    clone.git(&["checkout", "-q", "--orphan", "other"]);
    clone.git(&["rm", "-q", "-r", "--force", "."]);
    clone.module("root", 3);
    clone.pushes(&["other"]);
    assert_eq!(world.ok(&["list", "--branch", "other"]).lines().count(), 1);
}

#[test]
fn existing_files_that_are_not_modules_stay() {
    let world = World::with_store("sha1");
    let clone = Clone::of(&world, "clone");
    clone.commit("README", "from before it was a store");
    // git fetch runs no hooks.
    let tip = clone.git(&["rev-parse", "HEAD"]);
    world.git(&["fetch", "-q", clone.dir.to_str().unwrap(), "main"]);
    world.git(&["update-ref", "refs/heads/main", &tip]);
    clone.module("good", 1);
    clone.pushes(&["main"]);
    clone.commit("README", "changed");
    let seen = clone.refused(&["main"]);
    assert!(seen.contains("/README in commit "), "{seen}");
    clone.git(&["reset", "-q", "--hard", "HEAD~1"]);
    clone.git(&["rm", "-q", "README"]);
    clone.commit_all();
    clone.pushes(&["main"]);
}

#[test]
fn a_shallow_clone_pushes_and_leaves_the_store_whole() {
    let world = World::with_store("sha1");
    for n in 0..5 {
        world.add("a", n);
    }
    let clone = Clone::of(&world, "clone");
    let url = format!("file://{}", world.root().display());
    let shallow = world.path("shallow");
    clone.git(&[
        "clone",
        "-q",
        "--depth",
        "1",
        &url,
        shallow.to_str().unwrap(),
    ]);
    let clone = Clone {
        dir: shallow,
        ..clone
    };
    clone.module("b", 9);
    clone.pushes(&["main"]);
    assert!(!world.root().join("shallow").exists());
    assert_eq!(world.ok(&["versions", "a"]).lines().count(), 5);
}
