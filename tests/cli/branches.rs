//! `branch`, `merge`, and the option `--branch` of all commands.

use serde_json::json;

use crate::support::program::{World, module};
use crate::support::server::Server;

#[test]
fn branches_are_created_listed_and_deleted() {
    for world in World::each() {
        world.add("a.wasm", 1);
        let root = world.git(&["rev-parse", "HEAD^"]);
        assert_eq!(world.changes(&["branch", "dev/x"]), "");
        assert_eq!(world.git(&["rev-parse", "dev/x"]), world.tip());
        assert_eq!(world.changes(&["branch", "old", "--from", &root]), "");
        assert_eq!(world.git(&["rev-parse", "old"]), root);
        assert_eq!(world.changes(&["branch", "older", "--from", "old"]), "");
        assert_eq!(world.git(&["rev-parse", "older"]), root);
        assert_eq!(world.changes(&["branch", "oldest", "--branch", "old"]), "");
        assert_eq!(world.git(&["rev-parse", "oldest"]), root);
        assert_eq!(
            world.ok(&["branch", "--list"]),
            "dev/x\nmain\nold\nolder\noldest\n"
        );
        assert_eq!(world.changes(&["branch", "older", "--delete"]), "");
        assert_eq!(
            world.json(&["branch", "--delete", "oldest"]),
            json!({ "branch": "oldest" })
        );
        assert_eq!(
            world.json(&["branch", "--list"]),
            json!(["dev/x", "main", "old"])
        );
        let created = json!({ "branch": "new", "commit": world.tip(), "changed": true });
        assert_eq!(world.json(&["branch", "new"]), created);
    }
}

#[test]
fn invalid_branch_operations_fail_with_a_reason() {
    for world in World::each() {
        world.changes(&["branch", "dev"]);
        assert_eq!(
            world.fails(4, &["branch", "dev"]),
            "branch \"dev\" already exists"
        );
        let clash = "branches \"dev/x\" and \"dev\" cannot both exist";
        assert_eq!(world.fails(4, &["branch", "dev/x"]), clash);
        let default = "branch \"main\" is the default branch and cannot be deleted";
        assert_eq!(world.fails(4, &["branch", "main", "--delete"]), default);
        let unknown = "there is no branch \"b\"";
        assert_eq!(world.fails(1, &["branch", "b", "--delete"]), unknown);
        let unknown = "there is no branch or tag \"b\"";
        assert_eq!(world.fails(1, &["branch", "c", "--from", "b"]), unknown);
        world.fails(1, &["branch", "c", "--from", &"5".repeat(40)]);
        for name in ["a..b", "HEAD", "", "a.lock"] {
            world.fails(3, &["branch", name]);
            world.fails(3, &["branch", "--default", name]);
            world.fails(3, &["merge", name]);
        }
        for name in ["a..b", "", "a.lock"] {
            world.fails(3, &["branch", "x", "--from", name]);
        }
        for args in [
            &["branch"][..],
            &["branch", "x", "--list"],
            &["branch", "--delete"],
        ] {
            assert_eq!(world.run(args).code, Some(2), "{args:?}");
        }
    }
}

#[test]
fn default_branch_is_stored_in_head() {
    for world in World::each() {
        assert_eq!(world.git(&["symbolic-ref", "HEAD"]), "refs/heads/main");
        world.add("a.wasm", 1);
        let tip = world.tip();
        assert_eq!(world.changes(&["branch", "--default", "new"]), "");
        assert_eq!(world.git(&["symbolic-ref", "HEAD"]), "refs/heads/new");
        assert_eq!(world.git(&["rev-parse", "new"]), tip);
        let json = world.json(&["branch", "--default", "main"]);
        assert_eq!(json, json!({ "branch": "main" }));
        assert_eq!(world.git(&["symbolic-ref", "HEAD"]), "refs/heads/main");
    }
}

#[test]
fn branch_option_selects_a_branch_and_never_creates_one() {
    for world in World::each() {
        world.file("a.wasm", module(1));
        world.changes(&["branch", "dev"]);
        world.changes(&["add", "a.wasm", "--branch", "dev"]);
        assert_eq!(world.ok(&["list"]), "");
        let listed = format!("{}\t/a.wasm\n", world.hash(1));
        assert_eq!(world.ok(&["--branch", "dev", "list"]), listed);
        assert_eq!(world.git(&["rev-parse", "dev:a.wasm"]), world.hash(1));
        let unknown = "there is no branch \"b\"";
        for args in [
            &["add", "a.wasm"][..],
            &["find", "a.wasm"],
            &["filename", "a.wasm"],
            &["hash", "a.wasm"],
            &["contains", "a.wasm"],
            &["info", "a.wasm"],
            &["list"],
            &["remove", "a.wasm"],
            &["set", &world.hash(1), "b.wasm"],
            &["versions", "a.wasm"],
            &["version", "0", "a.wasm"],
            &["audit", "a.wasm"],
            &["snapshot"],
            &["log"],
            &["rollback"],
            &["restore", &world.tip()],
            &["branch", "c"],
            &["merge", "dev"],
            &["gc"],
            &["watch"],
            &["export", "-o", "out"],
        ] {
            let args = [args, &["--branch", "b"]].concat();
            assert_eq!(world.fails(1, &args), unknown, "{args:?}");
        }
        assert!(!world.path("out").exists());
    }
}

