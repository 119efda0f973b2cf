//! Everyday mistakes, and what a command says about what it did.

use serde_json::json;

use crate::support::program::{World, module, without_report};

/// Runs a command that must succeed, and returns what it wrote to standard error.
#[track_caller]
fn report(world: &World, args: &[&str]) -> String {
    let ran = world.run(args);
    assert_eq!(ran.code, Some(0), "{args:?}: {ran:?}");
    ran.err
}

/// Runs a command that must fail, and returns its code and what it wrote to standard error.
#[track_caller]
fn failure(world: &World, args: &[&str]) -> (i32, String) {
    let ran = world.run(args);
    assert_eq!(ran.out, "", "{args:?}");
    (ran.code.unwrap(), ran.err)
}

#[test]
fn a_path_that_is_also_a_file_gets_a_note() {
    let world = World::with_store("sha1");
    world.file("app.opt.wasm", module(1));
    world.file("app.wasm", module(2));
    world.file("out/app.wasm", module(3));
    let note = "/app.wasm is the path of app.opt.wasm in the store, not the file app.wasm: \
        `wasmstore add app.opt.wasm app.wasm /` stores both at the top, and a directory instead of `/` both there\n";
    let err = report(&world, &["add", "app.opt.wasm", "app.wasm", "--dry-run"]);
    assert_eq!(err, note);
    assert_eq!(world.ok(&["list"]), "");
    let err = report(&world, &["add", "app.opt.wasm", "app.wasm"]);
    let committed = format!("committed {} on main\n", &world.tip()[..10]);
    assert_eq!(err, format!("{committed}{note}"));
    assert_eq!(world.ok(&["hash", "app.wasm"]).trim(), world.hash(1));
    // A file of the same name is not a second module, and neither is a path with a slash at its beginning or without `.wasm`.
    world.file("plain", "x");
    for args in [
        &["add", "app.opt.wasm", "app.wasm", "-q"][..],
        &["add", "app.opt.wasm", "/app.wasm"],
        &["add", "out/app.wasm", "app.wasm"],
        &["add", "app.wasm", "plain"],
        &["add", "app.opt.wasm", "app.wasm", "/"],
    ] {
        let err = report(&world, args);
        assert!(!err.contains("not the file"), "{args:?}: {err}");
    }
    // The names of these files cannot be paths.
    for second in ["./app.wasm", "out/../app.wasm"] {
        let (code, err) = failure(&world, &["add", "app.opt.wasm", second]);
        assert_eq!(code, 2, "{err}");
        assert_eq!(
            err,
            format!(
                "wasmstore: the second of two arguments is the path in the store, but {second:?} is a module on disk, like \"app.opt.wasm\"\n\
                 hint: `wasmstore add app.opt.wasm {second} /` stores both at the top, and a directory instead of `/` both there; \
                 `wasmstore add app.opt.wasm /app.wasm` stores app.opt.wasm at the path /app.wasm\n"
            )
        );
    }
}

#[test]
fn a_read_says_that_there_is_no_store() {
    let world = World::empty();
    let note = format!(
        "there is no store at {} yet: --root DIR or WASMSTORE_ROOT selects another one\n",
        world.root().display()
    );
    for args in [
        &["list"][..],
        &["list", "--json"],
        &["contains", "a"],
        &["log"],
        &["search", "kind:module"],
        &["branch", "--list"],
        &["tag", "--list"],
        &["mirror", "list"],
        &["export", "-o", "out"],
    ] {
        let err = report(&world, args);
        let before = err.strip_suffix(&note);
        assert!(
            before.is_some_and(|before| before.is_empty() || args[0] == "export"),
            "{args:?}: {err}"
        );
        assert_eq!(report(&world, &[args, &["-q"]].concat()), "", "{args:?}");
        let _ = std::fs::remove_dir(world.path("out"));
    }
    assert_eq!(report(&world, &[]), "");
    // A verification of nothing must not look like one of a sound store.
    let missing = world.fails(5, &["verify"]);
    assert!(missing.ends_with(" to verify"), "{missing}");
    assert!(!world.root().exists());
}

