//! Pushes whose client disconnects after it has sent everything: they are completed.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use super::{PUSH, begin_push, files, push_count_is, request, serve_with_script, url, wait_until};
use crate::push::Clone;
use crate::support::program::World;
use crate::support::server::Server;

/// Starts a server whose git runs `script` once it has received a push in full, and a client that has sent one in full.
fn push_received(world: &World, script: &str, args: &[&str]) -> (Server, TcpStream) {
    let received = world.path("received");
    let script = format!("cat >/dev/null; echo >{}; {script}", received.display());
    let server = serve_with_script(world, &script, args);
    let mut stream = begin_push(&server, "Content-Length: 4");
    stream.write_all(b"0000").unwrap();
    wait_until("git has received the push", || received.exists());
    (server, stream)
}

#[test]
fn push_is_completed_when_its_client_is_killed() {
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
    wait_until("refs are updated", || files(&heads).len() > 2);
    let group = format!("-{}", push.id());
    world
        .command("kill")
        .args(["-KILL", "--", &group])
        .status()
        .unwrap();
    push.wait().unwrap();
    wait_until("git ends", || server.git_processes().is_empty());
    let created = world.git(&["for-each-ref", "refs/heads/many/"]);
    assert_eq!(created.lines().count(), 400);
    let mut locks = files(&heads);
    locks.retain(|path| path.extension().is_some());
    assert!(locks.is_empty(), "{locks:?}");
    // One request for the advertisement and one for the push.
    wait_until("the request is counted", || {
        push_count_is(&server, "done", 2)
    });
    world.fsck();
}

#[test]
fn git_that_completes_a_push_keeps_its_permit_when_the_client_disconnects() {
    let world = World::with_store("sha1");
    let path = |name| world.path(name).display().to_string();
    let (written, release, done) = (path("written"), path("release"), path("done"));
    // It writes more than pipes hold: a closed pipe would kill it, a full one would block it forever.
    let script = format!(
        "head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2; echo >{written}\n\
         until test -e {release}; do sleep 0.1; done; echo >{done}; exit 0"
    );
    let args = ["--max-git-services", "1", "--request-wait", "1"];
    let (server, stream) = push_received(&world, &script, &args);
    drop(stream);
    wait_until("git has written everything", || {
        Path::new(&written).exists()
    });
    let busy = request(&server, "POST", "git-receive-pack", &[PUSH], b"0000");
    assert_eq!(busy.status, 503);
    assert!(
        server
            .get("/metrics")
            .text()
            .contains("wasmstore_git_services 1")
    );
    fs::write(&release, "").unwrap();
    wait_until("git ends", || server.git_processes().is_empty());
    assert!(Path::new(&done).exists());
    wait_until("the request is counted", || {
        push_count_is(&server, "done", 1)
    });
    wait_until("the permit is released", || {
        let metrics = server.get("/metrics");
        metrics.text().contains("wasmstore_git_services 0")
    });
}

/// git has received the end of the pack, but not the end of the request. Only git knows that it needs no more input.
#[test]
fn git_that_needs_no_more_input_runs_on_when_the_request_is_cut() {
    let world = World::with_store("sha1");
    let (received, done) = (world.path("received"), world.path("done"));
    let script = format!(
        "head -c 4 >/dev/null; echo >{}; sleep 4; echo >{}; exit 0",
        received.display(),
        done.display()
    );
    let server = serve_with_script(&world, &script, &[]);
    let mut stream = begin_push(&server, "Transfer-Encoding: chunked");
    stream.write_all(b"4\r\n0000\r\n").unwrap();
    wait_until("git has received the push", || received.exists());
    drop(stream);
    wait_until("git ends", || server.git_processes().is_empty());
    assert!(done.exists());
}

#[test]
fn time_limit_applies_after_the_client_disconnects() {
    let world = World::with_store("sha1");
    let (server, stream) = push_received(&world, "sleep 600", &["--git-timeout", "2"]);
    drop(stream);
    wait_until("git ends", || server.git_processes().is_empty());
    wait_until("the request is counted", || {
        push_count_is(&server, "timed_out", 1)
    });
}

#[test]
fn shutdown_waits_for_a_push_whose_client_disconnected() {
    let world = World::with_store("sha1");
    let done = world.path("done");
    let script = format!("sleep 4; echo >{}; exit 0", done.display());
    let (server, stream) = push_received(&world, &script, &[]);
    drop(stream);
    server.signal("TERM");
    assert_eq!(server.wait().0, Some(0));
    assert!(done.exists());
}

#[test]
fn shutdown_waits_for_a_push_no_longer_than_the_grace() {
    let world = World::with_store("sha1");
    let pid_file = world.path("pid");
    let script = format!("trap '' TERM; echo $$ >{}; sleep 600", pid_file.display());
    let (server, stream) = push_received(&world, &script, &["--shutdown-grace", "1"]);
    wait_until("git ignores SIGTERM", || {
        fs::read_to_string(&pid_file).is_ok_and(|text| text.ends_with('\n'))
    });
    drop(stream);
    server.signal("TERM");
    let (code, log) = server.wait();
    assert_eq!(code, Some(0), "{log}");
    let pid = fs::read_to_string(pid_file).unwrap();
    assert!(!Path::new("/proc").join(pid.trim_end()).exists());
}
