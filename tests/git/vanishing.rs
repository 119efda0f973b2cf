//! Pushes whose client leaves when it has sent all: they are done.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use super::{PUSH, ask, begin_push, counts, files, serve_by, url, wait_until};
use crate::push::Clone;
use crate::support::program::World;
use crate::support::server::Server;

/// A server whose git does this once it has all of a push, and a client that has sent all of one.
fn received(world: &World, script: &str, args: &[&str]) -> (Server, TcpStream) {
    let has_all = world.path("has_all");
    let script = format!("cat >/dev/null; echo >{}; {script}", has_all.display());
    let server = serve_by(world, &script, args);
    let mut stream = begin_push(&server, "Content-Length: 4");
    stream.write_all(b"0000").unwrap();
    wait_until("git has all", || has_all.exists());
    (server, stream)
}

#[test]
fn a_push_is_done_in_full_though_its_client_is_killed() {
    let world = World::with_store("sha1");
    let server = Server::start(&world, &[]);
    let clone = Clone::of(&world, "clone");
    clone.git(&["remote", "set-url", "origin", &url(&server)]);
    let commit = clone.module("m", 1);
    let refs: String = (0..400)
        .map(|n| format!("create refs/heads/many/{n} {commit}\n"))
        .collect();
    clone.git_with_input(&["update-ref", "--stdin"], refs.as_bytes());
    let refs = "refs/heads/many/*:refs/heads/many/*";
    let mut push = clone.command(&["push", "-q", "--atomic", "origin", refs]);
    let mut push = push.process_group(0).spawn().unwrap();
    let heads = world.root().join("refs/heads");
    wait_until("refs are moved", || files(&heads).len() > 2);
    let group = format!("-{}", push.id());
    world
        .command("kill")
        .args(["-KILL", "--", &group])
        .status()
        .unwrap();
    push.wait().unwrap();
    wait_until("git ends", || server.gits().is_empty());
    let there = world.git(&["for-each-ref", "refs/heads/many/"]);
    assert_eq!(there.lines().count(), 400);
    let locks = files(&heads);
    let locks: Vec<_> = locks
        .iter()
        .filter(|path| path.extension().is_some())
        .collect();
    assert!(locks.is_empty(), "{locks:?}");
    // The refs were asked for, and then moved.
    wait_until("it is counted", || counts(&server, "done", 2));
    world.fsck();
}

#[test]
fn a_git_that_has_all_of_a_push_keeps_its_place_when_the_client_leaves() {
    let world = World::with_store("sha1");
    let (said, done) = (world.path("said"), world.path("done"));
    // It says more than pipes hold: one that is closed, or full, would be its end.
    let script = format!(
        "head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2; echo >{}\nsleep 2; echo >{}; exit 0",
        said.display(),
        done.display()
    );
    let args = ["--max-git-services", "1", "--request-wait", "1"];
    let (server, stream) = received(&world, &script, &args);
    drop(stream);
    wait_until("git goes on", || said.exists());
    let busy = ask(&server, "POST", "git-receive-pack", &[PUSH], b"0000");
    assert_eq!(busy.status, 503);
    assert!(
        server
            .get("/metrics")
            .text()
            .contains("wasmstore_git_services 1")
    );
    wait_until("git ends", || server.gits().is_empty());
    assert!(done.exists());
    wait_until("it is counted", || counts(&server, "done", 1));
    assert!(
        server
            .get("/metrics")
            .text()
            .contains("wasmstore_git_services 0")
    );
}

/// The end of the pack was there, and that of the request was not: only git knows that it needs no more.
#[test]
fn a_git_that_needs_no_more_goes_on_though_the_request_is_cut() {
    let world = World::with_store("sha1");
    let (has_all, done) = (world.path("has_all"), world.path("done"));
    let script = format!(
        "head -c 4 >/dev/null; echo >{}; sleep 4; echo >{}; exit 0",
        has_all.display(),
        done.display()
    );
    let server = serve_by(&world, &script, &[]);
    let mut stream = begin_push(&server, "Transfer-Encoding: chunked");
    stream.write_all(b"4\r\n0000\r\n").unwrap();
    wait_until("git has all", || has_all.exists());
    drop(stream);
    wait_until("git ends", || server.gits().is_empty());
    assert!(done.exists());
}

#[test]
fn the_time_limit_holds_when_the_client_has_left() {
    let world = World::with_store("sha1");
    let (server, stream) = received(&world, "sleep 600", &["--git-timeout", "2"]);
    drop(stream);
    wait_until("git ends", || server.gits().is_empty());
    wait_until("it is counted", || counts(&server, "timed_out", 1));
}

#[test]
fn a_server_that_stops_waits_for_a_push_whose_client_has_left() {
    let world = World::with_store("sha1");
    let done = world.path("done");
    let script = format!("sleep 4; echo >{}; exit 0", done.display());
    let (server, stream) = received(&world, &script, &[]);
    drop(stream);
    server.signal("TERM");
    assert_eq!(server.wait().0, Some(0));
    assert!(done.exists());
}

#[test]
fn a_server_that_stops_does_not_wait_for_it_longer_than_its_grace() {
    let world = World::with_store("sha1");
    let number = world.path("number");
    let script = format!("trap '' TERM; echo $$ >{}; sleep 600", number.display());
    let (server, stream) = received(&world, &script, &["--shutdown-grace", "1"]);
    wait_until("git is deaf", || {
        fs::read_to_string(&number).is_ok_and(|text| text.ends_with('\n'))
    });
    drop(stream);
    server.signal("TERM");
    let (code, log) = server.wait();
    assert_eq!(code, Some(0), "{log}");
    let number = fs::read_to_string(number).unwrap();
    assert!(!Path::new("/proc").join(number.trim_end()).exists());
}
