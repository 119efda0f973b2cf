//! `versions`, `version`, `audit`, `snapshot`, `commit`, `log`, `restore`, `rollback`, `gc`.

use serde_json::json;

use crate::support::program::{World, module};

/// The option that makes git print dates as wasmstore does.
const DATE: &str = "--date=format-local:%a %b %d %H:%M:%S %Y";

#[test]
fn versions_are_listed_oldest_first_even_after_removal() {
    for world in World::each() {
        let mut lines = Vec::new();
        for n in [1, 2, 3] {
            let hash = world.add("a.wasm", n);
            lines.push((hash, world.tip()));
        }
        world.add("a.wasm", 1);
        world.changes(&["remove", "a.wasm"]);
        let text: Vec<_> = lines
            .iter()
            .map(|(h, c)| format!("{h}\tcommit: {c}\n"))
            .collect();
        assert_eq!(world.ok(&["versions", "a.wasm"]), text.concat());
        let listed = world.json(&["versions", "a.wasm"]);
        let pairs = listed.as_array().unwrap().iter();
        let pairs: Vec<_> = pairs
            .map(|version| [&version["hash"], &version["commit"]])
            .collect();
        assert_eq!(json!(pairs), json!(lines));
        for (index, line) in text.iter().enumerate() {
            assert_eq!(world.ok(&["version", &index.to_string(), "a.wasm"]), *line);
        }
        let (hash, commit) = &lines[1];
        let version = json!({ "hash": hash, "commit": commit });
        assert_eq!(world.json(&["version", "1", "a.wasm"]), version);
        let none = "/a.wasm has no version 3: there are 3, counted from 0";
        assert_eq!(world.fails(1, &["version", "3", "a.wasm"]), none);
    }
}

#[test]
fn versions_with_details_mark_the_one_that_is_at_the_path_now() {
    let world = World::with_store("sha1");
    let old = world.add("a.wasm", 1);
    let first = world.tip();
    let author = ["--author", "Ann <a@b>", "-m", "Second\n\nMore"];
    world.file("two.wasm", module(2));
    world.changes(&[&["add", "two.wasm", "a.wasm"], &author[..]].concat());
    let second = world.tip();
    let new = world.hash(2);
    let lines = |path: &[&str]| -> Vec<String> {
        let printed = world.ok(&[&["versions", "-l"], path].concat());
        // The date and the time differ from run to run.
        let lines = printed.lines().map(|text| {
            let words = text.split_whitespace();
            let words = words.filter(|word| word.len() != 10 && !word.contains(':'));
            words.collect::<Vec<_>>().join(" ")
        });
        lines.collect()
    };
    let current = format!("* 1 {new} {second} Ann");
    let earlier = format!("0 {old} {first} wasmstore");
    assert_eq!(lines(&["a.wasm"]), [earlier.clone(), current]);
    let marked = format!("* {earlier}");
    assert_eq!(lines(&["a.wasm", "--commit", &first]), [marked]);
    let json = world.json(&["versions", "a.wasm"]);
    assert_eq!(json[1]["message"], "Second\n\nMore");
    assert_eq!(
        (&json[0]["current"], &json[1]["current"]),
        (&json!(false), &json!(true))
    );
    // The first line with this hash names the commit that first had it, not the one that restored it.
    let restore = ["restore", &first, "a.wasm", "--author", "Carl <c@x>"];
    world.changes(&restore);
    let printed = world.ok(&["versions", "-l", "a.wasm"]);
    let since = printed.lines().nth(2).unwrap();
    assert!(since.starts_with("current since 20"), "{printed}");
    let by = format!(" ({}, Carl)", &world.tip()[..10]);
    assert!(since.ends_with(&by), "{printed}");
    world.changes(&["rollback"]);
    world.changes(&["remove", "a.wasm"]);
    assert!(
        world
            .ok(&["versions", "-l", "a.wasm"])
            .lines()
            .all(|line| line.starts_with("  "))
    );
    let audit = world.ok(&["audit", "--long", "a.wasm"]);
    let ends: Vec<_> = audit
        .lines()
        .map(|line| line.split('\t').skip(3).collect::<Vec<_>>())
        .collect();
    let rolled_back = world.git(&["log", "-1", "--format=%s", "HEAD~1"]);
    let expected = [
        ["-", "Remove /a.wasm"],
        [&new, rolled_back.trim()],
        [&old, "Restore /a.wasm"],
        [&new, "Second"],
        [&old, "Import /a.wasm"],
    ];
    assert_eq!(ends, expected);
}

