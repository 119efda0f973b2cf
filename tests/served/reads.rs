//! Commands that read, and commands that a server does not support.

use std::fs;

use super::{Twin, history};
use crate::support::program::{FORMATS, World};

/// Every command, and whether it works against a server.
const COMMANDS: [(&str, bool); 46] = [
    ("init", false),
    ("add", true),
    ("find", true),
    ("filename", false),
    ("hash", true),
    ("contains", true),
    ("info", true),
    ("wit", true),
    ("size", true),
    ("list", true),
    ("search", true),
    ("world", true),
    ("oci", true),
    ("set", true),
    ("copy", true),
    ("mv", true),
    ("tag", true),
    ("remove", true),
    ("versions", true),
    ("version", true),
    ("audit", true),
    ("snapshot", true),
    ("commit", true),
    ("log", true),
    ("show", true),
    ("diff", true),
    ("restore", true),
    ("rollback", true),
    ("branch", true),
    ("merge", true),
    ("gc", true),
    ("watch", true),
    ("export", true),
    ("import", true),
    ("backup", false),
    ("mirror", false),
    ("clone", false),
    ("login", true),
    ("logout", true),
    ("verify", false),
    ("reindex", false),
    ("server", false),
    // These do not use the store of --root.
    ("bucket", true),
    ("completions", true),
    ("man", true),
    ("help", true),
];

#[test]
fn every_read_has_the_same_result_on_the_directory_and_over_http() {
    for format in FORMATS {
        let twin = Twin::of(history(format));
        let world = &twin.world;
        let log: serde_json::Value = world.json(&["log"]);
        let log = log.as_array().unwrap().iter();
        let commits: Vec<_> = log.map(|commit| commit["hash"].as_str().unwrap()).collect();
        let (oldest, middle) = (commits[commits.len() - 1], commits[commits.len() / 2]);
        let (hash, digest) = (world.hash(8), world.json(&["info", "math/add.wasm"]));
        let digest = digest["digest"].as_str().unwrap();
        let unknown = "1".repeat(hash.len());
        world.file("world.wit", "package a:b; world w {}");
        let wit = world.path("world.wit");
        let wit = wit.to_str().unwrap();
        let names = [
            "math/add.wasm",
            "odd/100% a+b?#&;=.wasm",
            "odd/größe/é.wasm",
            "side/seven.wasm",
            "top",
            "/math/sub.wasm",
            "math",
            "math/ad.wasm",
            "a/../b",
            &hash,
            digest,
            &unknown,
        ];
        let verbs = [
            "find", "hash", "contains", "info", "wit", "size", "versions", "audit", "list",
        ];
        // Lookups by name hardly depend on the object format.
        let few = if format == "sha1" { names.len() } else { 2 };
        for verb in verbs {
            for name in &names[..few] {
                twin.same(&[verb, name]);
            }
            for name in &names[..few.min(3)] {
                twin.same(&[verb, name, "--commit", middle]);
                twin.same(&[verb, name, "--branch", "feat/x"]);
                twin.same(&[verb, name, "--json"]);
            }
        }
        for args in [
            &["list"][..],
            &["list", "--branch", "feat/x", "--json"],
            &["list", "--branch", "mian"],
            &["list", "--commit", &unknown],
            &["contains", "top", "--branch", "nope"],
            &["version", "0", "math/add.wasm"],
            &["version", "2", "math/add.wasm", "--json"],
            &["version", "3", "math/add.wasm"],
            &["version", "0", "never"],
            &["snapshot"],
            &["snapshot", "--branch", "feat/x", "--json"],
            &["commit", oldest],
            &["commit", &unknown],
            &["commit", "x"],
            &["log"],
            &["log", "--json", "-n", "3", "--skip", "2"],
            &["log", "--reverse", "--skip", "1", "-n", "4"],
            &["search", "export:*", "-l"],
            &["search", "kind:module size>1 -path:math", "--json"],
            &["search", "kind:module", "--history", "--long"],
            &["log", "--graph"],
            &["log", "--graph", "--json"],
            &["log", "-n", "0"],
            &["log", "--branch", "feat/x"],
            &["log", "--commit", middle],
            &["log", "math/add.wasm"],
            &["log", "math/sub.wasm", "--json", "--reverse"],
            &["log", "math/add.wasm", "--skip", "1", "-n", "1"],
            &["log", "odd/100% a+b?#&;=.wasm", "--export", "*"],
            &["log", "math/add.wasm", "--export", "*", "--json"],
            &[
                "log",
                "math/add.wasm",
                "--import",
                "a b&c=%+#",
                "--grew",
                "0.5%",
            ],
            &["log", "math/add.wasm", "--import", "a@y"],
            &["log", "never", "--import", "env"],
            &["log", "--follow", "math/add.wasm"],
            &["log", "--follow", "math/sub.wasm", "--json", "-n", "2"],
            &["log", "math/add.wasm", "--commit", middle, "--grew", "1%"],
            &["log", "math/add.wasm", "--branch", "nope", "--grew", "1%"],
            &["show"],
            &["show", "--json"],
            &["show", oldest],
            &["show", "feat/x", "--json"],
            &["diff", oldest, "main"],
            &["diff", oldest, "main", "--json"],
            &["diff", middle, "feat/x", "math"],
            &["diff", middle, "main", "math/add.wasm", "--json"],
            &["diff", "main", "main", "nowhere"],
            &["diff", "main", "nope"],
            &["list", "-l"],
            &["list", "--long", "--json", "--commit", middle],
            &["list", "odd", "-l"],
            &["list", "od", "-l"],
            &["versions", "-l", "math/add.wasm"],
            &["audit", "-l", "math/sub.wasm"],
            &["diff", "math/add.wasm", "top"],
            &["diff", "math/add.wasm", &world.hash(1), "--json"],
            &["diff", "/top", "/math/add.wasm", "--exit-code"],
            &["diff", &format!("file:{wit}"), "top"],
            &["diff", "main", "top"],
            &["diff", "gone.wasm", "top"],
            &["world", wit],
            &["world", wit, "--json", "--path", "math/add.wasm"],
            &["world", wit, "--path", "nowhere"],
            &["world", wit, "--path", "math"],
            &["world", wit, "none"],
            &["world", wit, "--commit", middle],
            &["world", wit, "--branch", "nope"],
            &["oci", "tags", "nope"],
            &["oci", "show", "nope:1"],
            &["branch", "--list"],
            &["branch", "--list", "--json"],
        ] {
            twin.same(args);
        }
    }
}

