//! The global options, the environment, standard output and help.

use std::fs;
use std::io;
use std::process::Command;

use crate::support::program::{Ran, World, has_program, module, reason};

/// Runs a command with variables set.
fn with(world: &World, variables: &[(&str, &str)], args: &[&str]) -> Ran {
    let mut command = world.wasmstore(args);
    command.envs(variables.iter().copied());
    command.output().unwrap().into()
}

#[test]
fn options_stand_before_or_after_the_command() {
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
fn a_flag_beats_its_variable_and_an_empty_one_is_unset() {
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
fn the_root_comes_from_the_flag_the_variable_or_the_home_folder() {
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
        "HOME is not set: name the store's folder with --root or WASMSTORE_ROOT"
    );
    assert_eq!(
        with(&world, &[("HOME", "")], &["list", "--root", "x"]).code,
        Some(0)
    );
}

#[test]
fn malformed_variables_are_told_by_those_who_need_them() {
    let world = World::with_store("sha1");
    world.file("a.wasm", module(1));
    let branch = with(&world, &[("WASMSTORE_BRANCH", "a..b")], &["list"]);
    assert_eq!(
        (branch.code, branch.err.as_str()),
        (Some(3), "wasmstore: branch name \"a..b\" holds `..`\n")
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
fn a_closed_pipe_is_no_error() {
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
        let ran = Ran::from(world.wasmstore(args).stdout(writer).output().unwrap());
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{args:?}");
    }
    assert_eq!(
        world.ok(&["contains", "b.wasm"]),
        "true\n",
        "what was changed stays changed"
    );
}

#[test]
fn an_output_that_cannot_be_written_is_a_failure() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else {
        println!("skipped: no /dev/full");
        return;
    };
    let ran = Ran::from(world.wasmstore(&["list"]).stdout(full).output().unwrap());
    assert_eq!(ran.code, Some(1));
    let reason = reason(&ran.err, &["list"]);
    assert!(
        reason.starts_with("cannot write the output: No space left"),
        "{reason}"
    );
}

#[test]
fn colors_are_for_terminals_and_for_who_asks() {
    let world = World::empty();
    let plain = ("wasmstore: there is no module /a\n", "\nhint: there is");
    let colored = (
        "\u{1b}[1;31mwasmstore:\u{1b}[0m there is no module /a\n",
        "\n\u{1b}[1;36mhint:\u{1b}[0m there is",
    );
    for (color, (line, hint)) in [("auto", plain), ("never", plain), ("always", colored)] {
        let err = world.run(&["find", "a", "--color", color]).err;
        assert!(err.starts_with(line) && err.contains(hint), "{err:?}");
    }
    assert!(
        world
            .run(&["--color=always", "--nonsense"])
            .err
            .contains('\u{1b}')
    );
    assert!(
        !world
            .run(&["--color=never", "--nonsense"])
            .err
            .contains('\u{1b}')
    );
    assert!(world.ok(&["--color=always", "--help"]).contains('\u{1b}'));
    assert!(!world.ok(&["--help"]).contains('\u{1b}'));
    let force = ("CLICOLOR_FORCE", "1");
    for (variables, is_colored) in [
        (&[force][..], true),
        (&[("CLICOLOR_FORCE", "0")], false),
        (&[force, ("NO_COLOR", "1")], false),
    ] {
        let ran = with(&world, variables, &["find", "a"]);
        assert_eq!(ran.err.contains('\u{1b}'), is_colored, "{variables:?}");
    }
}

#[test]
fn on_a_terminal_no_color_is_honoured_and_log_is_paged() {
    if !has_program("script") {
        println!("skipped: no script(1) to make a terminal");
        return;
    }
    let world = World::with_store("sha1");
    let binary = env!("CARGO_BIN_EXE_wasmstore");
    let on_terminal = |variables: &[(&str, &str)], args: &str| -> String {
        let mut script: Command = world.command("script");
        script
            .env("TERM", "xterm")
            .env("PAGER", "sed s/^/P/")
            .envs(variables.iter().copied());
        script.args(["-qec", &format!("{binary} {args}"), "/dev/null"]);
        String::from_utf8(script.output().unwrap().stdout)
            .unwrap()
            .replace("\r\n", "\n")
    };
    assert!(on_terminal(&[], "find a").contains("\u{1b}[1;31mwasmstore:"));
    assert!(!on_terminal(&[("NO_COLOR", "1")], "find a").contains('\u{1b}'));
    assert!(!on_terminal(&[("TERM", "dumb")], "find a").contains('\u{1b}'));
    assert!(on_terminal(&[("NO_COLOR", "")], "find a").contains('\u{1b}'));
    let log = world.ok(&["log"]);
    let paged: String = log.lines().map(|line| format!("P{line}\n")).collect();
    assert_eq!(on_terminal(&[], "log"), paged);
    assert_eq!(on_terminal(&[], "log --plain"), log);
    assert_eq!(on_terminal(&[], "log --pager cat"), log);
    let told = on_terminal(&[("PAGER", "/no/such/pager")], "log");
    assert!(told.contains("no pager") && told.ends_with(&log), "{told}");
    assert_eq!(
        on_terminal(&[], "log --pager true"),
        "",
        "a pager may be left early"
    );
    assert_eq!(
        on_terminal(&[], "log --branch b --color never"),
        "wasmstore: there is no branch \"b\"\nhint: `wasmstore branch --list` lists the branches\n"
    );
}

#[test]
fn on_a_terminal_a_large_file_has_a_bar() {
    if !has_program("script") {
        println!("skipped: no script(1) to make a terminal");
        return;
    }
    let world = World::with_store("sha1");
    let large = format!(r#"(module (@custom "c" "{}"))"#, "x".repeat(9 << 20));
    world.file("large.wasm", wat::parse_str(large).unwrap());
    world.file("small.wasm", module(1));
    let binary = env!("CARGO_BIN_EXE_wasmstore");
    let on_terminal = |args: &str| -> String {
        let mut script: Command = world.command("script");
        script.env("TERM", "xterm");
        script.args(["-qec", &format!("{binary} {args}"), "/dev/null"]);
        String::from_utf8_lossy(&script.output().unwrap().stdout).into_owned()
    };
    let hash = |file: &str| world.git(&["hash-object", world.path(file).to_str().unwrap()]);
    let (large, small) = (hash("large.wasm"), hash("small.wasm"));
    let told = on_terminal("add large.wasm a");
    assert!(
        told.contains("/9.00 MiB") && told.contains(&large),
        "{told:?}"
    );
    assert_eq!(on_terminal("add large.wasm b -q"), format!("{large}\r\n"));
    assert_eq!(on_terminal("add small.wasm c"), format!("{small}\r\n"));
    let piped = format!("add large.wasm d 2> {}", world.path("err").display());
    assert_eq!(on_terminal(&piped), format!("{large}\r\n"));
    assert_eq!(fs::read(world.path("err")).unwrap(), b"");
    assert!(on_terminal("gc").contains("gc "));
    world.fsck();
}

#[test]
fn help_tells_variables_and_codes() {
    let world = World::empty();
    let help = world.ok(&["--help"]);
    for part in [
        "WASMSTORE_ROOT",
        "WASMSTORE_BRANCH",
        "WASMSTORE_AUTHOR",
        "NO_COLOR",
        "Exit codes:\n  0  done\n",
    ] {
        assert!(help.contains(part), "{part}");
    }
    let version = format!("wasmstore {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(world.ok(&["--version"]), version);
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
