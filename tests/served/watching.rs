//! `watch` against a server.

use std::time::Duration;

use super::Twin;
use crate::support::program::World;
use crate::support::server::Server;
use crate::support::watching::Watching;

#[test]
fn every_commit_is_a_line_as_in_the_folder() {
    let twin = Twin::of(World::with_store("sha1"));
    let (world, url) = (&twin.world, twin.url());
    let start = world.tip();
    let here = Watching::start(world, &["--since", &start]);
    let there = Watching::start(world, &["--since", &start, "--root", &url]);
    world.add("b/ä.wasm", 1);
    world.add("b/ä.wasm", 2);
    world.add("a.wasm", 2);
    world.changes(&["remove", &world.hash(2)]);
    for _ in 0..4 {
        let line = here.next();
        assert_eq!(there.next(), line);
    }
}

#[test]
fn nothing_is_missed_while_the_server_is_away() {
    let world = World::with_store("sha1");
    let server = Server::start(&world, &[]);
    let port = server.address.port().to_string();
    let url = format!("http://{}", server.address);
    let watching = Watching::start(&world, &["--branch", "main", "--root", &url]);
    // It has begun as soon as it tells of something.
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
    let mut told = Vec::new();
    while !told
        .last()
        .is_some_and(|line: &String| line.contains("/back"))
    {
        told.push(watching.next());
    }
    let away = told.iter().filter(|line| line.contains("/away")).count();
    assert_eq!(away, 1, "{told:?}");
}

#[test]
fn what_is_not_there_cannot_be_watched() {
    let twin = Twin::of(World::with_store("sha1"));
    for (args, code, wanted) in [
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
        assert!(ran.err.contains(wanted), "{args:?}: {}", ran.err);
    }
}
