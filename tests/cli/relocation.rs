//! `mv`, `copy`, and `remove` with several names and globs.

use serde_json::json;

use crate::support::program::World;
use crate::support::server::Server;

fn paths(world: &World) -> String {
    let listed = world.git(&["ls-tree", "-r", "--name-only", "HEAD"]);
    listed.replace('\n', " ")
}

#[test]
fn modules_are_renamed_copied_and_removed_without_their_hashes() {
    for world in World::each() {
        for (n, path) in [(1, "a.wasm"), (2, "d/b.wasm"), (3, "d/c.wasm")] {
            world.add(path, n);
        }
        assert_eq!(world.changes(&["mv", "a.wasm", "d/a.wasm"]), "");
        assert_eq!(paths(&world), "d/a.wasm d/b.wasm d/c.wasm");
        assert_eq!(
            world.git(&["log", "-1", "--format=%s"]),
            "Move /a.wasm to /d/a.wasm"
        );
        assert_eq!(world.changes(&["copy", "d/a.wasm", "d/b.wasm", "e/"]), "");
        let copied = world.json(&["copy", "d", "f", "-m", "All"]);
        let reported = json!({
            "commit": world.tip(), "branch": "main", "changed": true, "modules": 3, "to": "/f"
        });
        assert_eq!(copied, reported);
        let all = "d/a.wasm d/b.wasm d/c.wasm e/a.wasm e/b.wasm f/a.wasm f/b.wasm f/c.wasm";
        assert_eq!(paths(&world), all);
        assert_eq!(
            world.changes(&["remove", "d", "e/a.wasm", "f/[ab].wasm", "-r"]),
            ""
        );
        assert_eq!(paths(&world), "e/b.wasm f/c.wasm");
        assert_eq!(
            world.changes(&["mv", "e/b.wasm", "f/c.wasm", "--force"]),
            ""
        );
        assert_eq!(paths(&world), "f/c.wasm");
        assert_eq!(world.ok(&["hash", "f/c.wasm"]).trim(), world.hash(2));
    }
}

#[test]
fn globs_select_what_is_moved_and_copied() {
    let world = World::with_store("sha1");
    for (n, path) in ["a1.wasm", "a2.wasm", "b.wasm", "x/a3.wasm", "y/c.wasm"]
        .iter()
        .enumerate()
    {
        world.add(path, n as u32);
    }
    let server = Server::start(&world, &[]);
    let url = format!("http://{}", server.address);
    for root in [world.root().to_str().unwrap(), &url] {
        // A pattern without a slash matches at any depth, but nothing that is in DEST already.
        for _ in 0..2 {
            world.changes(&["copy", "a?.wasm", "copies/", "--force", "--root", root]);
            let copied = "a1.wasm a2.wasm b.wasm copies/a1.wasm copies/a2.wasm copies/a3.wasm x/a3.wasm y/c.wasm";
            assert_eq!(paths(&world), copied);
        }
        world.changes(&["mv", "/[xy]", "copies/", "--root", root]);
        let moved = "copies/a3.wasm copies/x/a3.wasm copies/y/c.wasm";
        assert!(paths(&world).ends_with(moved), "{}", paths(&world));
        let none = world.fails(1, &["mv", "a9*", "copies/", "--root", root]);
        assert_eq!(none, "no module matches a9*");
        let two =
            "cannot move 2 paths to /n: it is not a directory; end it with a slash to create one";
        assert_eq!(
            world.fails(4, &["mv", "/a?.wasm", "n", "--root", root]),
            two
        );
        world.changes(&["mv", "/copies/[xy]", "/", "--root", root]);
        world.changes(&["remove", "copies", "--recursive"]);
    }
    // A path with a wildcard is this path if something is there.
    world.add("[b].wasm", 9);
    world.changes(&["mv", "[b].wasm", "c.wasm"]);
    assert!(world.ok(&["contains", "b.wasm"]).starts_with("true"));
}

