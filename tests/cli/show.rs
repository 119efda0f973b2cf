//! `show`.

use serde_json::json;

use crate::support::program::{World, module};

/// Makes a commit that adds, updates and removes one module each, and keeps another; returns its parent.
pub fn changed(world: &World) -> String {
    for (path, n) in [("d/e/same.wasm", 2), ("d/new.wasm", 5), ("z.wasm", 4)] {
        world.add(path, n);
    }
    let expected = world.tip();
    world.changes(&["remove", "d/new.wasm"]);
    world.add("d/gone.wasm", 1);
    world.add("z.wasm", 3);
    let before = world.tip();
    world.changes(&["restore", &expected, "-m", "All at once"]);
    before
}

#[test]
fn show_lists_the_changes_of_a_commit() {
    for world in World::each() {
        let before = changed(&world);
        let [one, three, four, five] = [1, 3, 4, 5].map(|n| world.hash(n));
        let header = world.ok(&["log", "-n", "1"]);
        let expected = format!(
            "{header}D\t/d/gone.wasm\t{one}\nA\t/d/new.wasm\t{five}\nM\t/z.wasm\t{three}\t{four}\n"
        );
        assert_eq!(world.ok(&["show"]), expected);
        for args in [
            &["show", "main"][..],
            &["show", &world.tip()],
            &["show", &world.tip().to_uppercase()],
            &["show", "--commit", &world.tip()],
            &["show", "--branch", "main"],
        ] {
            assert_eq!(world.ok(args), expected, "{args:?}");
        }
        let json = world.json(&["show"]);
        let changes = json!({
            "/d/gone.wasm": { "action": "removed", "hash": one },
            "/d/new.wasm": { "action": "added", "hash": five },
            "/z.wasm": { "action": "updated", "hash": { "old": three, "new": four } },
        });
        assert_eq!(json["changes"], changes);
        assert_eq!(json["message"], "All at once");
        assert_eq!(json["parents"], json!([before]));
    }
}

#[test]
fn show_compares_merges_with_their_first_parent() {
    let world = World::with_store("sha1");
    let root = world.tip();
    let shown = world.ok(&["show", &root]);
    assert_eq!(shown, world.ok(&["log"]));
    assert_eq!(world.json(&["show"])["changes"], json!({}));
    world.changes(&["branch", "dev"]);
    world.file("a.wasm", module(1));
    world.changes(&["add", "a.wasm", "--branch", "dev"]);
    let two = world.add("b.wasm", 2);
    world.changes(&["merge", "dev"]);
    let merge = world.ok(&["show"]);
    let line = format!("A\t/a.wasm\t{}\n", world.hash(1));
    assert!(merge.ends_with(&format!("\n\n{line}")), "{merge}");
    let theirs = world.ok(&["show", "dev"]);
    assert!(
        theirs.ends_with(&line) && !theirs.contains(&two),
        "{theirs}"
    );
}

#[test]
fn show_of_unknown_revisions_fails() {
    let world = World::with_store("sha1");
    let unknown = "3".repeat(40);
    let none = format!("there is no commit {unknown}");
    assert_eq!(world.fails(1, &["show", &unknown]), none);
    assert_eq!(
        world.fails(1, &["show", "b"]),
        "there is no branch or tag \"b\""
    );
    assert_eq!(
        world.fails(1, &["show", "--branch", "b"]),
        "there is no branch \"b\""
    );
    world.fails(3, &["show", "a..b"]);
    let both = world.run(&["show", "main", "--commit", &unknown]);
    assert_eq!(both.code, Some(2));
    let empty = World::empty();
    assert_eq!(
        empty.fails(1, &["show"]),
        "branch \"main\" has no commit yet"
    );
}