#[test]
fn changes_say_what_they_did() {
    let world = World::with_store("sha1");
    for n in 1..4 {
        world.add(&format!("old/{n}.wasm"), n);
    }
    world.add("a.wasm", 9);
    let before = world.tip();
    let effect = |args: &[&str]| {
        let err = report(&world, args);
        let (head, effect) = err
            .split_once(" on main: ")
            .unwrap_or_else(|| panic!("{err}"));
        assert_eq!(head, format!("committed {}", &world.tip()[..10]));
        effect.to_owned()
    };
    assert_eq!(effect(&["remove", "old/*"]), "removed 3 modules\n");
    let removal = world.tip();
    let undid = format!("undid {}, added 3 modules\n", &removal[..10]);
    assert_eq!(effect(&["rollback"]), undid);
    assert_eq!(effect(&["remove", "a.wasm"]), "removed 1 module\n");
    assert_eq!(effect(&["restore", &before]), "added 1 module\n");
    let undone = world.json(&["rollback"]);
    assert_eq!(undone["undid"], world.git(&["rev-parse", "HEAD~1"]));
    assert_eq!(report(&world, &["remove", "old", "-r", "-q"]), "");
    world.changes(&["branch", "dev"]);
    world.changes(&["add", "added.wasm", "/new.wasm", "--branch", "dev"]);
    let merged = report(&world, &["merge", "dev", "--no-ff"]);
    let expected = format!(
        "merged: main is at {}: added 1 module\n",
        &world.tip()[..10]
    );
    assert_eq!(merged, expected);
}

#[test]
fn a_removal_and_a_rollback_are_previewed() {
    let world = World::with_store("sha1");
    let one = world.add("old/1.wasm", 1);
    let two = world.add("old/2.wasm", 2);
    world.add("a.wasm", 1);
    let state = world.state();
    let lines = format!("D\t/old/1.wasm\t{one}\nD\t/old/2.wasm\t{two}\n");
    assert_eq!(world.ok(&["remove", "old/*", "--dry-run"]), lines);
    assert_eq!(world.ok(&["remove", "old", "-r", "--dry-run"]), lines);
    let by_hash = format!("D\t/a.wasm\t{one}\nD\t/old/1.wasm\t{one}\n");
    assert_eq!(world.ok(&["remove", &one, "--dry-run"]), by_hash);
    assert_eq!(
        world.json(&["remove", "a.wasm", "--dry-run"]),
        json!([{ "path": "/a.wasm", "action": "removed", "hash": one }])
    );
    for (code, args) in [
        (1, ["remove", "b.wasm", "--dry-run"]),
        (1, ["remove", "x*", "--dry-run"]),
        (4, ["remove", "old", "--dry-run"]),
    ] {
        let real = failure(&world, &args[..2]);
        assert_eq!(failure(&world, &args), real, "{args:?}");
        assert_eq!(real.0, code, "{args:?}");
    }
    let tip = world.tip();
    let ran = world.run(&["rollback", "--dry-run"]);
    assert_eq!(ran.out, format!("D\t/a.wasm\t{one}\n"));
    let note = format!("nothing changed: a rollback would undo {}\n", &tip[..10]);
    assert_eq!(ran.err, note);
    let old = world.git(&["rev-parse", "HEAD~1"]);
    let json = world.json(&["rollback", "old", "--dry-run"]);
    assert_eq!(
        json,
        json!({
            "commit": tip,
            "undoes": old,
            "restores": world.git(&["rev-parse", "HEAD~2"]),
            "changes": [{ "path": "/old/2.wasm", "action": "removed", "hash": two }],
        })
    );
    assert_eq!(world.state(), state);
}

#[test]
fn a_digest_is_accepted_as_a_precondition() {
    let world = World::with_store("sha1");
    let one = world.add("a.wasm", 1);
    world.add("b.wasm", 2);
    let digest = |path: &str| {
        let info = world.json(&["info", path]);
        info["digest"].as_str().unwrap().to_owned()
    };
    let (a, b) = (digest("a.wasm"), digest("b.wasm"));
    world.file("n.wasm", module(3));
    for args in [
        &["add", "n.wasm", "a.wasm"][..],
        &["add", "n.wasm", "a.wasm", "--dry-run"],
        &["set", &b, "a.wasm"],
        &["remove", "a.wasm"],
        &["mv", "a.wasm", "c.wasm"],
        &["copy", "a.wasm", "c.wasm"],
    ] {
        for wrong in [&b, &format!("sha256:{}", "0".repeat(64))] {
            let (code, err) = failure(&world, &[args, &["--if-match", wrong]].concat());
            assert_eq!(code, 4, "{args:?}: {err}");
        }
    }
    world.changes(&["copy", "a.wasm", "c.wasm", "--if-match", &a]);
    world.changes(&["mv", "c.wasm", "d.wasm", "--if-match", &a]);
    world.changes(&["set", &b, "d.wasm", "--if-match", &a[7..]]);
    world.changes(&["remove", "d.wasm", "--if-match", &b]);
    world.changes(&["add", "n.wasm", "a.wasm", "--if-match", &a]);
    assert_ne!(world.ok(&["hash", "a.wasm"]).trim(), one);
}

