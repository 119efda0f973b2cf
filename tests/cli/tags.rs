//! `tag`.

use serde_json::json;

use crate::support::program::{World, module};

#[test]
fn tags_are_created_listed_and_deleted() {
    for world in World::each() {
        world.add("a.wasm", 1);
        let one = world.tip();
        world.add("a.wasm", 2);
        assert_eq!(world.changes(&["tag", "v/2"]), "");
        assert_eq!(world.git(&["rev-parse", "refs/tags/v/2"]), world.tip());
        let created = json!({ "name": "v/1", "commit": one, "changed": true });
        let annotated = ["tag", "v/1", "@~1", "-m", "Release 1\n\nmore"];
        let by = [&annotated[..], &["--author", "Ann <a@b>"]].concat();
        assert_eq!(world.json(&by), created);
        assert_eq!(world.git(&["cat-file", "-t", "v/1"]), "tag");
        assert_eq!(world.ok(&["tag", "--list"]), "v/1\nv/2\n");
        let long = world.ok(&["tag", "--list", "--long"]);
        let first = long.lines().next().unwrap();
        assert!(
            first.starts_with("v/1  20") && first.ends_with(&format!("  {one}  Ann  Release 1"))
        );
        assert_eq!(world.json(&["tag", "--list"])[0]["annotated"], true);
        assert!(
            world
                .ok(&["show", "v/1"])
                .starts_with(&format!("commit {one}\n"))
        );
        let (old, new) = (&one[..10], &world.tip()[..10]);
        let moved = format!("moved tag v/1 from {old} to {new}\n");
        let ran = world.run(&["tag", "v/1", "main", "--force"]);
        assert_eq!(
            (ran.code, ran.out, ran.err),
            (Some(0), String::new(), moved)
        );
        assert_eq!(world.git(&["rev-parse", "v/1"]), world.tip());
        let moved =
            json!({ "name": "v/1", "commit": one, "changed": true, "moved_from": world.tip() });
        assert_eq!(world.json(&["tag", "v/1", &one, "--force"]), moved);
        assert_eq!(
            world.json(&["tag", "--delete", "v/1"]),
            json!({ "name": "v/1", "commit": one, "changed": true })
        );
        assert_eq!(world.ok(&["tag", "-l"]), "v/2\n");
        world.fsck();
    }
}

#[test]
fn invalid_tag_operations_fail_with_a_reason_and_a_hint() {
    let world = World::with_store("sha1");
    world.changes(&["tag", "v1"]);
    let ran = world.run(&["tag", "v1"]);
    let exists = "wasmstore: tag \"v1\" already exists\nhint: --force replaces it\n";
    assert_eq!((ran.code, &*ran.err), (Some(4), exists));
    let clash = "tags \"v1/x\" and \"v1\" cannot both exist";
    assert_eq!(world.fails(4, &["tag", "v1/x"]), clash);
    let ran = world.run(&["tag", "v2", "--delete"]);
    let unknown = "wasmstore: there is no tag \"v2\"\nhint: did you mean \"v1\"?\n";
    assert_eq!((ran.code, &*ran.err), (Some(1), unknown));
    let ran = world.run(&["list", "--branch", "v1"]);
    let hint = "hint: \"v1\" is a tag, not a branch: `--commit v1` reads it\n";
    assert!(
        ran.code == Some(1) && ran.err.ends_with(hint),
        "{}",
        ran.err
    );
    world.file("a.wasm", module(1));
    let create = "`wasmstore branch NAME --from v1` creates a branch from it";
    for (args, instead) in [
        (
            &["branch", "v1", "--delete"][..],
            "`wasmstore tag v1 --delete` deletes the tag",
        ),
        (
            &["merge", "v1"],
            "create a branch with `wasmstore branch NAME --from v1`, and merge it",
        ),
        (&["merge", "main", "--branch", "v1"], create),
        (&["add", "a.wasm", "--branch", "v1"], create),
    ] {
        let ran = world.run(args);
        let hint = format!("hint: \"v1\" is a tag, not a branch: {instead}\n");
        assert!(ran.err.ends_with(&hint), "{args:?}: {}", ran.err);
    }
    let ran = world.run(&["tag", "v2", "nothing"]);
    let hint = "hint: `wasmstore branch --list` and `wasmstore tag --list` list the names\n";
    let unknown = format!("wasmstore: there is no branch or tag \"nothing\"\n{hint}");
    assert_eq!((ran.code, ran.err), (Some(1), unknown));
    world.fails(3, &["tag", "a..b"]);
    for digits in [40, 64] {
        let id = "abcdef01".repeat(digits / 8);
        for args in [["tag", &id], ["branch", &id]] {
            let reason = world.fails(3, &args);
            assert!(reason.ends_with("has the form of an object id"), "{reason}");
        }
    }
    for args in [
        &["tag"][..],
        &["tag", "x", "--list"],
        &["tag", "--delete"],
        &["tag", "v1", "main", "--delete"],
        &["tag", "v1", "--delete", "-m", "x"],
    ] {
        assert_eq!(world.run(args).code, Some(2), "{args:?}");
    }
}

#[test]
fn a_broken_tag_is_deleted() {
    let world = World::with_store("sha1");
    std::fs::create_dir_all(world.root().join("refs/tags")).unwrap();
    std::fs::write(world.root().join("refs/tags/v1"), "garbage\n").unwrap();
    let broken = world.fails(5, &["tag", "v1"]);
    assert!(
        broken.ends_with("delete it with `wasmstore tag v1 --delete`"),
        "{broken}"
    );
    assert_eq!(world.changes(&["tag", "v1", "--delete", "--quiet"]), "");
    world.fsck();
}