#[test]
fn an_export_writes_the_same_files() {
    let twin = Twin::of(history("sha1"));
    twin.same(&["export", "-o", "missing/../x", "--branch", "nope"]);
    assert_eq!(twin.world.run(&["export", "-o", "local"]).code, Some(0));
    let ran = twin.served(&["export", "-o", "remote"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let mut diff = twin.world.command("git");
    let diff = diff
        .args(["diff", "--no-index", "local", "remote"])
        .output();
    assert_eq!(diff.unwrap().status.code(), Some(0));
    let again = twin.served(&["export", "-o", "remote"]);
    assert_eq!(again.code, Some(4), "{again:?}");
    let json = twin.served(&["export", "--json"]);
    assert_eq!(
        json.out, "{\"directory\":\"main\",\"modules\":5}\n",
        "{json:?}"
    );
    assert!(twin.world.path("main/odd/größe/é.wasm").exists());
}

#[test]
fn the_overview_has_the_same_values() {
    let twin = Twin::of(history("sha1"));
    let ran = twin.served(&[]);
    let overview = twin.world.ok(&[]);
    let newest = overview.lines().find(|line| line.starts_with("newest:"));
    let expected = format!(
        "store:   {}\nbranch:  main (the default; branches: 2)\nmodules: 5\ncommits: 11\n{}\n",
        twin.url(),
        newest.unwrap()
    );
    assert_eq!((ran.code, ran.out), (Some(0), expected), "{}", ran.err);
    let json: serde_json::Value = serde_json::from_str(&twin.served(&["--json"]).out).unwrap();
    let mut local = twin.world.json(&[]);
    let local = local.as_object_mut().unwrap();
    for local_only in ["object_format", "tags", "objects_bytes", "mirrors"] {
        assert!(local.remove(local_only).is_some(), "{local_only}");
    }
    local.insert("root".to_owned(), twin.url().into());
    assert_eq!(json.as_object().unwrap(), local);
}

#[test]
fn commands_that_need_the_directory_say_so() {
    let twin = Twin::of(World::with_store("sha1"));
    let help = twin.world.ok(&["--help"]);
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let (commands, _) = commands.split_once("\n\n").unwrap();
    let commands = commands
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    let known: Vec<_> = COMMANDS.iter().map(|(name, _)| *name).collect();
    let listed: Vec<_> = commands.filter(|name| !name.is_empty()).collect();
    for name in &listed {
        let is_word = name.chars().all(|c| c.is_ascii_lowercase());
        assert!(
            !is_word || known.contains(name) || !help.contains(&format!("\n  {name} ")),
            "{name}"
        );
    }
    fs::create_dir(twin.world.path("dir")).unwrap();
    for (args, is_served) in [
        (&["init"][..], false),
        (&["filename", "a"], false),
        (&["backup", "b.tar.gz"], false),
        (&["mirror", "list"], false),
        (&["clone", "/nowhere"], false),
        (&["verify"], false),
        (&["reindex"], false),
        (&["server", "--port", "0"], false),
    ] {
        assert!(COMMANDS.contains(&(args[0], is_served)), "{args:?}");
        let ran = twin.served(args);
        let expected = format!(
            "wasmstore: this command needs the store's directory: run it on the machine of {}, with --root DIR",
            twin.url()
        );
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{args:?}");
        let mut lines = ran.err.lines();
        assert_eq!(lines.next(), Some(expected.as_str()), "{args:?}");
        // The second line says why, and what to use instead.
        let hint = lines.next().unwrap_or_default();
        assert!(hint.starts_with("hint: "), "{ran:?}");
        assert_eq!(lines.next(), None, "{ran:?}");
    }
    assert_eq!(
        COMMANDS.iter().filter(|(_, is_served)| !is_served).count(),
        8
    );
}

#[test]
fn components_that_fit_a_world_are_the_same() {
    let world = World::with_store("sha1");
    world.file(
        "w.wit",
        "package a:b; world small { import log: func(); } world none { export x: func(); }",
    );
    let component = r#"(component (import "log" (func)))"#;
    world.file("c.wasm", wat::parse_str(component).unwrap());
    world.add("core.wasm", 1);
    for path in ["c d/1&2.wasm", "c d/é.wasm", "e.wasm"] {
        world.changes(&["add", "c.wasm", path]);
    }
    let twin = Twin::of(world);
    let all = twin.same(&["world", "w.wit", "small"]);
    assert_eq!(all.lines().count(), 3, "{all}");
    assert_eq!(
        twin.same(&["world", "w.wit", "small", "--path", "c d"])
            .lines()
            .count(),
        2
    );
    for (path, count) in [("c d/é.wasm", 2), ("core.wasm", 1), ("e.wasm", 2)] {
        let reasons = twin.same(&["world", "w.wit", "none", "--path", path]);
        assert_eq!(reasons.lines().count(), count, "{path}: {reasons}");
        twin.same(&["world", "w.wit", "none", "--json", "--path", path]);
    }
    // The server checks the components. A key that may only read is enough for that.
    let keyed = crate::support::server::Server::start(&twin.world, &["--auth", "r:GET"]);
    let url = format!("http://{}", keyed.address);
    let mut command = twin
        .world
        .wasmstore(&["world", "w.wit", "small", "--root", &url]);
    let output = command.env("WASMSTORE_KEY", "r").output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), all);
}

