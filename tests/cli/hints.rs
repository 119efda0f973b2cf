//! What is told after a failure, on a second line.

use crate::support::program::World;

/// The second line of what a failure tells.
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
fn a_path_that_is_nearly_right_is_guessed() {
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
        let wanted = "did you mean /math/add.wasm?";
        let told = hint(&world, args);
        let told = told.as_deref();
        // The last segment's end is more than a quarter of that path.
        let is_far = args[1] == "math/add";
        assert_eq!(told, (!is_far).then_some(wanted), "{args:?}");
    }
    // What is looked at decides what is there.
    let fmt = Some("did you mean /tools/fmt.wasm?".to_owned());
    assert_eq!(hint(&world, &["find", "tools/fm.wasm"]), fmt);
    let then = ["find", "tools/fm.wasm", "--commit", &before];
    assert_eq!(hint(&world, &then), None);
}

#[test]
fn a_branch_that_is_nearly_right_is_guessed() {
    let world = World::with_store("sha1");
    let told = hint(&world, &["list", "--branch", "mian"]);
    assert_eq!(told.as_deref(), Some("did you mean \"main\"?"));
    let told = hint(&world, &["merge", "experiment"]);
    let list = "`wasmstore branch --list` lists the branches";
    assert_eq!(told.as_deref(), Some(list));
}

#[test]
fn a_folder_is_to_be_listed() {
    let world = World::with_store("sha1");
    world.add("d/a.wasm", 1);
    let told = hint(&world, &["find", "d"]);
    assert_eq!(
        told.as_deref(),
        Some("`wasmstore list /d` lists what is in it")
    );
}

#[test]
fn a_store_that_is_missing_or_something_else_is_told() {
    let world = World::empty();
    for args in [
        &["find", "a"][..],
        &["remove", "a"],
        &["snapshot"],
        &["log", "--branch", "b"],
    ] {
        let told = hint(&world, args).unwrap();
        assert!(
            told.contains("`wasmstore init`") && told.contains("--root"),
            "{args:?}: {told}"
        );
    }
    world.file("folder/file", "x");
    let told = hint(&world, &["list", "--root", "folder"]).unwrap();
    assert!(told.contains("--root"), "{told}");
    let told = hint(&world, &["mirror", "push", "m"]);
    assert!(told.unwrap().contains("`wasmstore init`"));
    world.ok(&["init"]);
    let told = hint(&world, &["mirror", "push", "m"]);
    assert_eq!(
        told.as_deref(),
        Some("`wasmstore mirror list` lists the mirrors")
    );
    assert!(!world.path("folder/HEAD").exists());
}

#[test]
fn nothing_is_told_where_nothing_helps_or_nobody_asks() {
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
