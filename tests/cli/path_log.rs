//! `log PATH`.

use serde_json::json;

use crate::support::program::World;

/// A store with versions of `lib/a.wasm`, oldest first.
fn history() -> (World, Vec<String>) {
    let world = World::with_store("sha1");
    let mut commits = Vec::new();
    for text in [
        r#"(module (import "env" "f" (func)))"#,
        r#"(module (import "env" "f" (func (param i32))))"#,
        r#"(module (import "env" "f" (func (param i32))) (func (export "run")) (@custom "padding" "0123456789"))"#,
        r#"(module (func (export "run")))"#,
    ] {
        world.file("m.wasm", wat::parse_str(text).unwrap());
        world.changes(&["add", "m.wasm", "lib/a.wasm"]);
        commits.push(world.tip());
    }
    world.add("other", 1);
    (world, commits)
}

fn commits(world: &World, args: &[&str]) -> Vec<String> {
    let log = world.json(&[&["log", "lib/a.wasm"], args].concat());
    let log = log.as_array().unwrap().iter();
    log.map(|commit| commit["hash"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_commits_of_a_path_are_listed() {
    let (world, ids) = history();
    let newest_first: Vec<_> = ids.iter().rev().cloned().collect();
    assert_eq!(commits(&world, &[]), newest_first);
    assert_eq!(commits(&world, &["--reverse"]), ids);
    assert_eq!(
        commits(&world, &["--skip", "1", "-n", "2"]),
        newest_first[1..3]
    );
    assert_eq!(commits(&world, &["-n", "0"]), [""; 0]);
    let out = world.ok(&["log", "lib/a.wasm", "-n", "1"]);
    let hash = world.git(&["rev-parse", "main:lib/a.wasm"]);
    assert!(
        out.starts_with(&format!("commit {}\nAuthor: ", ids[3])),
        "{out}"
    );
    assert!(
        out.contains(&format!("\nModule: {}\n\nSet", hash.trim()))
            || out.contains(&format!("\nModule: {}\n\nImport", hash.trim())),
        "{out}"
    );
    world.changes(&["remove", "lib/a.wasm"]);
    assert!(
        world
            .ok(&["log", "lib/a.wasm", "-n", "1"])
            .contains("\nModule: removed\n")
    );
}

#[test]
fn filters_select_commits_by_what_they_changed() {
    let (world, ids) = history();
    let picked = |numbers: &[usize]| numbers.iter().map(|n| ids[*n].clone()).collect::<Vec<_>>();
    assert_eq!(commits(&world, &["--import", "env"]), picked(&[3, 1, 0]));
    assert_eq!(
        commits(&world, &["--import", "env.*", "-n", "1"]),
        picked(&[3])
    );
    assert_eq!(commits(&world, &["--export", "run"]), picked(&[2]));
    assert_eq!(commits(&world, &["--grew", "10%"]), picked(&[2]));
    assert_eq!(
        commits(&world, &["--export", "run", "--import", "env", "--reverse"]),
        picked(&[0, 1, 2, 3])
    );
    assert_eq!(
        commits(&world, &["--commit", &ids[1], "--import", "env"]),
        picked(&[1, 0])
    );
    let matched = &world.json(&["log", "lib/a.wasm", "--import", "env"])[1]["matched"];
    let expected = json!({
        "items": [{ "kind": "import", "name": "env.f", "old": { "type": "(func)" }, "new": { "type": "(func (param i32))" } }],
        "left_out": 0,
    });
    assert_eq!(matched, &expected);
    let out = world.ok(&[
        "log",
        "lib/a.wasm",
        "--import",
        "env",
        "--export",
        "run",
        "--grew",
        "50%",
    ]);
    let changes: Vec<_> = out
        .lines()
        .filter(|line| line.starts_with("    "))
        .collect();
    assert_eq!(changes.len(), 5, "{out}");
    assert_eq!(changes[0], "    - import env.f: (func (param i32))");
    assert_eq!(changes[1], "    + export run: (func)");
    assert!(
        changes[2].starts_with("    size: ") && changes[2].ends_with("%)"),
        "{out}"
    );
    assert_eq!(
        changes[3],
        "    ~ import env.f: (func) -> (func (param i32))"
    );
    assert_eq!(changes[4], "    + import env.f: (func)");
    assert_eq!(world.ok(&["log", "lib/a.wasm", "--import", "nothing"]), "");
    assert_eq!(
        world.ok(&["log", "lib/a.wasm", "--import", "nothing", "--json"]),
        "[]\n"
    );
}

#[test]
fn a_log_needs_no_index() {
    let (world, ids) = history();
    std::fs::remove_dir_all(world.root().join("wasmstore")).unwrap();
    assert_eq!(commits(&world, &["--export", "run"]), [ids[2].clone()]);
}

#[test]
fn wrong_arguments_are_errors() {
    let (world, _) = history();
    for args in [
        &["log", "--import", "env"][..],
        &["log", "--grew", "10%"],
        &["log", "lib/a.wasm", "--graph"],
        &["log", "lib/a.wasm", "--grew", "10"],
    ] {
        assert_eq!(world.run(args).code, Some(2), "{args:?}");
    }
    let refused = world.run(&["log", "lib/a.wasm", "--import", "wasi:http@y"]);
    assert_eq!(refused.code, Some(3));
    assert!(
        refused.err.contains("\n  wasi:http@y\n           ^"),
        "{}",
        refused.err
    );
    for args in [&["log", "none"][..], &["log", "none", "--export", "x"]] {
        assert!(world.fails(1, args).contains("none"), "{args:?}");
    }
    assert!(
        world
            .fails(
                1,
                &["log", "lib/a.wasm", "--grew", "1%", "--branch", "nope"]
            )
            .contains("nope")
    );
}

#[test]
fn the_commits_of_a_directory_are_listed() {
    let (world, ids) = history();
    world.add("lib/d/b.wasm", 7);
    let below = world.tip();
    world.changes(&["remove", "lib/a.wasm"]);
    let removal = world.tip();
    let listed = |path: &str| -> Vec<String> {
        let log = world.json(&["log", path]);
        let log = log.as_array().unwrap().iter();
        log.map(|commit| {
            assert!(commit.get("module").is_none(), "{commit}");
            commit["commit"].as_str().unwrap().to_owned()
        })
        .collect()
    };
    let mut expected = vec![removal.clone(), below.clone()];
    expected.extend(ids.iter().rev().cloned());
    assert_eq!(listed("lib"), expected);
    assert_eq!(listed("/lib/"), expected);
    assert_eq!(listed("lib/d"), std::slice::from_ref(&below));
    let out = world.ok(&["log", "lib", "-n", "1"]);
    assert!(
        out.starts_with(&format!("commit {removal}\n")) && !out.contains("Module:"),
        "{out}"
    );
    // A directory that is gone keeps its log.
    world.changes(&["remove", "lib", "-r"]);
    assert_eq!(listed("lib").len(), expected.len() + 1);
    assert_eq!(
        world.fails(1, &["log", "li"]),
        "there has never been anything at /li"
    );
}

#[test]
fn commits_are_selected_by_author_and_date() {
    let world = World::with_store("sha1");
    for (n, author) in [
        (1, "Ann <ann@x>"),
        (2, "Bob <bob@x>"),
        (3, "Ann Other <other@x>"),
    ] {
        world.file("m.wasm", crate::support::program::module(n));
        world.changes(&["add", "m.wasm", "d/a.wasm", "--author", author]);
    }
    let authors = |args: &[&str]| -> Vec<String> {
        let log = world.json(args);
        let log = log.as_array().unwrap().iter();
        log.map(|commit| commit["author"].as_str().unwrap().to_owned())
            .collect()
    };
    for path in [&["log"][..], &["log", "d/a.wasm"], &["log", "d"]] {
        let with = |more: &[&str]| authors(&[path, more].concat());
        assert_eq!(with(&["--author", "Ann"]), ["Ann Other", "Ann"]);
        assert_eq!(with(&["--author", "Ann <ann@x>"]), ["Ann"]);
        assert_eq!(
            with(&["--author", "Ann", "-n", "1", "--skip", "1"]),
            ["Ann"]
        );
        assert_eq!(with(&["--author", "Nobody"]), [""; 0]);
        assert_eq!(with(&["--since", "1h", "--author", "Bob"]), ["Bob"]);
        assert_eq!(with(&["--since", "2200-01-01"]), [""; 0]);
    }
    let (code, tip) = (world.run(&["log", "--since", "soon"]).code, world.tip());
    assert_eq!(code, Some(3));
    let line = format!("{} Import /d/a.wasm\n", &tip[..10]);
    assert_eq!(world.ok(&["log", "--oneline", "-n", "1"]), line);
    assert_eq!(world.ok(&["log", "d", "--oneline", "-n", "1"]), line);
    let graph = world.ok(&["log", "--oneline", "--graph"]);
    assert_eq!(graph.lines().count(), 4, "{graph}");
}