#[test]
fn merge_fast_forwards_or_makes_a_merge_commit() {
    for world in World::each() {
        world.changes(&["branch", "dev"]);
        world.file("a.wasm", module(1));
        world.changes(&["add", "a.wasm", "--branch", "dev"]);
        assert_eq!(world.changes(&["merge", "dev"]), "");
        assert_eq!(world.tip(), world.git(&["rev-parse", "dev"]));
        world.changes(&["add", "a.wasm", "b.wasm", "--branch", "dev"]);
        world.add("c.wasm", 2);
        let (ours, theirs) = (world.tip(), world.git(&["rev-parse", "dev"]));
        let merged = world.json(&["merge", "dev", "-m", "Both"]);
        let reported = json!({ "commit": world.tip(), "branch": "main", "changed": true });
        assert_eq!(merged, reported);
        let parents = world.git(&["log", "-1", "--format=%P %s"]);
        assert_eq!(parents, format!("{ours} {theirs} Both"));
        assert_eq!(world.ok(&["list"]).lines().count(), 3);
        world.changes(&["merge", "main", "--branch", "dev"]);
        assert_eq!(world.git(&["rev-parse", "dev"]), world.tip());
        assert_eq!(world.fails(1, &["merge", "b"]), "there is no branch \"b\"");
        world.fsck();
    }
}

#[test]
fn a_merge_is_undone_with_one_command() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    let before = world.tip();
    world.changes(&["branch", "dev"]);
    for n in [2, 3] {
        world.file("m.wasm", module(n));
        world.changes(&["add", "m.wasm", &format!("{n}.wasm"), "--branch", "dev"]);
    }
    let content = |world: &World| world.git(&["ls-tree", "--name-only", "HEAD"]);
    world.changes(&["merge", "dev", "--no-ff"]);
    assert_eq!(content(&world), "2.wasm\n3.wasm\na.wasm");
    world.changes(&["rollback"]);
    assert_eq!(content(&world), "a.wasm");
    world.changes(&["branch", "release", "--from", &before]);
    let root = world.root();
    let root = ["--root", root.to_str().unwrap()];
    let ran = world.run(&[&root[..], &["merge", "dev", "--branch", "release"]].concat());
    assert!(
        ran.err.ends_with(&format!(" {}\n", root.join(" "))),
        "{}",
        ran.err
    );
    let (_, undo) = ran
        .err
        .trim_end()
        .split_once("to undo it: wasmstore ")
        .unwrap();
    world.changes(&undo.split(' ').collect::<Vec<_>>());
    let tree = |commit: &str| world.git(&["rev-parse", &format!("{commit}^{{tree}}")]);
    assert_eq!(tree("release"), tree(&before));
    world.changes(&["branch", "again", "--from", &before]);
    let merged = world.json(&["merge", "dev", "--branch", "again"]);
    assert_eq!(merged["forwarded_from"], before);
}

#[test]
fn merge_conflict_lists_the_paths_and_changes_nothing() {
    for world in World::each() {
        world.changes(&["branch", "dev"]);
        for (n, path) in [(1, "z.wasm"), (2, "d/a.wasm")] {
            world.file("m.wasm", module(n));
            world.changes(&["add", "m.wasm", path, "--branch", "dev"]);
            world.add(path, n + 10);
        }
        let conflict = world.fails(4, &["merge", "dev"]);
        assert_eq!(conflict, "both sides changed /d/a.wasm, /z.wasm");
    }
}

#[test]
fn the_commands_of_the_hint_resolve_a_conflict() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    world.add("b.wasm", 2);
    world.changes(&["branch", "dev"]);
    for (n, path) in [(3, "a.wasm"), (4, "b.wasm")] {
        world.file("m.wasm", module(n));
        world.changes(&["add", "m.wasm", path, "--branch", "dev"]);
    }
    world.changes(&["remove", "a.wasm"]);
    world.add("b.wasm", 5);
    let server = Server::start(&world, &[]);
    let url = format!("http://{}", server.address);
    // The first conflict is resolved on the server by their side, the second one in the directory by ours.
    for (root, command) in [(Some(&url), 0), (None, 1)] {
        let root: Vec<_> = root.map_or_else(Vec::new, |url| vec!["--root", url]);
        let ran = world.run(&[&["merge", "dev"], &root[..]].concat());
        let hint = ran.err.split("\nhint: ").nth(1).unwrap();
        let commands = hint.split('`').skip(1).step_by(2);
        let words: Vec<_> = commands.map(|command| command.split(' ').skip(1)).collect();
        let words: Vec<_> = words[command].clone().collect();
        assert!(words.ends_with(&root), "{hint}");
        world.changes(&words);
    }
    world.changes(&["merge", "dev"]);
    assert_eq!(world.ok(&["hash", "a.wasm"]).trim(), world.hash(3));
    assert_eq!(world.ok(&["hash", "b.wasm"]).trim(), world.hash(5));
}