#[test]
fn invalid_relocations_fail_with_a_reason_and_a_hint() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    world.add("d/b.wasm", 2);
    let ran = world.run(&["mv", "a.wasm", "d/b.wasm"]);
    let exists = "wasmstore: there is a module at /d/b.wasm already\nhint: --force replaces the existing modules\n";
    assert_eq!((ran.code, &*ran.err), (Some(4), exists));
    let ran = world.run(&["copy", "b.wasm", "c.wasm"]);
    let unknown = "wasmstore: there is no module /b.wasm\nhint: did you mean /a.wasm?\n";
    assert_eq!((ran.code, &*ran.err), (Some(1), unknown));
    let two = "cannot move 2 paths to /n: it is not a directory; end it with a slash to create one";
    assert_eq!(world.fails(4, &["mv", "a.wasm", "d/b.wasm", "n"]), two);
    assert_eq!(
        world.fails(1, &["remove", "a.wasm", "x*"]),
        "no module matches x*"
    );
    let directory = "/d is a directory: use --recursive to remove everything in it";
    assert_eq!(world.fails(4, &["remove", "d*"]), directory);
    assert_eq!(world.fails(4, &["remove", "a.wasm", "d"]), directory);
    world.fails(3, &["mv", "a.wasm", ".git"]);
    for args in [
        &["mv"][..],
        &["mv", "a.wasm"],
        &["copy", "a.wasm"],
        &["remove"],
    ] {
        assert_eq!(world.run(args).code, Some(2), "{args:?}");
    }
}

#[test]
fn a_hash_that_is_not_there_any_more_stops_a_change() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    world.add("b.wasm", 2);
    let (old, new) = (world.hash(2), world.hash(1));
    let failed = format!("/a.wasm is not {old}: it is {new}");
    for change in [
        &["mv", "a.wasm", "c.wasm"][..],
        &["copy", "a.wasm", "c.wasm"],
        &["remove", "a.wasm"],
    ] {
        let run = |hash: &str| [change, &["--if-match", hash]].concat().join(" ");
        let args = run(&old);
        let args: Vec<_> = args.split(' ').collect();
        assert_eq!(world.fails(4, &args), failed, "{args:?}");
        let hint = format!("`wasmstore diff {old} /a.wasm` shows how\n");
        assert!(world.run(&args).err.ends_with(&hint), "{args:?}");
        world.ok(&["diff", &old, "/a.wasm"]);
        let several: Vec<_> = [change[0], "b.wasm"]
            .into_iter()
            .chain(args[1..].iter().copied())
            .collect();
        assert_eq!(world.run(&several).code, Some(2), "{several:?}");
    }
    let set = |flags: &[&str]| [&["set", &old, "a.wasm"], flags].concat().join(" ");
    let taken = format!("/a.wasm has another module already: {new}");
    for (flags, reason) in [
        (&["--if-absent"][..], &taken),
        (&["--if-match", &old], &failed),
    ] {
        let args = set(flags);
        let args: Vec<_> = args.split(' ').collect();
        assert_eq!(world.fails(4, &args), *reason, "{args:?}");
    }
    let missing = format!("/none is not {old}: there is no module");
    for args in [
        &["set", &new, "none", "--if-match", &old],
        &["mv", "none", "c.wasm", "--if-match", &old],
    ] {
        assert_eq!(world.fails(4, args), missing, "{args:?}");
    }
    assert_eq!(paths(&world), "a.wasm b.wasm");
    assert_eq!(world.changes(&["set", &new, "a.wasm", "--if-absent"]), "");
    assert_eq!(
        world.changes(&["set", &old, "a.wasm", "--if-match", &new]),
        ""
    );
    assert_eq!(
        world.changes(&["mv", "a.wasm", "c.wasm", "--if-match", &old]),
        ""
    );
    assert_eq!(world.changes(&["remove", "c.wasm", "--if-match", &old]), "");
    assert_eq!(paths(&world), "b.wasm");
}