#[test]
fn an_unknown_path_has_no_history() {
    for world in World::each() {
        let never = "there has never been anything at /b.wasm";
        for args in [
            &["versions", "b.wasm"][..],
            &["version", "0", "b.wasm"],
            &["audit", "b.wasm"],
        ] {
            assert_eq!(world.fails(1, args), never, "{args:?}");
        }
        assert_eq!(world.fails(1, &["rollback", "b.wasm"]), never);
        world.add("d/a.wasm", 1);
        world.changes(&["remove", "d", "-r"]);
        let directory = "/d is a directory, and never was a module";
        for args in [
            &["versions", "d"][..],
            &["version", "0", "d/"],
            &["audit", "d"],
        ] {
            assert_eq!(world.fails(1, args), directory, "{args:?}");
            let hint = "hint: `wasmstore log /d` prints its history\n";
            assert!(world.run(args).err.ends_with(hint), "{args:?}");
        }
        for args in [
            &["versions", ".git"][..],
            &["version", "0", "a/.."],
            &["audit", ""],
        ] {
            world.fails(3, args);
        }
        let ran = world.run(&["version", "first", "b.wasm"]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
    }
}

#[test]
fn audit_lists_every_change_newest_first_in_local_time() {
    for world in World::each() {
        world.add("a.wasm", 1);
        world.changes(&["remove", "a.wasm", "--author", "Ann <a@b>"]);
        world.add("other.wasm", 2);
        world.add("a.wasm", 1);
        for zone in ["UTC", "EST5", "XYZ-3:30"] {
            let audit = world
                .wasmstore(&["audit", "a.wasm"])
                .env("TZ", zone)
                .output()
                .unwrap();
            let mut git = world.command("git");
            git.env("TZ", zone).arg("--git-dir").arg(world.root());
            git.args(["log", DATE, "--format=%ad%x09%an%x09%H", "--", "a.wasm"]);
            let expected = git.output().unwrap().stdout;
            assert_eq!(audit.stdout, expected, "{zone}");
            assert_eq!(expected.iter().filter(|byte| **byte == b'\n').count(), 3);
        }
        let entries = world.json(&["audit", "a.wasm"]);
        let hashes: Vec<_> = entries
            .as_array()
            .unwrap()
            .iter()
            .map(|e| &e["hash"])
            .collect();
        assert_eq!(
            hashes,
            [&json!(world.hash(1)), &json!(null), &json!(world.hash(1))]
        );
        assert_eq!(entries[1]["author"], "Ann");
        assert_eq!(entries[0]["commit"], world.tip());
        let date: i64 = world.git(&["log", "-1", "--format=%at"]).parse().unwrap();
        assert_eq!(entries[0]["date"], date);
    }
}

#[test]
fn snapshot_prints_the_tip_and_commit_prints_its_metadata() {
    for world in World::each() {
        world.add("a.wasm", 1);
        let tip = world.tip();
        assert_eq!(world.ok(&["snapshot"]), format!("{tip}\n"));
        assert_eq!(world.json(&["snapshot"]), json!({ "commit": tip }));
        let parent = world.git(&["rev-parse", "HEAD^"]);
        let date: i64 = world.git(&["log", "-1", "--format=%at"]).parse().unwrap();
        let pretty = format!(
            "{{\n  \"hash\": \"{tip}\",\n  \"parents\": [\n    \"{parent}\"\n  ],\n  \"author\": \"wasmstore\",\n  \
             \"date\": {date},\n  \"message\": \"Import /a.wasm\"\n}}\n"
        );
        assert_eq!(world.ok(&["commit", &tip]), pretty);
        assert_eq!(world.ok(&["commit", &tip.to_uppercase(), "--json"]), pretty);
        let unknown = "3".repeat(tip.len());
        assert_eq!(
            world.fails(1, &["commit", &unknown]),
            format!("there is no commit {unknown}")
        );
        let other_length = "3".repeat(104 - tip.len());
        world.fails(1, &["commit", &other_length]);
        let digits = &unknown[1..];
        assert_eq!(
            world.fails(1, &["commit", digits]),
            format!("there is no commit {digits}, and no branch or tag of that name")
        );
        let malformed = world.fails(3, &["commit", "a..b"]);
        assert!(
            malformed.contains("expected a branch, a tag"),
            "{malformed}"
        );
    }
}

#[test]
fn log_agrees_with_git_log() {
    for world in World::each() {
        world.add("a.wasm", 1);
        world.file("b.wasm", module(2));
        world.changes(&[
            "add",
            "b.wasm",
            "-m",
            "A line\n\nand more",
            "--author",
            "Ann",
        ]);
        world.add("c.wasm", 3);
        let format = "--format=commit %H%nAuthor: %an%nDate: %ad%n%n%B";
        let whole = world.git(&["log", DATE, format]);
        assert_eq!(world.ok(&["log"]), format!("{whole}\n\n"));
        assert_eq!(world.ok(&["log", "--plain"]), world.ok(&["log"]));
        let hashes = |args: &[&str]| -> Vec<String> {
            let log = world.ok(&[&["log"], args].concat());
            let hashes = log.lines().filter_map(|line| line.strip_prefix("commit "));
            hashes.map(str::to_owned).collect()
        };
        let all = hashes(&[]);
        assert_eq!(all.join("\n"), world.git(&["log", "--format=%H"]));
        assert_eq!(all.len(), 4);
        assert_eq!(hashes(&["-n", "2"]), all[..2]);
        assert_eq!(hashes(&["--max-count", "0"]), [""; 0]);
        assert_eq!(hashes(&["--skip", "1", "--max-count=2"]), all[1..3]);
        assert_eq!(hashes(&["--skip", "9"]), [""; 0]);
        let reversed: Vec<_> = all[..2].iter().rev().cloned().collect();
        assert_eq!(hashes(&["--reverse", "-n2"]), reversed);
        let array = world.json(&["log"]);
        let of_array: Vec<_> = array
            .as_array()
            .unwrap()
            .iter()
            .map(|c| &c["hash"])
            .collect();
        assert_eq!(json!(of_array), json!(all));
        assert_eq!(array[1]["message"], "A line\n\nand more");
        assert_eq!(array[3]["parents"], json!([]));
        assert_eq!(world.json(&["log", "-n", "0"]), json!([]));
        world.fails(1, &["log", "--branch", "nowhere"]);
        world.fails(1, &["log", "--branch", "nowhere", "--json"]);
    }
}

#[test]
fn restore_makes_a_new_commit() {
    for world in World::each() {
        let one = world.add("d/a.wasm", 1);
        let then = world.tip();
        world.add("d/a.wasm", 2);
        let two = world.add("b.wasm", 2);
        assert_eq!(world.changes(&["restore", &then, "d"]), "");
        assert_eq!(
            world.ok(&["list"]),
            format!("{two}\t/b.wasm\n{one}\t/d/a.wasm\n")
        );
        assert_eq!(world.git(&["log", "-1", "--format=%s"]), "Restore /d");
        let restored = world.json(&["restore", &then, "-m", "All"]);
        assert_eq!(
            restored,
            json!({ "commit": world.tip(), "branch": "main", "changed": true })
        );
        assert_eq!(world.ok(&["list"]), format!("{one}\t/d/a.wasm\n"));
        assert_eq!(world.git(&["log", "-1", "--format=%s"]), "All");
        let tip = world.tip();
        world.changes(&["restore", &then]);
        assert_eq!(
            world.tip(),
            tip,
            "a restore without changes makes no commit"
        );
        let unknown = "4".repeat(tip.len());
        assert_eq!(
            world.fails(1, &["restore", &unknown]),
            format!("there is no commit {unknown}")
        );
        world.fails(1, &["restore", &then, "never.wasm"]);
        world.fails(1, &["restore", "tip"]);
        world.fails(3, &["restore", "a..b"]);
        world.fails(3, &["restore", &then, "a/../b"]);
        assert_eq!(world.git(&["rev-list", "--count", "HEAD"]), "6");
    }
}

#[test]
fn rollback_moves_strictly_back() {
    for world in World::each() {
        let one = world.add("a.wasm", 1);
        let other = world.add("b.wasm", 9);
        world.add("a.wasm", 2);
        assert_eq!(world.changes(&["rollback", "a.wasm"]), "");
        assert_eq!(world.ok(&["hash", "a.wasm"]), format!("{one}\n"));
        let message = world.git(&["log", "-1", "--format=%s"]);
        assert_eq!(message, "Rollback /a.wasm");
        let undone = world.json(&["rollback", "a.wasm", "-m", "Away"]);
        assert_eq!(
            undone,
            json!({
                "commit": world.tip(),
                "branch": "main",
                "changed": true,
                "undid": world.git(&["rev-parse", "HEAD~4"]),
            })
        );
        assert_eq!(world.ok(&["list"]), format!("{other}\t/b.wasm\n"));
        let end = world.fails(4, &["rollback", "a.wasm"]);
        assert_eq!(end, "nothing to roll back at /a.wasm");
        world.fails(3, &["rollback", "a/.git"]);
    }
}

#[test]
fn rollback_of_the_branch_ends_in_a_conflict() {
    for world in World::each() {
        world.add("a.wasm", 1);
        world.add("b.wasm", 2);
        world.changes(&["rollback"]);
        assert_eq!(world.ok(&["list"]), format!("{}\t/a.wasm\n", world.hash(1)));
        world.changes(&["rollback"]);
        assert_eq!(world.ok(&["list"]), "");
        assert_eq!(world.fails(4, &["rollback"]), "nothing to roll back");
    }
}

#[test]
fn message_cannot_forge_a_trailer() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    let forged = format!("Innocent\n\nRestores: {}", world.tip());
    let refused = world.fails(3, &["remove", "a.wasm", "-m", &forged]);
    assert!(
        refused.contains("only rollback and gc write such a line"),
        "{refused}"
    );
}

