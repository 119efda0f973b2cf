//! `diff`.

use serde_json::json;

use super::show::changed;
use crate::support::program::{World, module};

#[test]
fn diff_lists_added_removed_and_updated_modules() {
    for world in World::each() {
        let before = changed(&world);
        let [one, three, four, five] = [1, 3, 4, 5].map(|n| world.hash(n));
        let removed = format!("D\t/d/gone.wasm\t{one}\n");
        let added = format!("A\t/d/new.wasm\t{five}\n");
        let size = module(3).len();
        let gone = "the newer module does not export `f3`, which the older one does";
        let more = "the newer module exports `f4`, which the older one does not";
        let updated = format!(
            "M\t/z.wasm\t{three}\t{four}\n    verdict: breaking\n      breaking: {gone}\n      compatible: {more}\n    size: {size}\n    exports:\n      - f3 (func)\n      + f4 (func)\n"
        );
        let all = [&removed[..], &added, &updated].concat();
        assert_eq!(world.ok(&["diff", &before, "main"]), all);
        let directory = [&removed[..], &added].concat();
        assert_eq!(world.ok(&["diff", &before, "main", "/d/"]), directory);
        assert_eq!(world.ok(&["diff", &before, "main", "z.wasm"]), updated);
        assert_eq!(world.ok(&["diff", &before, "main", "d/e"]), "");
        assert_eq!(world.ok(&["diff", "main", "main"]), "");
        let back = world.ok(&["diff", "main", &before, "d"]);
        let expected = format!("A\t/d/gone.wasm\t{one}\nD\t/d/new.wasm\t{five}\n");
        assert_eq!(back, expected);
        let export = |name: &str, old: Option<&str>, new: Option<&str>| json!({ "name": name, "old": old, "new": new });
        let json = json!([
            { "path": "/d/gone.wasm", "action": "removed", "hash": one },
            { "path": "/d/new.wasm", "action": "added", "hash": five },
            {
                "path": "/z.wasm", "action": "updated", "hash": { "old": three, "new": four },
                "verdict": "breaking", "reasons": { "breaking": [gone], "compatible": [more], "left_out": 0 },
                "size": { "old": size, "new": size }, "kind": { "old": "module", "new": "module" },
                "imports": [],
                "exports": [export("f3", Some("(func)"), None), export("f4", None, Some("(func)"))],
                "custom_sections": { "added": [], "removed": [] }, "producers": [], "sections": [],
            },
        ]);
        assert_eq!(world.json(&["diff", &before, "main"]), json);
        assert_eq!(world.json(&["diff", "main", "main"]), json!([]));
    }
}

#[test]
fn diff_shows_how_updated_modules_differ() {
    let world = World::with_store("sha1");
    let add = |text: &str| {
        world.file("m.wasm", wat::parse_str(text).unwrap());
        world.changes(&["add", "m.wasm"]);
        world.tip()
    };
    let old = add(
        r#"(module (import "env" "log\1b" (func (param i32))) (func (export "run") (param i32)) (@custom "old" "")
            (@producers (language "Rust" "1.80")))"#,
    );
    let new = add(r#"(component (import "log" (func)) (@producers (language "Rust" "1.90")))"#);
    let size = |commit| {
        let info = world.json(&["info", "m.wasm", "--commit", commit]);
        info["size"].as_i64().unwrap()
    };
    let (before, after) = (size(&old), size(&new));
    let diff = world.ok(&["diff", &old, &new]);
    let (_, details) = diff.split_once('\n').unwrap();
    let expected = [
        "    verdict: breaking\n      breaking: the newer module is a component, and the older one a core module\n",
        "    kind: module -> component\n",
        &format!("    size: {before} -> {after} ({:+})\n", after - before),
        "    imports:\n      + log           func()\n      - env.log\\u{1b} (func (param i32))\n",
        "    exports:\n      - run (func (param i32))\n",
        "    custom sections:\n      - old\n",
        "    producers:\n      ~ language.Rust 1.80 -> 1.90\n",
        "    sections:\n      - custom old 6\n      ~ import     14 -> 10 (-4)\n",
        "      - function   4\n      - export     9\n      - code       6\n",
    ];
    assert_eq!(details, expected.concat());
    let json = &world.json(&["diff", &old, &new])[0];
    assert_eq!(json["kind"], json!({ "old": "module", "new": "component" }));
    assert_eq!(
        json["custom_sections"],
        json!({ "added": [], "removed": ["old"] })
    );
    assert_eq!(json["verdict"], "breaking");
    let sections = json!([
        { "kind": "custom", "name": "old", "old": 6, "new": null }, { "kind": "import", "old": 14, "new": 10 },
        { "kind": "function", "old": 4, "new": null }, { "kind": "export", "old": 9, "new": null },
        { "kind": "code", "old": 6, "new": null },
    ]);
    assert_eq!(json["sections"], sections);
    let producers = json!([{ "field": "language", "name": "Rust", "old": "1.80", "new": "1.90" }]);
    assert_eq!(json["producers"], producers);
    let log =
        json!({ "module": "env", "name": "log\u{1b}", "old": "(func (param i32))", "new": null });
    assert!(json["imports"].as_array().unwrap().contains(&log), "{json}");
}

