//! Hints: the second line of an error.

use crate::support::program::{World, module};

/// Runs a command that must fail, and returns its hint.
#[track_caller]
fn hint(world: &World, args: &[&str]) -> Option<String> {
    let ran = world.run(args);
    assert_ne!(ran.code, Some(0), "{args:?}");
    assert_eq!(ran.out, "", "{args:?}");
    let mut lines = ran.err.lines();
    assert!(lines.next().unwrap().starts_with("wasmstore: "), "{ran:?}");
    let hint = lines.next()?;
    assert_eq!(lines.next(), None, "{args:?}");
    Some(hint.strip_prefix("hint: ").unwrap().to_owned())
}

#[test]
fn similar_path_is_suggested() {
    let world = World::with_store("sha1");
    world.add("math/add.wasm", 1);
    let before = world.tip();
    world.add("tools/fmt.wasm", 2);
    for args in [
        &["find", "math/ad.wasm"][..],
        &["hash", "math/dad.wasm"],
        &["info", "/Math/add.wasm"],
        &["filename", "add.wasm"],
        &["versions", "math/add.wsam"],
        &["audit", "maths/add.wasm"],
        &["remove", "math/add"],
        &["rollback", "math/add.was"],
        &["find", "math/ad.wasm", "--json"],
    ] {
        let expected = "did you mean /math/add.wasm?";
        let suggestion = hint(&world, args);
        let suggestion = suggestion.as_deref();
        // The missing `.wasm` is more than a quarter of that path.
        let is_far = args[1] == "math/add";
        assert_eq!(suggestion, (!is_far).then_some(expected), "{args:?}");
    }
    // Suggestions are taken from the revision that the command reads.
    let fmt = Some("did you mean /tools/fmt.wasm?".to_owned());
    assert_eq!(hint(&world, &["find", "tools/fm.wasm"]), fmt);
    let then = ["find", "tools/fm.wasm", "--commit", &before];
    assert_eq!(hint(&world, &then), None);
}

#[test]
fn similar_branch_is_suggested() {
    let world = World::with_store("sha1");
    let suggestion = hint(&world, &["list", "--branch", "mian"]);
    assert_eq!(suggestion.as_deref(), Some("did you mean \"main\"?"));
    let suggestion = hint(&world, &["merge", "experiment"]);
    let list = "`wasmstore branch --list` lists the branches";
    assert_eq!(suggestion.as_deref(), Some(list));
}

#[test]
fn a_commit_or_a_glob_in_place_of_a_path_has_a_hint() {
    let world = World::with_store("sha1");
    world.add("math/a.wasm", 1);
    world.add("math/a.wasm", 2);
    let suggestion = hint(&world, &["gc", "math/*", "--keep-last", "1"]).unwrap();
    assert!(suggestion.contains("not globs"), "{suggestion}");
    world.changes(&["tag", "v1"]);
    for name in ["main", "v1"] {
        let suggestion = hint(&world, &["log", name]).unwrap();
        let command = format!("`wasmstore log --commit {name}` prints the history of the commit");
        assert!(suggestion.ends_with(&command), "{suggestion}");
        world.ok(&["log", "--commit", name]);
    }
}

#[test]
fn directory_is_suggested_to_be_listed() {
    let world = World::with_store("sha1");
    world.add("d/a.wasm", 1);
    let suggestion = hint(&world, &["find", "d"]);
    assert_eq!(
        suggestion.as_deref(),
        Some("`wasmstore list /d` lists what is in it")
    );
}

#[test]
fn missing_or_foreign_store_gets_a_hint() {
    let world = World::empty();
    for args in [
        &["find", "a"][..],
        &["remove", "a"],
        &["snapshot"],
        &["log", "--branch", "b"],
    ] {
        let suggestion = hint(&world, args).unwrap();
        assert!(
            suggestion.contains("`wasmstore init`") && suggestion.contains("--root"),
            "{args:?}: {suggestion}"
        );
    }
    world.file("directory/file", "x");
    let suggestion = hint(&world, &["list", "--root", "directory"]).unwrap();
    assert!(suggestion.contains("--root"), "{suggestion}");
    let suggestion = hint(&world, &["mirror", "push", "m"]);
    assert!(suggestion.unwrap().contains("`wasmstore init`"));
    world.ok(&["init"]);
    let suggestion = hint(&world, &["mirror", "push", "m"]);
    assert_eq!(
        suggestion.as_deref(),
        Some("`wasmstore mirror list` lists the mirrors")
    );
    assert!(!world.path("directory/HEAD").exists());
}

