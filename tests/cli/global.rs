//! The global options, the environment, standard output and help.

use std::fs;
use std::io;

use crate::support::program::{CommandOutput, World, module, reason};

/// Runs a command with additional environment variables.
fn with(world: &World, variables: &[(&str, &str)], args: &[&str]) -> CommandOutput {
    let mut command = world.wasmstore(args);
    command.envs(variables.iter().copied());
    command.output().unwrap().into()
}

#[test]
fn options_may_precede_or_follow_the_command() {
    let world = World::empty();
    world.file("a.wasm", module(1));
    for args in [
        [
            "--root", "s", "--author", "Ann", "add", "a.wasm", "one.wasm",
        ],
        [
            "add", "a.wasm", "two.wasm", "--root", "s", "--author", "Ann",
        ],
        [
            "--root=s",
            "add",
            "--author",
            "Ann",
            "a.wasm",
            "--quiet",
            "three.wasm",
        ],
    ] {
        world.ok(&args);
    }
    let git = world
        .command("git")
        .args(["--git-dir", "s", "log", "--format=%an"])
        .output();
    assert_eq!(git.unwrap().stdout, b"Ann\nAnn\nAnn\nwasmstore\n");
    let hash = world.ok(&["hash", "one.wasm", "--root", "s"]);
    let json = format!("{{\"hash\":\"{}\"}}\n", hash.trim_end());
    assert_eq!(
        world.ok(&["--json", "hash", "one.wasm", "--root", "s"]),
        json
    );
    assert_eq!(
        world.ok(&["--root", "s", "hash", "one.wasm", "--json"]),
        json
    );
}

#[test]
fn flag_overrides_variable_and_empty_variable_is_unset() {
    let world = World::with_store("sha1");
    world.changes(&["branch", "dev"]);
    world.file("a.wasm", module(1));
    let variables = [
        ("WASMSTORE_BRANCH", "dev"),
        ("WASMSTORE_AUTHOR", "Env <e@v>"),
    ];
    let author = |branch| world.git(&["log", "-1", "--format=%an <%ae>", branch]);
    assert_eq!(with(&world, &variables, &["add", "a.wasm"]).code, Some(0));
    assert_eq!(
        (author("main"), author("dev")),
        ("wasmstore <wasmstore@localhost>".into(), "Env <e@v>".into())
    );
    let flags = [
        "add", "a.wasm", "b.wasm", "--branch", "main", "--author", "Flag",
    ];
    assert_eq!(with(&world, &variables, &flags).code, Some(0));
    assert_eq!(author("main"), "Flag <>");
    let empty = [
        ("WASMSTORE_BRANCH", ""),
        ("WASMSTORE_AUTHOR", ""),
        ("WASMSTORE_ROOT", ""),
    ];
    assert_eq!(
        with(&world, &empty, &["add", "a.wasm", "c.wasm"]).code,
        Some(0)
    );
    assert_eq!(author("main"), "wasmstore <wasmstore@localhost>");
    world.fsck();
}

#[test]
fn root_comes_from_the_flag_the_variable_or_the_home_directory() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    let elsewhere = world.path("elsewhere");
    let elsewhere = elsewhere.to_str().unwrap();
    assert_eq!(
        with(&world, &[("WASMSTORE_ROOT", elsewhere)], &["list"]).out,
        ""
    );
    assert_eq!(
        with(&world, &[("WASMSTORE_ROOT", elsewhere)], &["init"]).code,
        Some(0)
    );
    assert!(world.path("elsewhere/HEAD").exists());
    let home = world.root();
    let flag = ["list", "--root", home.to_str().unwrap()];
    assert_eq!(
        with(&world, &[("WASMSTORE_ROOT", elsewhere)], &flag).out,
        world.ok(&["list"])
    );
    let homeless = with(&world, &[("HOME", "")], &["list"]);
    assert_eq!(homeless.code, Some(5));
    let reason = reason(&homeless.err, &["list"]);
    assert_eq!(
        reason,
        "HOME is not set: give the store's directory with --root or WASMSTORE_ROOT"
    );
    assert_eq!(
        with(&world, &[("HOME", "")], &["list", "--root", "x"]).code,
        Some(0)
    );
}

#[test]
fn malformed_variable_fails_only_commands_that_use_it() {
    let world = World::with_store("sha1");
    world.file("a.wasm", module(1));
    let branch = with(&world, &[("WASMSTORE_BRANCH", "a..b")], &["list"]);
    assert_eq!(
        (branch.code, branch.err.as_str()),
        (Some(3), "wasmstore: branch name \"a..b\" contains `..`\n")
    );
    let author = with(&world, &[("WASMSTORE_AUTHOR", "A <b")], &["add", "a.wasm"]);
    assert_eq!(author.code, Some(3), "{author:?}");
    assert_eq!(
        with(&world, &[("WASMSTORE_AUTHOR", "A <b")], &["list"]).code,
        Some(0)
    );
    assert_eq!(world.git(&["rev-list", "--count", "HEAD"]), "1");
}

#[test]
fn closed_pipe_is_not_an_error() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    world.file("b.wasm", module(2));
    let tip = world.tip();
    for args in [
        &["list"][..],
        &["find", "a.wasm"],
        &["log"],
        &["log", "--json"],
        &["info", "a.wasm", "--json"],
        &["commit", &tip],
        &["add", "b.wasm"],
        &["completions", "bash"],
        &["--help"],
        &["--version"],
    ] {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let ran = CommandOutput::from(world.wasmstore(args).stdout(writer).output().unwrap());
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{args:?}");
    }
    assert_eq!(
        world.ok(&["contains", "b.wasm"]),
        "true\n",
        "what was changed stays changed"
    );
}

#[test]
fn failed_write_to_standard_output_is_an_error() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else {
        println!("skipped: no /dev/full");
        return;
    };
    let ran = CommandOutput::from(world.wasmstore(&["list"]).stdout(full).output().unwrap());
    assert_eq!(ran.code, Some(1));
    let reason = reason(&ran.err, &["list"]);
    assert!(
        reason.starts_with("cannot write the output: No space left"),
        "{reason}"
    );
}

#[test]
fn help_lists_variables_and_exit_codes() {
    let world = World::empty();
    let help = world.ok(&["--help"]);
    for part in [
        "WASMSTORE_ROOT",
        "WASMSTORE_BRANCH",
        "WASMSTORE_AUTHOR",
        "NO_COLOR",
        "Exit codes:\n  0  success\n",
    ] {
        assert!(help.contains(part), "{part}");
    }
    let version = format!("wasmstore {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(world.ok(&["-V"]), version);
    let long = world.ok(&["--version"]);
    let more = long.strip_prefix(&version).unwrap();
    assert!(
        more.starts_with("commit: ") && more.contains("\nobject formats: sha1, sha256\n"),
        "{long}"
    );
}

#[test]
fn verbosity_goes_to_standard_error() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    let list = world.ok(&["list"]);
    for flag in ["-v", "-vv", "-q"] {
        assert_eq!(world.run(&["list", flag]).out, list);
    }
    assert_eq!(
        world.run(&["find", "b", "-q"]).err,
        "wasmstore: there is no module /b\n"
    );
}