#[test]
fn a_merge_that_was_rolled_back_gets_a_hint() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    world.changes(&["branch", "dev"]);
    world.file("n.wasm", module(2));
    world.changes(&["add", "n.wasm", "new.wasm", "--branch", "dev"]);
    world.changes(&["merge", "dev", "--no-ff"]);
    let merge = world.tip();
    world.changes(&["rollback"]);
    let undo = world.tip();
    let err = report(&world, &["merge", "dev"]);
    let expected = format!(
        "nothing changed: main is at {undo}\n\
         hint: dev is merged already, and the rollback {undo} undid its changes: \
         `wasmstore restore {merge} --branch main` makes them again\n",
        undo = &undo[..10],
        merge = &merge[..10],
    );
    assert_eq!(err, expected);
    world.add("b.wasm", 3);
    let err = report(&world, &["merge", "dev"]);
    let path = format!("restore {} PATH --branch main", &merge[..10]);
    assert!(err.contains(&path), "{err}");
    world.changes(&["restore", &merge, "new.wasm"]);
    // A merge that was not undone has no hint.
    let world = World::with_store("sha1");
    world.changes(&["branch", "dev"]);
    let err = report(&world, &["merge", "dev"]);
    assert_eq!(without_report(&err), "");
}

#[test]
fn swapped_and_misplaced_arguments_get_a_hint() {
    let world = World::with_store("sha1");
    world.add("math/add.wasm", 1);
    world.file("file.wasm", module(1));
    world.file("cert.pem", "x");
    world.file("key.pem", "x");
    world.changes(&["tag", "v1"]);
    for (args, code, expected) in [
        (
            &["restore", "math/add.wasm", "v1"][..],
            1,
            "hint: /math/add.wasm is a path; the commit comes before it: `wasmstore restore COMMIT math/add.wasm`",
        ),
        (
            &["show", "math"],
            1,
            "hint: /math is a path, but this argument is a commit: `wasmstore log math` lists its commits",
        ),
        (
            &["rollback", "v1"],
            1,
            "hint: v1 is a commit, but `rollback` takes a path and undoes its newest change; `wasmstore restore v1` goes back to the commit",
        ),
        (
            &["restore", "yesterday", "math/add.wasm"],
            1,
            "hint: a date follows the name of a branch: 'main@{yesterday}'",
        ),
        (
            &["add", "sub.wasm", "file.wasm"],
            1,
            "hint: the file comes before the path in the store: `wasmstore add file.wasm sub.wasm`",
        ),
        (
            &["add", "sub.wasm", "file.wasm", "--dry-run"],
            1,
            "hint: the file comes before the path in the store: `wasmstore add file.wasm sub.wasm`",
        ),
        (
            &["version", "math/add.wasm", "0"],
            2,
            "hint: the number comes before the path: `wasmstore version INDEX math/add.wasm`",
        ),
        (
            &["set", "math/add.wasm", "sub.wasm"],
            3,
            "hint: `wasmstore copy math/add.wasm sub.wasm` puts the module of one path at another",
        ),
        (
            &["find", "math/add.wasm", "add.wasm"],
            2,
            "hint: `-o add.wasm` writes the module to this file",
        ),
        (
            &["server", "--tls", "cert.pem,key.pem", "--check"],
            1,
            "hint: the key comes before the certificate: --tls KEY_FILE,CERT_FILE",
        ),
        (
            &["info", "file.wasm"],
            1,
            "hint: file.wasm is a file on disk: write ./file.wasm to read the file",
        ),
        (
            &["contains", "./file.wasm"],
            3,
            "hint: ./file.wasm is a file on disk, but `wasmstore contains` reads the store; `wasmstore info ./file.wasm` describes a file",
        ),
        (
            &["diff", "math/add.wasm", "file.wasm"],
            1,
            "hint: file.wasm is a file on disk: write ./file.wasm to compare the file",
        ),
        (
            &["watch", "math/add.wasm"],
            2,
            "hint: `wasmstore watch --path math/add.wasm` reports its changes only",
        ),
        (
            &["watch", "math/*"],
            2,
            "hint: `wasmstore watch --path 'math/*'` reports its changes only",
        ),
        (
            &["list", "--root", "http://h/api/v1"],
            3,
            "hint: did you mean http://h?",
        ),
        (
            &["list", "--root", "h:80/api/v1"],
            3,
            "hint: did you mean http://h:80? A directory of this name is written with ./ before \"h:80/api/v1\"",
        ),
        (
            &["login", "https://h/x/wasmstore.git"],
            3,
            "hint: did you mean https://h/x?",
        ),
    ] {
        let (ran, err) = failure(&world, args);
        assert_eq!(ran, code, "{args:?}: {err}");
        assert_eq!(err.lines().nth(1), Some(expected), "{args:?}: {err}");
    }
}