#[test]
fn a_failed_precondition_names_the_path_and_what_to_do() {
    let world = World::with_store("sha1");
    let (old, new) = (world.hash(1), world.add("d/a.wasm", 2));
    let tip = world.tip();
    world.file("a.wasm", module(1));
    let absent = format!("publish at a new path, or replace the module with --if-match {new}");
    let other = format!(
        "wasmstore changed it in {}: `wasmstore diff {old} /d/a.wasm` shows how",
        &tip[..10]
    );
    let taken = format!("/d/a.wasm has another module already: {new}");
    let changed = format!("/d/a.wasm is not {old}: it is {new}");
    let nothing = format!("/b.wasm is not {old}: there is no module");
    world.add("one.wasm", 1);
    world.ok(&["diff", &old, "/d/a.wasm"]);
    for (args, expected, reason) in [
        (
            &["add", "a.wasm", "d/a.wasm", "--if-absent"][..],
            Some(&absent),
            &taken,
        ),
        (
            &["add", "a.wasm", "d/a.wasm", "--if-absent", "--dry-run"],
            Some(&absent),
            &taken,
        ),
        (
            &["set", &old, "d/a.wasm", "--if-absent"],
            Some(&absent),
            &taken,
        ),
        (
            &["add", "a.wasm", "d/a.wasm", "--if-match", &old],
            Some(&other),
            &changed,
        ),
        (
            &["add", "a.wasm", "b.wasm", "--if-match", &old],
            None,
            &nothing,
        ),
    ] {
        assert_eq!(hint(&world, args).as_ref(), expected, "{args:?}");
        assert_eq!(world.fails(4, args), *reason, "{args:?}");
    }
}

#[test]
fn no_hint_without_a_suggestion_or_with_quiet() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    world.file("bad", "bad");
    let hash = "3".repeat(40);
    for args in [
        &["find", "quite/another"][..],
        &["find", &hash],
        &["commit", &hash],
        &["add", "bad"],
        &["find", "a/../b"],
        &["find", "b.wasm", "--quiet"],
        &["list", "--branch", "mian", "-q"],
    ] {
        assert_eq!(hint(&world, args), None, "{args:?}");
    }
}

#[test]
fn other_forms_of_names_have_a_hint() {
    let world = World::with_store("sha1");
    let hash = world.add("math/add.wasm", 1);
    world.changes(&["tag", "v1"]);
    world.file("one.wasm", module(2));
    world.file("in/a.wat", "(module)");
    std::fs::create_dir(world.path("dir")).unwrap();
    let glob = |glob: &str| {
        format!(
            "this argument is not a glob; `wasmstore search 'path:{glob}'` lists what matches one"
        )
    };
    for (args, expected) in [
        (&["find", "math/*.wasm"][..], &*glob("math/*.wasm")),
        (&["list", "math/*"], &glob("math/*")),
        (
            &["find", &hash[..7]],
            "the hash of a module cannot be abbreviated: `wasmstore list` prints whole hashes",
        ),
        (
            &["find", "math/add.wasm@v1"],
            "`wasmstore find math/add.wasm --commit v1` reads from this commit",
        ),
        (
            &["find", "math/add.wasm", "-o", "dir"],
            "name a file in the directory: dir/FILE",
        ),
        (
            &["diff", "v1..main"],
            "the two commits are separate arguments: `wasmstore diff v1 main`",
        ),
        (
            &["add", "one.wasm", "math"],
            "`/math/`, with a slash at its end, stores the file in the directory",
        ),
        (
            &["import", "one.wasm"],
            "`wasmstore add one.wasm` stores a file",
        ),
        (
            &["import", "in"],
            "`--include '*.wasm'` imports only the files with this ending",
        ),
        (
            &["branch", "main", "-d"],
            "`wasmstore branch --default NAME` makes another branch the default",
        ),
    ] {
        assert_eq!(hint(&world, args).as_deref(), Some(expected), "{args:?}");
    }
    assert_eq!(hint(&world, &["watch", "--since-file", "dir"]), None);
    assert_eq!(world.ok(&["branch", "-l"]), "main\n");
}

#[test]
fn what_is_not_a_file_has_a_hint() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    world.file("dir/b.wasm", "");
    let url = hint(&world, &["add", "https://example.org/a.wasm"]).unwrap();
    assert!(
        url.contains("curl -fsSL URL | wasmstore add - PATH"),
        "{url}"
    );
    let directory = hint(&world, &["add", "dir"]).unwrap();
    assert!(
        directory.starts_with("`wasmstore import dir`"),
        "{directory}"
    );
    for args in [
        &["find", "a.wasm", "--output", "no/x"][..],
        &["backup", "no/x"],
    ] {
        assert_eq!(hint(&world, args).unwrap(), "there is no directory \"no\"");
        let reason = world.fails(1, args);
        assert_eq!(
            reason,
            "cannot write \"no/x\": No such file or directory (os error 2)"
        );
    }
    let archive = hint(&world, &["restore", "modules.tar.gz"]).unwrap();
    assert!(archive.contains("tar -xzf"), "{archive}");
    let status = hint(&world, &["status"]).unwrap();
    assert!(status.contains("prints an overview"), "{status}");
}
