//! `info`, `size` and `wit` of a file on disk.

use serde_json::Value;

use crate::support::program::{World, module};

/// A component with a world, from the fixtures of the repository.
const FILTER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/wit/filter.wasm");

#[test]
fn a_file_is_described_like_the_module_in_the_store() {
    for world in World::each() {
        world.file("filter.wasm", std::fs::read(FILTER).unwrap());
        world.changes(&["add", "filter.wasm", "in/store.wasm"]);
        let file = format!("file:{}", world.path("filter.wasm").display());
        for args in [
            &["info"][..],
            &["size"],
            &["size", "--by", "function", "--top", "3"],
            &["wit"],
        ] {
            let of = |name: &str| world.ok(&[args, &[name]].concat());
            let stored = of("in/store.wasm");
            let is_own = |line: &&str| !line.starts_with("hash: ") && !line.starts_with("oci: ");
            let expected: Vec<_> = stored.lines().filter(is_own).collect();
            for name in ["./filter.wasm", "../work/filter.wasm", &file] {
                let described = of(name);
                assert_eq!(
                    described.lines().collect::<Vec<_>>(),
                    expected,
                    "{args:?} {name}"
                );
            }
            let json = |name: &str| world.json(&[args, &[name]].concat());
            let (mut stored, described) = (json("in/store.wasm"), json("./filter.wasm"));
            if args[0] != "wit" {
                stored["hash"] = Value::Null;
                stored.as_object_mut().unwrap().remove("oci");
            }
            assert_eq!(described, stored, "{args:?}");
        }
    }
}

#[test]
fn a_file_needs_no_store_and_has_no_commit() {
    let world = World::empty();
    world.file("a.wasm", module(1));
    world.file("bad.wasm", "x");
    for command in ["info", "size"] {
        let ran = world.run(&[command, "./a.wasm"]);
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
        for (code, args) in [
            (1, &[command, "./no.wasm"][..]),
            (3, &[command, "./bad.wasm"]),
            (2, &[command, "./a.wasm", "--commit", "main"]),
        ] {
            world.fails(code, args);
        }
    }
    let no_wit = world.fails(1, &["wit", "./a.wasm"]);
    assert!(
        no_wit.starts_with("cannot show the WIT of ./a.wasm: "),
        "{no_wit}"
    );
    assert!(!world.root().exists());
}