#[test]
fn dates_are_accepted_as_commands_print_them() {
    let world = World::with_store("sha1");
    let hash = world.add("a.wasm", 1);
    let listed = format!("{hash}\t/a.wasm\n");
    for date in [
        "9999-01-01",
        "9999-01-01 12:00:00",
        "Fri Jan 01 12:00:00 9999",
    ] {
        let commit = format!("main@{{{date}}}");
        assert_eq!(world.ok(&["list", "--commit", &commit]), listed, "{date}");
        world.changes(&["restore", &commit]);
    }
    let year_2000 = "main@{2000-01-01 00:00:00}";
    let mut command = world.wasmstore(&["diff", year_2000, "main"]);
    let ran = command.env("TZ", "EST5").output().unwrap();
    let err = String::from_utf8(ran.stderr).unwrap();
    let expected = "wasmstore: there is no commit main@{2000-01-01T05:00:00Z}: ";
    assert!(err.starts_with(expected), "{err}");
    let count = |since: &str| {
        world
            .ok(&["log", "--oneline", "--since", since])
            .lines()
            .count()
    };
    assert_eq!(count("2000-01-01 00:00:00"), 2);
    assert_eq!(count("9999-01-01 00:00:00"), 0);
    let (code, err) = failure(&world, &["list", "--commit", "main@{2026-02-30}"]);
    assert_eq!(code, 3, "{err}");
    assert!(
        err.contains("has a date that does not exist in `@{…}`"),
        "{err}"
    );
}

#[test]
fn a_port_in_use_gets_a_hint() {
    let world = World::with_store("sha1");
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port().to_string();
    let (code, err) = failure(&world, &["server", "--port", &port]);
    assert_eq!(code, 1, "{err}");
    let hint = "hint: another server uses the port: stop it, or choose another one with --port (0 is any free port)";
    assert_eq!(err.lines().last(), Some(hint), "{err}");
}

#[test]
fn malformed_globs_are_refused() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    for args in [
        &["watch", "--path", "["][..],
        &["remove", "./[a"],
        &["search", "path:[a"],
        &["import", "--include", "a\\", "."],
    ] {
        let (code, err) = failure(&world, args);
        assert_eq!(code, 3, "{args:?}: {err}");
        assert!(
            err.contains("has a `[` without a `]`") || err.contains("ends with a single `\\`"),
            "{args:?}: {err}"
        );
    }
}

#[test]
fn a_path_is_compared_with_its_version_before() {
    let world = World::with_store("sha1");
    let one = world.add("a.wasm", 1);
    let (code, err) = failure(&world, &["diff", "a.wasm"]);
    assert_eq!(
        (code, &*err),
        (1, "wasmstore: /a.wasm has only one version\n")
    );
    world.add("b.wasm", 9);
    world.add("a.wasm", 2);
    let diff = world.ok(&["diff", "a.wasm"]);
    assert!(diff.starts_with(&format!("M\t{one}\ta.wasm\n")), "{diff}");
    assert_eq!(world.ok(&["diff", &one, "a.wasm"]), diff);
    let ran = world.run(&["diff", "a.wasm", "--exit-code"]);
    assert_eq!((ran.code, ran.out), (Some(1), diff));
    let (code, err) = failure(&world, &["diff", "main"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("`wasmstore show main`"), "{err}");
}

#[test]
fn a_part_of_a_branch_is_exported() {
    let world = World::with_store("sha1");
    world.add("lib/a.wasm", 1);
    world.add("lib/d/b.wasm", 2);
    world.add("c.wasm", 3);
    let exported = |args: &[&str], count: usize| {
        let err = report(&world, &[&["export", "-o", "out"], args].concat());
        let modules = if count == 1 { "module" } else { "modules" };
        assert_eq!(err, format!("exported {count} {modules} to \"out\"\n"));
        let has = ["lib/a.wasm", "lib/d/b.wasm", "c.wasm"]
            .map(|path| world.path("out").join(path).exists());
        std::fs::remove_dir_all(world.path("out")).unwrap();
        has
    };
    assert_eq!(exported(&[], 3), [true, true, true]);
    assert_eq!(exported(&["lib"], 2), [true, true, false]);
    assert_eq!(exported(&["lib/d/b.wasm"], 1), [false, true, false]);
    assert_eq!(
        world.fails(1, &["export", "-o", "out", "x"]),
        "there is no directory /x"
    );
    assert!(!world.path("out").exists());
}