#[test]
fn gc_says_what_it_would_drop_and_what_it_has_dropped() {
    let world = World::with_store("sha1");
    for n in 1..=4 {
        world.add("ci/a.wasm", n);
        world.add("b.wasm", n);
    }
    world.git(&["tag", "release", "main~3"]);
    let bytes = |values: &[u32]| -> usize { values.iter().map(|n| module(*n).len()).sum() };
    let tip = world.tip();
    let preview = world.json(&["gc", "--dry-run"]);
    let expected = |commits: usize, versions: usize, bytes: usize| json!({ "branch": "main", "commits": commits, "versions": versions, "module_bytes": bytes });
    // The tag keeps the first five commits, so the version 3 of both modules, one of them only in its history.
    assert_eq!(preview, expected(2, 1, bytes(&[3])));
    let keep = ["gc", "--keep-last", "1", "ci", "--dry-run"];
    let ran = world.run(&keep);
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err.as_str()),
        (
            Some(0),
            "commits\t0\nversions\t0\nmodule_bytes\t0\n",
            "nothing changed: gc would drop no versions\n\
             kept for tag release: 3 versions; delete the tag to drop them\n"
        )
    );
    world.git(&["tag", "-d", "release"]);
    let text = format!(
        "commits\t3\nversions\t3\nmodule_bytes\t{}\n",
        bytes(&[1, 2, 3])
    );
    assert_eq!(world.ok(&keep), text);
    assert_eq!(world.tip(), tip);
    let ran = world.run(&["gc", "--keep-last", "1", "ci", "--author", "Ann <a@x>"]);
    let warning = r#"gc dropped history branch="main" author="Ann <a@x>" commits=3 versions=3"#;
    assert!(ran.code == Some(0) && ran.err.contains(warning), "{ran:?}");
    assert_eq!(world.ok(&["versions", "ci/a.wasm"]).lines().count(), 1);
    assert_eq!(world.ok(&["versions", "b.wasm"]).lines().count(), 4);
    world.fsck();
    for (code, args, reason) in [
        (2, &["gc", "--keep-last", "0"][..], "0"),
        (2, &["gc", "ci"], "--keep-last"),
        (
            2,
            &["gc", "--keep-history", "--keep-tags"],
            "--keep-history",
        ),
        (3, &["gc", "--keep-since", "soon"], "2026-11-01"),
        (
            1,
            &["gc", "--keep-tags", "never"],
            "there has never been anything at /never",
        ),
    ] {
        let ran = world.run(args);
        assert!(
            ran.code == Some(code) && ran.err.contains(reason),
            "{args:?}: {ran:?}"
        );
    }
}