#[test]
fn a_copy_and_a_move_say_how_many_modules_are_where() {
    let world = World::with_store("sha1");
    world.add("p/1.0/a.wasm", 1);
    world.add("p/1.0/d/b.wasm", 2);
    let report = |args: &[&str]| {
        let ran = world.run(args);
        assert_eq!((ran.code, &*ran.out), (Some(0), ""), "{args:?}");
        let (_, effect) = ran.err.split_once(" on main: ").unwrap();
        effect.to_owned()
    };
    let twice = ["copy", "p/1.0", "p/1.1"];
    assert_eq!(report(&twice), "copied 2 modules to /p/1.1\n");
    assert_eq!(report(&twice), "copied 2 modules to /p/1.1/1.0\n");
    let one = ["mv", "p/1.1/1.0/a.wasm", "x.wasm"];
    assert_eq!(report(&one), "moved 1 module to /x.wasm\n");
    assert_eq!(
        report(&["mv", "p/1.1/1.0", "p/1.2/"]),
        "moved 1 module to /p/1.2/1.0/d/b.wasm\n"
    );
    // What the help advises fails instead of copying a directory into itself.
    let content = ["copy", "p/1.0/*", "p/2.0/"];
    assert_eq!(report(&content), "copied 2 modules to /p/2.0\n");
    let exists = "there are modules at /p/2.0/a.wasm and 1 other paths already";
    assert_eq!(world.fails(4, &content), exists);
    let moved = world.json(&["mv", "p/2.0", "q", "-q"]);
    assert_eq!((&moved["modules"], &moved["to"]), (&json!(2), &json!("/q")));
}

#[test]
fn the_history_of_a_moved_module_is_found_at_its_old_path() {
    let world = World::with_store("sha1");
    world.add("math/add.wasm", 1);
    world.add("math/add.wasm", 2);
    world.add("math/same.wasm", 2);
    world.changes(&["mv", "math", "arithmetic"]);
    world.changes(&["mv", "arithmetic/add.wasm", "plus.wasm", "-m", "Rename"]);
    let id = world.tip()[..10].to_owned();
    let note = format!(
        "moved from /arithmetic/add.wasm in {id}: `wasmstore versions /arithmetic/add.wasm` lists the earlier versions"
    );
    for command in ["versions", "audit", "log"] {
        let ran = world.run(&[command, "plus.wasm"]);
        assert_eq!((ran.code, &*ran.err), (Some(0), &*format!("{note}\n")));
        let quiet = world.run(&[command, "plus.wasm", "-q"]);
        assert_eq!((&*quiet.out, &*quiet.err), (&*ran.out, ""));
        assert_eq!(world.run(&[command, "plus.wasm", "--json"]).err, "");
    }
    assert_eq!(world.run(&["log", "plus.wasm", "-n", "1"]).err, "");
    assert_eq!(world.run(&["versions", "math/add.wasm"]).err, "");
    let diff = world.run(&["diff", "plus.wasm"]);
    let expected = format!("wasmstore: /plus.wasm has only one version\nhint: {note}\n");
    assert_eq!((diff.code, diff.err), (Some(1), expected));
    // Of several removed paths with this module, the one with the same name.
    let ran = world.run(&["versions", "arithmetic/same.wasm"]).err;
    assert!(ran.starts_with("moved from /math/same.wasm in "), "{ran}");

    let unmoved = format!(
        "not put back: /arithmetic/add.wasm, from where {id} moved the modules; `wasmstore restore {id}~1 /arithmetic/add.wasm` does that\n"
    );
    let dry = world.run(&["rollback", "plus.wasm", "--dry-run"]).err;
    assert!(dry.ends_with(&unmoved), "{dry}");
    let ran = world.run(&["rollback", "plus.wasm"]);
    assert!(
        ran.code == Some(0) && ran.err.ends_with(&unmoved),
        "{ran:?}"
    );
    let old = format!("{id}~1");
    world.changes(&["restore", &old, "/arithmetic/add.wasm"]);
    assert_eq!(paths(&world), "arithmetic/add.wasm arithmetic/same.wasm");
}
