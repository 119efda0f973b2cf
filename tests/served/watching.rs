//! `watch` against a server.

use std::time::Duration;

use super::Twin;
use crate::support::program::World;
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
