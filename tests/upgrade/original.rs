//! Stores of the original wasmstore, 0.3. They are not git repositories but Irmin directories with SHA-256 hashes.

use std::fs;

use sha2::{Digest, Sha256};

use crate::support::program::{World, module};

#[test]
fn a_store_of_0_3_is_rejected_unchanged_and_its_export_can_be_imported() {
    let world = World::empty();
    let digest = |n| {
        let bytes = Sha256::digest(module(n));
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let old = |n| format!("old/objects/{}/{}", &digest(n)[..2], &digest(n)[2..]);
    for n in 1..3 {
        world.file(&old(n), module(n));
    }
    world.file("old/refs/heads/main", digest(3));
    fs::create_dir(world.path("old/tmp")).unwrap();
    for args in [
        &["list"][..],
        &["add", &old(1), "a.wasm"],
        &["init"],
        &["verify"],
    ] {
        let reason = world.fails(5, &[&["--root", "old"], args].concat());
        assert!(reason.contains("not a git repository"), "{reason}");
    }
    assert_eq!(fs::read_dir(world.path("old")).unwrap().count(), 3);
    assert_eq!(fs::read(world.path(&old(2))).unwrap(), module(2));

    // Files as `export` of the original writes them.
    world.file("files/a.wasm", module(1));
    world.file("files/d/b.wasm", module(2));
    world.changes(&["import", "files"]);
    assert_eq!(world.ok(&["list"]).lines().count(), 2);
    // The original's hashes are digests of the same modules.
    assert_eq!(world.ok(&["find", &digest(1)]).as_bytes(), module(1));
    assert_eq!(world.ok(&["hash", &digest(2)]).trim(), world.hash(2));
}