#[test]
fn updated_file_that_is_not_a_module_is_listed_but_not_compared() {
    let world = World::with_store("sha1");
    let tree = |text: &str| {
        world.file("text", text);
        let file = world.path("text");
        let blob = world.git(&["hash-object", "-w", file.to_str().unwrap()]);
        let index = world.path("index");
        let mut git = world.command("git");
        git.env("GIT_INDEX_FILE", &index)
            .arg("--git-dir")
            .arg(world.root());
        let entry = format!("100644,{blob},a.txt");
        assert!(
            git.args(["update-index", "--add", "--cacheinfo", &entry])
                .status()
                .unwrap()
                .success()
        );
        let mut git = world.command("git");
        git.env("GIT_INDEX_FILE", &index)
            .arg("--git-dir")
            .arg(world.root());
        let tree = git.arg("write-tree").output().unwrap().stdout;
        let tree = String::from_utf8(tree).unwrap();
        world.git(&[
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@b",
            "commit-tree",
            "-m",
            "x",
            tree.trim_end(),
        ])
    };
    let (old, new) = (tree("one"), tree("two"));
    let diff = world.ok(&["diff", &old, &new]);
    assert!(
        diff.starts_with("M\t/a.txt\t") && diff.contains("\n    not compared: cannot accept "),
        "{diff}"
    );
    let json = &world.json(&["diff", &old, &new])[0];
    assert!(
        json["not_compared"].is_string() && json["size"].is_null(),
        "{json}"
    );
}

#[test]
fn diff_shows_a_module_replaced_by_a_directory_as_removed() {
    let world = World::with_store("sha1");
    let one = world.add("a", 1);
    world.add("a.b", 2);
    let before = world.tip();
    world.changes(&["remove", "a"]);
    let three = world.add("a/b", 3);
    let expected = format!("D\t/a\t{one}\nA\t/a/b\t{three}\n");
    assert_eq!(world.ok(&["diff", &before, "main"]), expected);
    assert_eq!(world.ok(&["diff", &before, "main", "a"]), expected);
}

#[test]
fn diff_of_unknown_revisions_or_paths_fails() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    let unknown = "3".repeat(40);
    let no_commit = format!("there is no commit {unknown}");
    for (args, reason) in [
        (["diff", "main", &unknown, "/"], &no_commit[..]),
        (
            ["diff", "dev", "main", "/"],
            "there is no branch or tag \"dev\"",
        ),
        (
            ["diff", "main", "main", "b.wasm"],
            "there is no module /b.wasm",
        ),
    ] {
        assert_eq!(world.fails(1, &args), reason);
    }
    world.fails(3, &["diff", "a..b", "main"]);
    world.fails(3, &["diff", "main", "main", "a/../b"]);
    for args in [&["diff"][..], &["diff", "main"]] {
        assert_eq!(world.run(args).code, Some(2), "{args:?}");
    }
    let empty = World::empty();
    assert_eq!(empty.ok(&["diff", "main", "main"]), "");
    assert!(!empty.root().exists());
}

#[test]
fn color_option_colors_diff_and_show() {
    let world = World::with_store("sha1");
    let root = world.tip();
    let hash = world.add("a.wasm", 1);
    for args in [&["diff", &root, "main"][..], &["show"]] {
        let plain = format!("A\t/a.wasm\t{hash}\n");
        let colored = format!("\u{1b}[32mA\u{1b}[0m\t/a.wasm\t{hash}\n");
        assert!(world.ok(args).ends_with(&plain));
        let asked = world.ok(&[args, &["--color", "always"]].concat());
        assert!(asked.ends_with(&colored), "{asked:?}");
    }
}

