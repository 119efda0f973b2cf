//! `watch`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::support::program::{World, module};
use crate::support::watching::WatchProcess;

/// The time limit of each step.
const LIMIT: Duration = Duration::from_secs(30);

#[track_caller]
fn ends(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + LIMIT;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the process still runs");
}

#[test]
fn watch_prints_one_line_per_commit() {
    for world in World::each() {
        let (one, two) = (world.hash(1), world.hash(2));
        let start = world.tip();
        world.add("z.wasm", 1);
        let watching = WatchProcess::start(&world, &["--since", &start]);
        let added = format!(r#"{{"/z.wasm":{{"action":"added","hash":"{one}"}}}}"#);
        assert_eq!(watching.next(), added, "a commit made before the start");
        world.file("in/z.wasm", module(2));
        world.file("in/a.wasm", module(2));
        world.changes(&["import", "in"]);
        let both = format!(
            r#"{{"/a.wasm":{{"action":"added","hash":"{two}"}},"/z.wasm":{{"action":"updated","hash":{{"old":"{one}","new":"{two}"}}}}}}"#
        );
        assert_eq!(watching.next(), both);
        world.changes(&["remove", &two]);
        let removed = format!(
            r#"{{"/a.wasm":{{"action":"removed","hash":"{two}"}},"/z.wasm":{{"action":"removed","hash":"{two}"}}}}"#
        );
        assert_eq!(watching.next(), removed);
        world.changes(&["branch", "other"]);
        world.changes(&["add", "in/a.wasm", "o.wasm", "--branch", "other"]);
        world.add("b.wasm", 1);
        let next = format!(r#"{{"/b.wasm":{{"action":"added","hash":"{one}"}}}}"#);
        assert_eq!(
            watching.next(),
            next,
            "commits of other branches are not printed"
        );
    }
}

#[test]
fn watch_command_receives_the_line_and_may_fail() {
    let world = World::with_store("sha1");
    let start = world.tip();
    world.add("a.wasm", 1);
    world.add("b.wasm", 2);
    let script = "cat >> seen; echo; echo \"$0\"; exit 3";
    let watching = WatchProcess::start(&world, &["--since", &start, "sh", "-c", script, "--json"]);
    assert_eq!(
        (watching.next(), watching.next()),
        (String::new(), "--json".to_owned())
    );
    assert_eq!(
        (watching.next(), watching.next()),
        (String::new(), "--json".to_owned())
    );
    let seen = fs::read_to_string(world.path("seen")).unwrap();
    let expected = format!(
        "{{\"/a.wasm\":{{\"action\":\"added\",\"hash\":\"{}\"}}}}\n{{\"/b.wasm\":{{\"action\":\"added\",\"hash\":\"{}\"}}}}\n",
        world.hash(1),
        world.hash(2)
    );
    assert_eq!(seen, expected);
}

/// Writes an executable file.
fn executable(world: &World, name: &str, text: &str) {
    world.file(name, text);
    fs::set_permissions(world.path(name), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn failed_watch_command_is_reported_and_watching_continues() {
    let world = World::with_store("sha1");
    let start = world.tip();
    world.add("a.wasm", 1);
    executable(&world, "no-interpreter", "#!/no/such\n");
    for (command, expected) in [
        ("false", "wasmstore: \"false\" failed: exit status: 1"),
        (
            "./no-interpreter",
            "wasmstore: cannot run \"./no-interpreter\": No such file or directory (os error 2)",
        ),
        (
            "/no/such",
            "wasmstore: cannot run \"/no/such\": No such file or directory (os error 2)",
        ),
    ] {
        let mut watching = WatchProcess::start(&world, &["--since", &start, command]);
        let mut lines = BufReader::new(watching.child.stderr.take().unwrap()).lines();
        if command == "/no/such" {
            let note =
                "/no/such is not an executable file now: `watch` reports each run until it is";
            assert_eq!(lines.next().unwrap().unwrap(), note);
        }
        assert_eq!(lines.next().unwrap().unwrap(), expected);
        assert_eq!(watching.child.try_wait().unwrap(), None);
        world.add("a.wasm", 2);
        assert_eq!(lines.next().unwrap().unwrap(), expected);
        world.changes(&["rollback"]);
    }
}

#[test]
fn watch_command_knows_the_commit_and_its_branch() {
    let world = World::with_store("sha1");
    let start = world.tip();
    world.add("a.wasm", 1);
    let script = r#"echo "$WASMSTORE_WATCH_BRANCH $WASMSTORE_WATCH_COMMIT"; cat"#;
    let watching = WatchProcess::start(&world, &["--json", "--since", &start, "sh", "-c", script]);
    assert_eq!(watching.next(), format!("main {}", world.tip()));
    let event: serde_json::Value = serde_json::from_str(&watching.next()).unwrap();
    assert_eq!(event["commit"], world.tip());
}

#[test]
fn only_changes_of_selected_paths_are_reported() {
    let world = World::with_store("sha1");
    let start = world.tip();
    let args = ["--since", &start, "--path", "math/", "--path", "*.core"];
    let watching = WatchProcess::start(&world, &args);
    world.add("other/a.wasm", 1);
    world.file("in/math/b.wasm", module(1));
    world.file("in/other/c.core", module(1));
    world.file("in/other/d.wasm", module(1));
    world.changes(&["import", "in"]);
    let added = format!(r#"{{"action":"added","hash":"{}"}}"#, world.hash(1));
    let expected = format!(r#"{{"/math/b.wasm":{added},"/other/c.core":{added}}}"#);
    assert_eq!(watching.next(), expected);
    world.fails(3, &["watch", "--path", "!a"]);
}

#[test]
fn failed_command_is_retried_and_its_cursor_stays() {
    let world = World::with_store("sha1");
    let start = world.tip();
    let cursor = || fs::read_to_string(world.path("cursor")).unwrap();
    // The command succeeds once there is a file, and names each commit for which it was called.
    let script = "echo $WASMSTORE_WATCH_COMMIT; test -e ready";
    let args = ["--since-file", "cursor", "sh", "-c", script];
    let mut watching = WatchProcess::start(&world, &args);
    while !world.path("cursor").exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(cursor(), format!("{start} main\n"));
    world.add("a.wasm", 1);
    let first = world.tip();
    world.add("b.wasm", 1);
    assert_eq!(
        (watching.next(), watching.next()),
        (first.clone(), first.clone())
    );
    let mut lines = BufReader::new(watching.child.stderr.take().unwrap()).lines();
    let report = lines.next().unwrap().unwrap();
    assert!(
        report.starts_with("wasmstore: \"sh\" failed: exit status: 1; retrying in "),
        "{report}"
    );
    assert_eq!(cursor(), format!("{start} main\n"));
    world.file("ready", "");
    while watching.next() != world.tip() {}
    // The file is written after the command has ended.
    while cursor() != format!("{} main\n", world.tip()) {
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_branch_or_an_unknown_program_is_not_run() {
    for world in World::each() {
        world.changes(&["branch", "true"]);
        let ran = world.run(&["watch", "true", "x"]);
        let expected = "wasmstore: \"true\" is a branch, not a command\nhint: `wasmstore watch --branch true` watches it; \
            to run a program of this name, write its path\n";
        assert_eq!((ran.code, ran.err.as_str()), (Some(2), expected));
        let ran = world.run(&["watch", "no-such-program"]);
        let expected = "wasmstore: there is no program \"no-such-program\" on PATH\n";
        assert_eq!(ran.code, Some(2));
        assert!(ran.err.starts_with(expected), "{}", ran.err);
        world.file("no-such-program", "");
        assert_eq!(world.run(&["watch", "no-such-program"]).code, Some(2));
    }
}

#[test]
fn an_option_of_watch_after_the_command_is_reported() {
    let world = World::with_store("sha1");
    let start = world.tip();
    for option in [&["--since-file", "cur"][..], &["--since-file=cur"]] {
        let args = [&["watch", "true", "--path", "math/"], option].concat();
        let ran = world.run(&args);
        let expected = "wasmstore: --since-file stands after the command, and would be passed to it\n\
            hint: write the options of `watch` first, or `--` before the command\n";
        assert_eq!((ran.code, &*ran.err), (Some(2), expected), "{args:?}");
        assert!(!world.path("cur").exists());
    }
    world.add("a.wasm", 1);
    let since = &["--since", &start];
    let command = &["sh", "-c", "echo $0 $1", "--path", "x"];
    for (delimiter, is_noted) in [(&[][..], true), (&["--"], false)] {
        let args = [&since[..], delimiter, command].concat();
        let mut watching = WatchProcess::start(&world, &args);
        assert_eq!(watching.next(), "--path x");
        let kill = watching.child.kill();
        kill.unwrap();
        let mut text = String::new();
        let mut stderr = watching.child.stderr.take().unwrap();
        std::io::Read::read_to_string(&mut stderr, &mut text).unwrap();
        assert_eq!(
            text.starts_with("--path is an argument of sh, "),
            is_noted,
            "{text}"
        );
    }
}

#[test]
fn a_path_of_modules_on_the_watched_branch_is_not_run() {
    let world = World::with_store("sha1");
    let start = world.tip();
    world.changes(&["branch", "dev"]);
    world.add("only/on-main.wasm", 1);
    world.file("m", module(2));
    world.changes(&["add", "m", "only/on-dev.wasm", "--branch", "dev"]);
    let ran = world.run(&["watch", "--branch", "dev", "only/on-dev.wasm"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(
        ran.err
            .contains("\"only/on-dev.wasm\" is a path in the store, not a command"),
        "{ran:?}"
    );
    let dev = &["--branch", "dev", "--since", &start];
    for args in [
        &[&dev[..], &["only/on-main.wasm"]].concat()[..],
        &["--since", &start, "./hook[1]"],
        &["--since", &start, "../hook*"],
        &["--since", &start, "/no/hook?"],
    ] {
        let mut watching = WatchProcess::start(&world, args);
        let mut lines = BufReader::new(watching.child.stderr.take().unwrap()).lines();
        let program = args.last().unwrap();
        let note = lines.next().unwrap().unwrap();
        assert!(
            note.starts_with(&format!("{program} is not an executable")),
            "{note}"
        );
        let line = lines.next().unwrap().unwrap();
        let expected = format!("wasmstore: cannot run {program:?}: ");
        assert!(line.starts_with(&expected), "{line}");
    }
}

#[test]
fn a_separator_gives_the_options_to_the_command() {
    let world = World::with_store("sha1");
    let start = world.tip();
    world.add("a.wasm", 1);
    world.file("deploy.sh", "#!/bin/sh\necho \"$@\"\n");
    let mut watching = WatchProcess::start(&world, &["--since", &start, "./deploy.sh"]);
    let mut lines = BufReader::new(watching.child.stderr.take().unwrap()).lines();
    let note = lines.next().unwrap().unwrap();
    let expected = "./deploy.sh is not an executable file now: ";
    assert!(note.starts_with(expected), "{note}");
    executable(&world, "deploy.sh", "#!/bin/sh\necho \"$@\"\n");
    let refused = world.fails(2, &["watch", "./deploy.sh", "x", "--since-file", "cursor"]);
    let expected = "--since-file stands after the command, and would be passed to it";
    assert_eq!(refused, expected);
    // A `--` that belongs to the command says nothing about what is before it.
    let args = ["watch", "./deploy.sh", "--since-file", "cursor", "--", "x"];
    assert_eq!(world.fails(2, &args), expected);
    for (args, note) in [
        (
            &["--since", &start, "./deploy.sh", "x", "--path=math/"][..],
            "--path is an argument of ./deploy.sh, ",
        ),
        (&["--since", &start, "--", "./deploy.sh", "--path", "x"], ""),
        (&["--since", &start, "./deploy.sh", "--", "--path", "x"], ""),
    ] {
        let program = args.iter().position(|arg| *arg == "./deploy.sh").unwrap();
        let mut watching = WatchProcess::start(&world, args);
        assert_eq!(watching.next(), args[program + 1..].join(" "));
        watching.child.kill().unwrap();
        let mut text = String::new();
        let mut stderr = watching.child.stderr.take().unwrap();
        std::io::Read::read_to_string(&mut stderr, &mut text).unwrap();
        assert!(text.starts_with(note), "{text}");
        assert_eq!(text.is_empty(), note.is_empty(), "{text}");
    }
}

#[test]
fn watch_ends_quietly_when_its_output_is_closed() {
    let world = World::with_store("sha1");
    let mut command = world.wasmstore(&["watch", "--since", &world.tip()]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    world.add("a.wasm", 1);
    assert_eq!(ends(&mut child).code(), Some(0));
    let output = child.wait_with_output().unwrap().stderr;
    assert_eq!(output, b"");
}

#[test]
fn interrupt_ends_watch() {
    let world = World::with_store("sha1");
    let start = world.tip();
    world.add("a.wasm", 1);
    for (signal, number) in [("-INT", 2), ("-TERM", 15)] {
        let mut watching = WatchProcess::start(&world, &["--since", &start]);
        watching.next();
        let kill = world
            .command("kill")
            .args([signal, &watching.child.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
        assert_eq!(ends(&mut watching.child).signal(), Some(number));
    }
}

#[test]
fn watch_of_an_unknown_commit_fails() {
    let world = World::with_store("sha1");
    let unknown = "6".repeat(40);
    let missing = world.fails(1, &["watch", "--since", &unknown]);
    assert_eq!(missing, format!("there is no commit {unknown}"));
    world.fails(1, &["watch", "--since", "yesterday"]);
    world.fails(3, &["watch", "--since", "a..b"]);
    let ran = world.run(&["watch", "--sinc", &unknown]);
    assert_eq!(
        ran.code,
        Some(2),
        "a mistyped option is not taken for a command"
    );
}
