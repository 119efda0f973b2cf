//! `wasmstore` without a command: the overview.

use serde_json::{Value, json};

use crate::support::program::World;

#[test]
fn overview_describes_the_store() {
    for world in World::each() {
        world.add("a.wasm", 1);
        world.add("d/b.wasm", 2);
        world.changes(&["branch", "dev"]);
        world.git(&["tag", "v1"]);
        let out = world.ok(&[]);
        let lines: Vec<_> = out.lines().collect();
        let root = world.root();
        let format = world.git(&["rev-parse", "--show-object-format"]);
        assert_eq!(lines[0], format!("store:   {} ({format})", root.display()));
        assert_eq!(
            lines[1],
            "branch:  main (the default; branches: 2, tags: 1)"
        );
        assert_eq!(lines[2..4], ["modules: 2", "commits: 3"]);
        assert!(
            lines[4].starts_with("size:    ") && lines[4].ends_with("iB"),
            "{out}"
        );
        let date = "--date=format-local:%a %b %d %H:%M:%S %Y";
        let newest = world.git(&["log", "-1", date, "--abbrev=10", "--format=%h %ad %an: %s"]);
        assert_eq!(lines[5], format!("newest:  {newest}"));
        assert_eq!(lines.len(), 6);
        let on_dev = world.ok(&["--branch", "dev"]);
        let expected = "branch:  dev (the default is main; branches: 2, tags: 1)\n";
        assert!(on_dev.contains(expected), "{on_dev}");
    }
}

#[test]
fn overview_json_has_the_same_facts() {
    for world in World::each() {
        world.add("a.wasm", 1);
        let json = world.json(&[]);
        let mut bytes = 0;
        for directory in std::fs::read_dir(world.root().join("objects")).unwrap() {
            let files = std::fs::read_dir(directory.unwrap().path()).unwrap();
            bytes += files
                .map(|file| file.unwrap().metadata().unwrap().len())
                .sum::<u64>();
        }
        let mut newest: Value = serde_json::from_str(&world.ok(&["commit", &world.tip()])).unwrap();
        newest["commit"] = world.tip().into();
        let expected = json!({
            "root": world.root(), "exists": true,
            "object_format": world.git(&["rev-parse", "--show-object-format"]),
            "branch": "main", "default_branch": "main", "branches": 1, "tags": 0,
            "modules": { "count": 1, "more": false }, "commits": { "count": 2, "more": false },
            "objects_bytes": bytes, "newest": newest, "mirrors": [],
        });
        assert_eq!(json, expected);
    }
}

#[test]
fn overview_lists_mirrors() {
    let world = World::with_store("sha1");
    let git = world
        .command("git")
        .args(["init", "-q", "--bare", "there"])
        .status();
    assert!(git.unwrap().success());
    let there = world.path("there");
    let there = there.to_str().unwrap();
    world.ok(&["mirror", "add", "backup", there]);
    let out = world.ok(&[]);
    assert!(
        out.ends_with(&format!("\nmirror:  backup {there}\n")),
        "{out}"
    );
    let mirrors = world.json(&[])["mirrors"].clone();
    assert_eq!(mirrors, json!([{ "name": "backup", "url": there }]));
}

#[test]
fn overview_of_a_missing_store_creates_nothing() {
    let world = World::empty();
    let root = world.root();
    let out = world.ok(&[]);
    let (first, next) = out.split_once('\n').unwrap();
    assert_eq!(
        first,
        format!("store:   {} (does not exist yet)", root.display())
    );
    assert!(
        next.contains("`wasmstore init`") && next.contains("--root"),
        "{out}"
    );
    let absent = json!({ "root": root, "exists": false });
    assert_eq!(world.json(&[]), absent);
    assert!(!root.exists());
    let elsewhere = world.path("else/where");
    assert_eq!(
        world.json(&["--root", "else/where"])["root"],
        json!(elsewhere)
    );
    assert!(!elsewhere.exists());
}

#[test]
fn overview_reports_invalid_branch_and_root() {
    let world = World::with_store("sha1");
    let unknown = "there is no branch \"b\"";
    assert_eq!(world.fails(1, &["--branch", "b"]), unknown);
    world.fails(3, &["--branch", "a..b"]);
    world.file("file", "x");
    let reason = world.fails(5, &["--root", "file"]);
    assert!(reason.contains("Not a directory"), "{reason}");
    assert_eq!(world.run(&["--nonsense"]).code, Some(2));
}

#[test]
fn overview_escapes_control_characters_of_messages() {
    let world = World::with_store("sha1");
    let tree = world.git(&["rev-parse", "HEAD^{tree}"]);
    let commit = world.git(&[
        "-c",
        "user.name=A",
        "-c",
        "user.email=a@b",
        "commit-tree",
        "-m",
        "x\u{1b}[31m",
        &tree,
    ]);
    world.git(&["update-ref", "refs/heads/main", &commit]);
    let out = world.ok(&[]);
    assert!(
        out.contains("A: x\\u{1b}[31m") && !out.contains('\u{1b}'),
        "{out}"
    );
}