#[test]
fn selected_commits_and_previews_are_the_same() {
    for format in FORMATS {
        let twin = Twin::of(history(format));
        let listed = twin.same(&["log", "--author", "Jörg <j@example.org>", "--oneline"]);
        assert_eq!(listed.lines().count(), 1, "{listed}");
        let digest = format!("sha256:{}", "0".repeat(64));
        for args in [
            &["log", "--author", "Jörg", "--json"][..],
            &["log", "--author", "wasmstore", "-n", "3", "--reverse"],
            &["log", "--since", "2200-01-01"],
            &["log", "--since", "1h", "--graph", "--oneline"],
            &["log", "math"],
            &["log", "odd/größe", "--oneline", "--author", "nobody"],
            &["log", "math", "--json", "-n", "1"],
            &["log", "mat"],
            &["audit", "math"],
            &["diff", "math/add.wasm"],
            &["diff", "top"],
            &["diff", "main"],
            &["remove", "math/*", "odd", "-r", "--dry-run"],
            &["remove", "math", "--dry-run"],
            &["remove", "none", "--dry-run"],
            &["remove", &twin.world.hash(1), "--dry-run"],
            &["rollback", "--dry-run"],
            &["rollback", "math", "--dry-run", "--json"],
            &["rollback", "none", "--dry-run"],
            &["remove", "top", "--if-match", &digest],
            &["export", "none"],
            &["watch", "math/add.wasm"],
        ] {
            twin.same(args);
        }
    }
}

#[test]
fn the_urls_of_a_page_and_of_the_api_get_a_hint() {
    let twin = Twin::of(World::with_store("sha1"));
    let url = twin.url();
    for (args, hint) in [
        (
            &["list", "--root", &format!("{url}/ui")][..],
            format!("hint: did you mean {url}?"),
        ),
        (
            &["list", "--root", &format!("{url}/api/v1/modules")],
            format!("hint: did you mean {url}?"),
        ),
        (
            &["clone", &format!("{url}/ui/"), "--root", "x"],
            format!("hint: if this is a wasmstore server, its repository is {url}/wasmstore.git"),
        ),
        (
            &["clone", &url, "--root", "x"],
            format!("hint: if this is a wasmstore server, its repository is {url}/wasmstore.git"),
        ),
    ] {
        let ran = twin.world.run(args);
        assert_ne!(ran.code, Some(0), "{args:?}");
        assert_eq!(
            ran.err.lines().nth(1),
            Some(&*hint),
            "{args:?}: {}",
            ran.err
        );
    }
}
