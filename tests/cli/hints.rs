//! Hints: the second line of an error.

use crate::support::program::World;

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
