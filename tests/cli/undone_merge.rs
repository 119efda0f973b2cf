//! The hint of `merge` after a rollback of the same merge.

use crate::support::program::{World, module};

/// Creates a store with `q.wasm` and a branch `f`, which adds `p.wasm`.
fn store() -> World {
    let world = World::with_store("sha1");
    world.add("q.wasm", 1);
    world.changes(&["branch", "f"]);
    world.file("p", module(2));
    world.changes(&["add", "p", "p.wasm", "--branch", "f"]);
    world
}

/// Merges `f`, which must change nothing, and returns the hint.
#[track_caller]
fn hint(world: &World) -> Option<String> {
    let ran = world.run(&["merge", "f"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let mut lines = ran.err.lines();
    assert!(
        lines.next().unwrap().starts_with("nothing changed"),
        "{ran:?}"
    );
    lines.next().map(str::to_owned)
}

#[test]
fn a_rollback_of_a_path_is_not_one_of_the_merge() {
    // The rollback undid the merge at its path, but a restoration of the merge would remove what was added since.
    let world = store();
    world.changes(&["merge", "f", "--no-ff"]);
    world.add("new.wasm", 3);
    world.changes(&["rollback", "p.wasm"]);
    assert_eq!(hint(&world), None);
    // The rollback undid another change, and the merge is still there.
    let world = store();
    world.add("q.wasm", 4);
    world.changes(&["merge", "f", "--no-ff"]);
    world.changes(&["rollback", "q.wasm"]);
    assert_eq!(hint(&world), None);
    world.ok(&["contains", "p.wasm"]);
}

#[test]
fn the_command_of_the_hint_makes_only_the_changes_of_the_merge() {
    for flag in [&["--no-ff"][..], &[]] {
        let world = store();
        world.changes(&[&["merge", "f"], flag].concat());
        let merge = world.tip();
        world.add("new.wasm", 3);
        world.changes(&["rollback"]);
        world.changes(&["rollback"]);
        let (undo, before) = (world.tip(), world.ok(&["list"]));
        assert!(!before.contains("/p.wasm"), "{before}");
        let (undo, merge) = (&undo[..10], &merge[..10]);
        let expected = format!(
            "hint: f is merged already, and the rollback {undo} undid its changes: \
             `wasmstore restore {merge} --branch main` makes them again"
        );
        assert_eq!(hint(&world), Some(expected));
        world.changes(&["restore", merge, "--branch", "main"]);
        let added = format!("{}\t/p.wasm\n", world.hash(2));
        let after = world.ok(&["list"]);
        assert_eq!(after.replace(&added, ""), before);
        assert_ne!(after, before);
        // The changes were made again.
        assert_eq!(hint(&world), None);
        world.add("later.wasm", 5);
        assert_eq!(hint(&world), None);
    }
}