#[test]
fn diff_agrees_with_git_diff_tree() {
    let world = World::with_store("sha1");
    // Names that sort differently as directories than as files, and that are added and removed.
    let paths = ["a", "a.b", "a-b/x", "a0", "d/a", "d/a.b/c", "d.e/f", "d/z"];
    let mut commits = vec![world.tip()];
    for step in 0..24_usize {
        let path = paths[step * 7 % 5 + step % 4];
        let is_there = world.ok(&["contains", path]) == "true\n";
        match is_there && step % 3 == 0 {
            true => drop(world.ok(&["remove", path])),
            false => drop(world.add(path, step as u32)),
        }
        commits.push(world.tip());
    }
    world.changes(&["restore", &commits[7]]);
    commits.push(world.tip());
    for (at, old) in commits.iter().enumerate().step_by(3) {
        let new = &commits[(at * 5 + 3) % commits.len()];
        let ours = world.ok(&["diff", old, new]);
        let ours: Vec<_> = ours.lines().filter(|line| !line.starts_with(' ')).collect();
        let raw = world.git(&["diff-tree", "-r", "--no-renames", "--no-abbrev", old, new]);
        let theirs = raw.lines().map(|line| {
            let (about, path) = line.split_once('\t').unwrap();
            let fields: Vec<_> = about.split(' ').collect();
            let (was, is, letter) = (fields[2], fields[3], fields[4]);
            match letter {
                "A" => format!("A\t/{path}\t{is}"),
                "D" => format!("D\t/{path}\t{was}"),
                _ => format!("{letter}\t/{path}\t{was}\t{is}"),
            }
        });
        assert_eq!(ours, theirs.collect::<Vec<_>>(), "{old} {new}");
    }
}

#[test]
fn two_modules_are_compared_by_path_hash_and_file() {
    let world = World::with_store("sha1");
    let wat = |names: &[&str]| {
        let exports = names
            .iter()
            .map(|name| format!(r#"(export "{name}" (func 0))"#));
        wat::parse_str(format!("(module (func) {})", exports.collect::<String>())).unwrap()
    };
    world.file("one.wasm", wat(&["f"]));
    world.file("two.wasm", wat(&["f", "g"]));
    world.changes(&["add", "one.wasm", "1.0/x.wasm"]);
    world.changes(&["add", "two.wasm", "1.1/x.wasm"]);
    world.changes(&["add", "one.wasm", "latest.wasm"]);
    let old = world.ok(&["hash", "latest.wasm"]).trim().to_owned();
    world.changes(&["add", "two.wasm", "latest.wasm"]);
    world.changes(&["remove", "1.0/x.wasm"]);
    let new = world.ok(&["hash", "latest.wasm"]).trim().to_owned();
    let absolute = format!("file:{}", world.path("two.wasm").display());
    for [from, to] in [
        // The older module is in no tree any more.
        [&*old, "1.1/x.wasm"],
        [&old, &new],
        ["./one.wasm", "/latest.wasm"],
        ["./one.wasm", &absolute],
    ] {
        let text = world.ok(&["diff", from, to]);
        let verdict = "    verdict: compatible\n      compatible: the newer module exports `g`";
        assert!(
            text.starts_with(&format!("M\t{from}\t{to}\n{verdict}")),
            "{text}"
        );
        let json = world.json(&["diff", from, to]);
        assert_eq!(json["name"], json!({ "old": from, "new": to }));
        assert_eq!(json["verdict"], "compatible");
        assert_eq!(json["hash"]["old"] == json!(null), from.starts_with("./"));
    }
    assert_eq!(world.ok(&["diff", "./two.wasm", "1.1/x.wasm"]), "");
    assert_eq!(
        world.json(&["diff", "./two.wasm", "1.1/x.wasm"])["verdict"],
        "same"
    );
}

#[test]
fn exit_code_says_whether_there_are_differences() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    world.add("b.wasm", 2);
    for (args, code) in [
        (["diff", "main~1", "main"], 1),
        (["diff", "main", "main"], 0),
        (["diff", "a.wasm", "b.wasm"], 1),
        (["diff", "a.wasm", "a.wasm"], 0),
    ] {
        let ran = world.run(&[&args[..], &["--exit-code"]].concat());
        assert_eq!((ran.code, &*ran.err), (Some(code), ""), "{args:?}");
        assert_eq!(ran.out.is_empty(), code == 0, "{args:?}");
        assert_eq!(world.run(&args).code, Some(0), "{args:?}");
    }
}

#[test]
fn sides_of_a_diff_that_cannot_be_compared_are_refused() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    world.file("bad.wasm", "no module");
    for (args, code, reason) in [
        (
            ["diff", "main", "a.wasm"],
            2,
            "cannot compare main with a.wasm: the first is a commit, branch or tag, the second is a module",
        ),
        (
            ["diff", "b.wasm", "a.wasm"],
            1,
            "there is no module /b.wasm",
        ),
        (
            ["diff", "./no.wasm", "a.wasm"],
            1,
            "cannot read \"./no.wasm\": No such file or directory (os error 2)",
        ),
        (
            ["diff", "./bad.wasm", "a.wasm"],
            3,
            "cannot accept ./bad.wasm: ",
        ),
    ] {
        let printed = world.fails(code, &args);
        assert!(printed.starts_with(reason), "{printed}");
    }
}
