//! `restore --dry-run`: says what a restoration would change.

use serde_json::json;

use crate::support::program::World;

#[test]
fn a_dry_run_prints_what_the_restoration_then_changes() {
    for world in World::each() {
        let one = world.add("a.wasm", 1);
        world.add("d/b.wasm", 2);
        let old = world.tip();
        let three = world.add("a.wasm", 3);
        world.changes(&["remove", "d/b.wasm"]);
        world.add("c.wasm", 4);
        let (tip, state) = (world.tip(), world.state());
        let ran = world.run(&["restore", "--dry-run", &old]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let expected = [
            format!("M\t/a.wasm\t{three}\t{one}\n"),
            format!("D\t/c.wasm\t{}\n", world.hash(4)),
            format!("A\t/d/b.wasm\t{}\n", world.hash(2)),
        ];
        assert_eq!(ran.out, expected.concat());
        let id = &old[..10];
        assert_eq!(
            ran.err,
            format!("nothing changed: this would restore {id}\n")
        );
        let ran = world.run(&["restore", "--dry-run", &old, "a.wasm"]);
        assert_eq!(ran.out, expected[0]);
        assert_eq!(
            ran.err,
            format!("nothing changed: this would restore /a.wasm of {id}\n")
        );
        let change =
            json!({ "path": "/a.wasm", "action": "updated", "hash": { "old": three, "new": one } });
        assert_eq!(
            world.json(&["restore", "--dry-run", &old, "a.wasm"]),
            json!({ "commit": tip, "restores": old, "changes": [change] })
        );
        assert_eq!(world.state(), state);
        world.changes(&["restore", &old]);
        let diff = world.ok(&["diff", &tip, "main"]);
        let changes = diff
            .split_inclusive('\n')
            .filter(|line| !line.starts_with(' '));
        assert_eq!(changes.collect::<String>(), expected.concat());
    }
}

#[test]
fn a_dry_run_fails_as_the_restoration_does() {
    let world = World::with_store("sha1");
    world.add("d/b.wasm", 1);
    let old = world.tip();
    world.changes(&["remove", "d", "--recursive"]);
    world.add("d", 2);
    for args in [
        &["restore", &old, "d/b.wasm"][..],
        &["restore", &old, "nothing"],
        &["restore", "12345678", "d"],
        &["restore", &"1".repeat(40), "d"],
        &["restore", &old, "d", "--branch", "none"],
    ] {
        let (ran, preview) = (world.run(args), world.run(&[args, &["--dry-run"]].concat()));
        assert_eq!(
            (preview.code, &preview.err),
            (ran.code, &ran.err),
            "{args:?}"
        );
        assert_ne!(ran.code, Some(0), "{args:?}");
    }
}
