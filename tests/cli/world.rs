//! `world`.

use serde_json::json;

use crate::support::program::World;

const WIT: &str = "package a:b; world small { import log: func(); } world runner { import log: func(); export run: func(); }";

/// Creates a store with a core module, a component that only imports a function, and one that also exports a function.
fn components() -> (World, [String; 2]) {
    let world = World::with_store("sha1");
    let add = |path: &str, text: &str| {
        world.file("m.wasm", wat::parse_str(text).unwrap());
        world.changes(&["add", "m.wasm", path]).trim().to_owned()
    };
    add("core.wasm", "(module)");
    let importer = add("c/import.wasm", r#"(component (import "log" (func)))"#);
    let exporter = add(
        "c/export.wasm",
        r#"(component (core module $m (func (export "run"))) (core instance $i (instantiate $m))
            (func (export "run") (canon lift (core func $i "run"))))"#,
    );
    world.file("w.wit", WIT);
    (world, [importer, exporter])
}

#[test]
fn components_that_fit_are_listed() {
    let (world, [importer, exporter]) = components();
    let import = format!("{importer}\t/c/import.wasm\n");
    let export = format!("{exporter}\t/c/export.wasm\n");
    let both = format!("{export}{import}");
    assert_eq!(world.ok(&["world", "w.wit", "small"]), both);
    assert_eq!(world.ok(&["world", "w.wit", "small", "--path", "c"]), both);
    assert_eq!(world.ok(&["world", "w.wit", "runner"]), export);
    let json = json!([{ "path": "/c/export.wasm", "hash": exporter, "reasons": [] }]);
    assert_eq!(world.json(&["world", "w.wit", "runner"]), json);
    let root = world.git(&["rev-list", "--max-parents=0", "main"]);
    let empty = ["world", "w.wit", "small", "--commit", root.trim()];
    assert_eq!(world.ok(&empty), "");
}

#[test]
fn a_module_that_does_not_fit_has_reasons() {
    let (world, [importer, _]) = components();
    let args = ["world", "w.wit", "runner", "--path", "c/import.wasm"];
    let reason = "the component does not export the function `run`, which the world does";
    assert_eq!(world.ok(&args), format!("{reason}\n"));
    let json = json!([{ "path": "/c/import.wasm", "hash": importer, "reasons": [reason] }]);
    assert_eq!(world.json(&args), json);
    let core = ["world", "w.wit", "small", "--path", "core.wasm"];
    let reason = "a core module without a component-type section has no WIT\n";
    assert_eq!(world.ok(&core), reason);
}

#[test]
fn files_that_are_no_world_are_errors() {
    let (world, _) = components();
    assert!(
        world
            .fails(1, &["world", "none.wit"])
            .starts_with("cannot read")
    );
    assert!(
        world
            .fails(3, &["world", "w.wit"])
            .contains("multiple worlds")
    );
    assert!(
        world
            .fails(3, &["world", "w.wit", "other"])
            .contains("other")
    );
    world.file("bad.wit", "package a:b; world w { import c:d/e; }");
    assert!(world.fails(3, &["world", "bad.wit"]).contains("bad.wit"));
    world.file("large.wit", " ".repeat(2 << 20));
    assert!(
        world
            .fails(3, &["world", "large.wit"])
            .contains("larger than")
    );
    let absent = ["world", "w.wit", "small", "--path", "none.wasm"];
    assert_eq!(world.fails(1, &absent), "there is no module /none.wasm");
}

#[test]
fn a_store_that_does_not_exist_is_empty() {
    let world = World::empty();
    world.file("w.wit", "package a:b; world w {}");
    assert_eq!(world.ok(&["world", "w.wit"]), "");
    assert!(!world.root().exists());
    let absent = ["world", "w.wit", "--path", "none.wasm"];
    assert_eq!(world.fails(1, &absent), "there is no module /none.wasm");
}