#[test]
fn gc_squashes_history_and_counts_deleted_objects() {
    for world in World::each() {
        for n in 1..=5 {
            world.add("a.wasm", n);
        }
        let objects = || -> usize {
            let all = world.git(&["cat-file", "--batch-check", "--batch-all-objects"]);
            all.lines().count()
        };
        let before = objects();
        assert_eq!(world.changes(&["gc", "--keep-history"]), "0\n");
        assert_eq!(objects(), before);
        let removed: usize = world
            .changes(&["gc", "--quiet", "-m", "Tidy"])
            .trim_end()
            .parse()
            .unwrap();
        // One commit, one tree and one blob remain; the commit is new.
        assert_eq!(objects(), 3);
        assert!(
            (before - 3..=before).contains(&removed),
            "{removed} of {before}"
        );
        assert_eq!(world.git(&["log", "--format=%s"]), "Tidy");
        assert_eq!(world.ok(&["list"]), format!("{}\t/a.wasm\n", world.hash(5)));
        let tip = world.tip();
        let again = world.json(&["gc"]);
        assert_eq!(
            (&again["removed"], &again["commit"]),
            (&json!(0), &json!(tip))
        );
        assert!(again["freed_bytes"].is_u64(), "{again}");
        assert_eq!(
            world.fails(1, &["gc", "--branch", "b"]),
            "there is no branch \"b\""
        );
        assert_eq!(world.fails(4, &["rollback"]), "nothing to roll back");
    }
}
