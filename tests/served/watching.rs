//! `watch` against a server.

use std::time::Duration;

use super::Twin;
use crate::support::program::{World, module};
use crate::support::server::Server;
use crate::support::watching::WatchProcess;

#[test]
fn watch_prints_the_same_lines_as_on_the_directory() {
    let twin = Twin::of(World::with_store("sha1"));
    let (world, url) = (&twin.world, twin.url());
    let start = world.tip();
    let local = WatchProcess::start(world, &["--since", &start]);
    let remote = WatchProcess::start(world, &["--since", &start, "--root", &url]);
    world.add("b/ä.wasm", 1);
    world.add("b/ä.wasm", 2);
    world.add("a.wasm", 2);
    world.changes(&["remove", &world.hash(2)]);
    for _ in 0..4 {
        let line = local.next();
        assert_eq!(remote.next(), line);
    }
}

#[test]
fn events_are_the_same_as_on_the_directory() {
    let twin = Twin::of(World::with_store("sha256"));
    let (world, url) = (&twin.world, twin.url());
    let start = world.tip();
    world.changes(&["branch", "side"]);
    let args = ["--json", "--branch", "side", "--since", &start];
    let local = WatchProcess::start(world, &args);
    let remote = WatchProcess::start(world, &[&args[..], &["--root", &url]].concat());
    world.file("a.wasm", module(1));
    let add = [
        "add",
        "a.wasm",
        "b/ä",
        "--branch",
        "side",
        "-m",
        "Add ä\n\nand more",
    ];
    world.changes(&[&add[..], &["--author", "Jörg <j@example.org>"]].concat());
    let tip = world.git(&["rev-parse", "side"]);
    let date: u64 = world
        .git(&["log", "-1", "--format=%at", "side"])
        .parse()
        .unwrap();
    let expected = format!(
        r#"{{"commit":"{tip}","branch":"side","parents":["{start}"],"author":"Jörg","date":{date},"message":"Add ä\n\nand more","reset":false,"changes":{{"/b/ä":{{"action":"added","hash":"{}"}}}}}}"#,
        world.hash(1)
    );
    assert_eq!(local.next(), expected);
    assert_eq!(remote.next(), expected);
    world.changes(&["add", "a.wasm", "c", "--branch", "side"]);
    assert_eq!(remote.next(), local.next());
    world.changes(&["gc", "--branch", "side", "--quiet"]);
    let squashed = local.next();
    assert!(
        squashed.contains(r#""reset":true,"changes":{}"#),
        "{squashed}"
    );
    assert_eq!(remote.next(), squashed);
}

#[test]
fn watch_continues_where_its_cursor_was_left() {
    let twin = Twin::of(World::with_store("sha1"));
    let (world, url) = (&twin.world, twin.url());
    let cursor = world.path("cursor");
    world.add("before", 1);
    for root in [&[][..], &["--root", &url]] {
        let args = [&["--since-file", "cursor", "--path", "/*ed"], root].concat();
        let _ = std::fs::remove_file(&cursor);
        let watching = WatchProcess::start(world, &args);
        while !cursor.exists() {
            std::thread::sleep(Duration::from_millis(10));
        }
        drop(watching);
        world.add("missed", 2);
        world.add("other", 2);
        let watching = WatchProcess::start(world, &args);
        assert!(watching.next().contains("/missed"));
        world.add("watched", 3);
        assert!(watching.next().contains("/watched"));
        // The file is written after the line.
        let expected = format!("{} main\n", world.tip());
        while std::fs::read_to_string(&cursor).unwrap() != expected {
            std::thread::sleep(Duration::from_millis(10));
        }
        world.changes(&["remove", "missed"]);
        world.changes(&["remove", "watched"]);
    }
}

#[test]
fn a_cursor_follows_commits_that_change_no_selected_module() {
    let twin = Twin::of(World::with_store("sha1"));
    let (world, url) = (&twin.world, twin.url());
    let cursor = world.path("cursor");
    for root in [&[][..], &["--root", &url]] {
        let args = [&["--since-file", "cursor", "--path", "math/"], root].concat();
        let _ = std::fs::remove_file(&cursor);
        let watching = WatchProcess::start(world, &args);
        while !cursor.exists() {
            std::thread::sleep(Duration::from_millis(10));
        }
        for n in [1, 2, 3] {
            world.add("other", n);
        }
        let expected = format!("{} main\n", world.tip());
        while std::fs::read_to_string(&cursor).unwrap() != expected {
            std::thread::sleep(Duration::from_millis(10));
        }
        world.add("math/a", 1);
        assert!(
            watching.next().contains("/math/a"),
            "nothing else was printed"
        );
        world.changes(&["remove", "math/a"]);
    }
}

#[test]
fn a_cursor_whose_commit_is_gone_is_an_error_with_a_hint() {
    let twin = Twin::of(World::with_store("sha1"));
    let world = &twin.world;
    let unknown = "6".repeat(40);
    world.file("cursor", format!("{unknown} main\n"));
    let args = ["watch", "--since-file", "cursor"];
    let expected = "hint: a `gc` has dropped the commit: `wasmstore list` shows the current modules; \
        delete the file to start at the branch's tip\n";
    for ran in [world.run(&args), twin.served(&args)] {
        let start = "wasmstore: cannot continue after the commit in \"cursor\": ";
        assert!(
            ran.err.starts_with(start) && ran.err.ends_with(expected),
            "{}",
            ran.err
        );
        assert!(
            ran.err.contains(&format!("there is no commit {unknown}")),
            "{}",
            ran.err
        );
        assert_eq!(ran.code, Some(1));
    }
    let args = ["watch", "--since-file", "cursor", "--branch", "nope"];
    world.file("cursor", format!("{unknown} nope\n"));
    for ran in [world.run(&args), twin.served(&args)] {
        assert!(
            ran.err.contains("there is no branch \"nope\"\n"),
            "{}",
            ran.err
        );
    }
}

#[test]
fn a_cursor_on_a_branch_without_a_commit_is_an_error() {
    let world = World::empty();
    let root = world.root();
    let mut init = world.command("git");
    init.args(["init", "--quiet", "--bare", "--initial-branch=main"]);
    assert!(init.arg(&root).status().unwrap().success());
    let twin = Twin::of(world);
    let args = ["watch", "--since-file", "cursor"];
    for ran in [twin.world.run(&args), twin.served(&args)] {
        assert_eq!(ran.code, Some(1), "{ran:?}");
        let reason = "wasmstore: branch \"main\" has no commit yet\n";
        assert!(ran.err.starts_with(reason), "{ran:?}");
        assert!(!twin.world.path("cursor").exists());
    }
}

#[test]
fn no_commit_is_missed_while_the_server_is_down() {
    let world = World::with_store("sha1");
    let server = Server::start(&world, &[]);
    let port = server.address.port().to_string();
    let url = format!("http://{}", server.address);
    let watching = WatchProcess::start(&world, &["--branch", "main", "--root", &url]);
    // The watch has started once it prints a line.
    let mut n = 0;
    let first = loop {
        world.add("first", n);
        n += 1;
        if let Ok(line) = watching.lines.recv_timeout(Duration::from_millis(200)) {
            break line;
        }
    };
    assert!(first.contains("/first"), "{first}");
    drop(server);
    world.add("away", 7);
    let _server = Server::start(&world, &["--port", &port]);
    world.add("back", 8);
    let mut lines = Vec::new();
    while !lines
        .last()
        .is_some_and(|line: &String| line.contains("/back"))
    {
        lines.push(watching.next());
    }
    let away = lines.iter().filter(|line| line.contains("/away")).count();
    assert_eq!(away, 1, "{lines:?}");
}

#[test]
fn an_unknown_branch_or_commit_cannot_be_watched() {
    let twin = Twin::of(World::with_store("sha1"));
    for (args, code, expected) in [
        (
            &["watch", "--branch", "nope"][..],
            1,
            "there is no branch \"nope\"",
        ),
        (&["watch", "--since", &"1".repeat(40)], 1, "there is no"),
    ] {
        let ran = twin.served(args);
        assert_eq!(
            (ran.code, ran.out.as_str()),
            (Some(code), ""),
            "{args:?}: {}",
            ran.err
        );
        assert!(ran.err.contains(expected), "{args:?}: {}", ran.err);
    }
}
