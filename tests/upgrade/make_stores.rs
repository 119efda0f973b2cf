//! Creates the stores that later versions must be able to open.
//!
//! Before the release of a version that changes any format, in the repository, in `wasmstore/` or in the index, its stores are added to
//! the existing ones:
//!
//!     cargo test --test all make_stores -- --ignored
//!
//! Existing stores are never replaced or removed: users have such stores.

use std::fs;

use rusqlite::Connection;

use super::stored::{SCHEMA, Stored, index_of, stores_dir};
use crate::support::program::{FORMATS, World, module};
use crate::support::store::custom_section;

/// The number of changes to `many.wasm`: a few more than the number of packs that are rolled up into one.
const MANY: u32 = 66;

/// A component.
const PLUGIN: &str = r#"(component (import "log" (func)))"#;

/// The commands whose output is recorded.
const READ: [&str; 28] = [
    "list",
    "list tools",
    "list --branch side",
    "branch --list",
    "snapshot",
    "versions math/add.wasm",
    "version 0 math/add.wasm",
    "versions tools/a.wasm",
    "version 7 many.wasm",
    "audit math/add.wasm",
    "audit tools/a.wasm",
    "audit large.wasm",
    "log --plain --max-count 5",
    "log --plain --skip 70",
    "log --plain --branch side",
    "log --plain --branch squashed",
    "info --json math/add.wasm",
    "info --json large.wasm",
    "info --json --branch side side.wasm",
    "contains tools/a.wasm",
    "show --json",
    "wit plugin.wasm",
    "size math/add.wasm",
    "search kind:component",
    "search --history export:add",
    "search --json needs:1.0 path:math",
    "log --plain math/add.wasm --export add",
    "log --json plugin.wasm --import log",
];

#[test]
#[ignore = "adds files to fixtures/"]
fn make_stores() {
    for format in FORMATS {
        let world = World::with_store(format);
        let dropped = fill(&world);
        let schema: i32 = Connection::open(index_of(&world, SCHEMA))
            .and_then(|index| index.pragma_query_value(None, "user_version", |row| row.get(0)))
            .unwrap();
        let name = format!("{}-schema-{schema}", env!("CARGO_PKG_VERSION"));
        fs::create_dir_all(stores_dir().join(&name)).unwrap();
        let archive = stores_dir().join(&name).join(format!("{format}.tar.gz"));
        assert!(!archive.exists(), "{archive:?} exists");
        let mut tar = world.command("tar");
        tar.args([
            "--sort=name",
            "--numeric-owner",
            "--owner=0",
            "--group=0",
            "-czf",
        ]);
        let tar = tar.arg(&archive).arg("-C").arg(world.root()).arg(".");
        assert!(tar.status().unwrap().success());
        let stored = Stored::new(format!("{name}/{format}"), dropped, record(&world));
        let json = serde_json::to_string_pretty(&stored).unwrap() + "\n";
        fs::write(archive.with_extension("").with_extension("json"), json).unwrap();
    }
}

/// Makes a history with everything that a store can contain; returns a commit that was dropped.
fn fill(world: &World) -> String {
    world.file("adder.wasm", include_bytes!("../../fixtures/adder.wasm"));
    let details = ["--author", "Ann <ann@example.org>", "--message", "By hand"];
    world.ok(&[&["add", "adder.wasm", "math/add.wasm"], &details[..]].concat());
    for (path, n) in [
        ("math/add.wasm", 2),
        ("tools/a.wasm", 3),
        ("tools/b/c.wasm", 4),
        ("math/add.wasm", 5),
    ] {
        world.add(path, n);
    }
    world.ok(&["remove", "tools/a.wasm"]);
    world.git(&["tag", "v1"]);
    merge_branch(world);
    let dropped = squash_and_collect(world);
    world.git(&["pack-refs", "--all"]);
    for n in 0..MANY {
        world.add("many.wasm", 100 + n);
    }
    // Too large for a pack, so it is stored as a loose object.
    world.file("large.wasm", custom_section(vec![1; 140_000]));
    world.ok(&["add", "large.wasm"]);
    world.ok(&["rollback", "math/add.wasm"]);
    for text in [
        PLUGIN,
        r#"(component (import "log" (func (param "text" string))))"#,
    ] {
        world.file("plugin.wasm", wat::parse_str(text).unwrap());
        world.ok(&["add", "plugin.wasm"]);
    }
    // Adds the facts that the index does not have yet.
    world.ok(&["search", "kind:component", "--history"]);
    world.fsck();
    assert_eq!(world.ok(&["verify", "--quiet"]).lines().count(), 1);
    for file in [
        "packed-refs",
        "wasmstore/rolled-up",
        "objects/info/commit-graph",
        "hooks/pre-receive",
    ] {
        assert!(world.root().join(file).exists(), "{file}");
    }
    dropped
}

/// Squashes a branch, deletes another one, and collects garbage; returns the tip of the deleted branch.
fn squash_and_collect(world: &World) -> String {
    world.ok(&["branch", "squashed"]);
    for n in 10..13 {
        world.file("added.wasm", module(n));
        world.ok(&["add", "added.wasm", "squashed.wasm", "--branch", "squashed"]);
    }
    world.ok(&["branch", "short"]);
    world.file("added.wasm", module(13));
    world.ok(&["add", "added.wasm", "short.wasm", "--branch", "short"]);
    let dropped = world.ok(&["snapshot", "--branch", "short"]);
    world.ok(&["branch", "short", "--delete"]);
    world.ok(&["gc", "--branch", "squashed", "--quiet"]);
    world.ok(&["gc", "--keep-history"]);
    dropped.trim().to_owned()
}

/// Creates a branch and merges it.
fn merge_branch(world: &World) {
    world.ok(&["branch", "side"]);
    world.file("added.wasm", module(6));
    world.ok(&["add", "added.wasm", "side.wasm", "--branch", "side"]);
    world.add("tools/d.wasm", 7);
    world.ok(&["merge", "side"]);
    assert_eq!(world.git(&["rev-list", "--count", "--merges", "main"]), "1");
}

/// Runs the recorded commands; returns their arguments and outputs.
fn record(world: &World) -> Vec<(Vec<String>, String)> {
    let digest = world.json(&["info", "tools/b/c.wasm"])["digest"].clone();
    let hash = world.ok(&["hash", "large.wasm"]);
    let merge = world.git(&["rev-list", "--merges", "main"]);
    let tagged = world.git(&["rev-parse", "v1"]);
    let by_id = [
        format!("list --commit {tagged}"),
        format!("diff --json {tagged} main"),
        format!("hash {}", digest.as_str().unwrap()),
        format!("info --json {}", hash.trim()),
        format!("commit {merge}"),
        format!("show --json {merge}"),
    ];
    let commands = READ.into_iter().map(str::to_owned).chain(by_id);
    let words = commands.map(|command| command.split(' ').map(str::to_owned).collect::<Vec<_>>());
    let run = |args: Vec<String>| {
        let out = world.ok(&args.iter().map(String::as_str).collect::<Vec<_>>());
        (args, out)
    };
    words.map(run).collect()
}
