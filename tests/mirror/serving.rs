//! A server with mirrors: it pushes every change, no matter which process makes it and what fails in between.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::support::{Listener, bare, is_equal, metric, refs, running_with, script};
use crate::support::program::{World, module};
use crate::support::server::Server;
use crate::support::waiting::eventually;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn put(server: &Server, path: &str, n: u32) {
    let put = server.send("POST", &format!("/api/v1/module/{path}"), &[], &module(n));
    assert_eq!(put.status, 200, "{}", put.text());
}

#[test]
fn changes_by_any_process_are_pushed() {
    let world = World::empty();
    let mirror = bare(&world, "m.git");
    let server = Server::start(&world, &["--mirror", text(&mirror)]);
    put(&server, "a", 1);
    eventually("a change over HTTP is pushed", || is_equal(&world, &mirror));
    world.add("b", 2);
    eventually("a change by a command is pushed", || {
        is_equal(&world, &mirror)
    });
    world.git(&["branch", "dev", "main"]);
    eventually("a change by git is pushed", || is_equal(&world, &mirror));
    assert_eq!(
        server.send("DELETE", "/api/v1/branch/dev", &[], b"").status,
        200
    );
    eventually("a deleted branch is deleted in the mirror", || {
        is_equal(&world, &mirror)
    });
    let before = world.tip();
    assert_eq!(server.send("POST", "/api/v1/gc", &[], b"").status, 200);
    assert_ne!(world.tip(), before);
    eventually("a squashed branch is pushed", || is_equal(&world, &mirror));
    assert_eq!(world.git(&["config", "remote.mirror.mirror"]), "true");
    let in_sync =
        || metric(&server, "wasmstore_mirror_lag_seconds{mirror=\"mirror\"}") == Some(0.0);
    eventually("the metric reports no lag", in_sync);
    let pushes = "wasmstore_mirror_pushes_total{mirror=\"mirror\",outcome=\"success\"}";
    assert!(metric(&server, pushes).unwrap() >= 4.0);
    let last = "wasmstore_mirror_last_success_timestamp_seconds{mirror=\"mirror\"}";
    assert!(metric(&server, last).unwrap() > 1.7e9);
    world.fsck();
}

#[test]
fn changes_in_quick_succession_share_a_push() {
    let world = World::empty();
    let mirror = bare(&world, "m.git");
    let server = Server::start(&world, &["--mirror", text(&mirror)]);
    let start = Instant::now();
    for n in 0..60 {
        put(&server, &format!("m{n}"), n);
    }
    eventually("the mirror becomes equal", || is_equal(&world, &mirror));
    std::thread::sleep(Duration::from_millis(500));
    let pushes = "wasmstore_mirror_pushes_total{mirror=\"mirror\",outcome=\"success\"}";
    let pushes = metric(&server, pushes).unwrap();
    // At most one push starts per second.
    let took = start.elapsed();
    assert!(
        pushes <= took.as_secs_f64() + 3.0,
        "{pushes} pushes in {took:?}"
    );
}

#[test]
fn the_mirror_flag_adds_each_mirror_once() {
    let world = World::empty();
    let (one, two) = (bare(&world, "one.git"), bare(&world, "two.git"));
    let args = [
        "--mirror",
        text(&one),
        "--mirror",
        text(&two),
        "--mirror",
        text(&one),
    ];
    for _ in 0..2 {
        let server = Server::start(&world, &args);
        eventually("the mirrors become equal", || {
            is_equal(&world, &one) && is_equal(&world, &two)
        });
        drop(server);
    }
    let listed = format!("mirror\t{}\nmirror-2\t{}\n", text(&one), text(&two));
    assert_eq!(world.ok(&["mirror", "list"]), listed);
    // A URL with another password is the same mirror.
    for password in ["0n3", "tw0"] {
        let url = format!("http://ann:{password}@127.0.0.1:1/m");
        drop(Server::start(&world, &["--mirror", &url]));
        assert_eq!(world.git(&["config", "remote.127.0.0.1.url"]), url);
    }
    let listed = format!("127.0.0.1\thttp://ann:***@127.0.0.1:1/m\n{listed}");
    assert_eq!(world.ok(&["mirror", "list"]), listed);
}

#[test]
fn mirrors_can_be_added_and_removed_while_the_server_runs() {
    let world = World::empty();
    let server = Server::start(&world, &[]);
    put(&server, "a", 1);
    let mirror = bare(&world, "m.git");
    world.changes(&["mirror", "add", "m", text(&mirror)]);
    eventually("the new mirror becomes equal", || is_equal(&world, &mirror));
    assert!(server.get("/metrics").text().contains("mirror=\"m\""));
    world.changes(&["mirror", "remove", "m"]);
    server.wait_for("stopped pushing to the mirror");
    assert!(!server.get("/metrics").text().contains("mirror=\"m\""));
    let before = refs(&world, &mirror);
    put(&server, "b", 2);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(refs(&world, &mirror), before);
}

#[test]
fn an_unreachable_mirror_is_logged_once_and_catches_up() {
    let world = World::empty();
    let mirror = bare(&world, "m.git");
    let server = Server::start(&world, &["--mirror", text(&mirror)]);
    eventually("the mirror becomes equal", || is_equal(&world, &mirror));
    fs::rename(&mirror, world.path("away")).unwrap();
    put(&server, "a", 1);
    let changed = Instant::now();
    server.wait_for("cannot push to the mirror; retrying");
    std::thread::sleep(Duration::from_secs(4));
    let lag = metric(&server, "wasmstore_mirror_lag_seconds{mirror=\"mirror\"}").unwrap();
    let age = changed.elapsed().as_secs_f64();
    assert!((3.5..age + 1.2).contains(&lag), "{lag} of {age}");
    let failed = "wasmstore_mirror_last_error_timestamp_seconds{mirror=\"mirror\"}";
    assert!(metric(&server, failed).is_some());
    // The reason may be any text of the remote, so it is not in a label.
    assert!(!server.get("/metrics").text().contains("does not appear"));
    let status = world.ok(&["mirror", "status"]);
    assert!(
        status.contains("behind ") && status.contains("does not appear"),
        "{status}"
    );
    fs::rename(world.path("away"), &mirror).unwrap();
    eventually("the mirror catches up", || is_equal(&world, &mirror));
    server.wait_for("pushing to the mirror works again");
    let log = server.log();
    assert_eq!(
        log.matches("cannot push to the mirror; retrying").count(),
        1,
        "{log}"
    );
    assert!(!server.get("/metrics").text().contains("last_error"));
}

#[test]
fn changes_pending_at_a_kill_are_pushed_by_the_next_server() {
    let world = World::empty();
    let mirror = bare(&world, "m.git");
    let server = Server::start(&world, &["--mirror", text(&mirror)]);
    eventually("the mirror becomes equal", || is_equal(&world, &mirror));
    fs::rename(&mirror, world.path("away")).unwrap();
    put(&server, "a", 1);
    server.wait_for("retrying");
    server.signal("KILL");
    drop(server);
    fs::rename(world.path("away"), &mirror).unwrap();
    world.add("b", 2);
    assert!(!is_equal(&world, &mirror));
    let _server = Server::start(&world, &[]);
    eventually("the next server pushes", || is_equal(&world, &mirror));
}

#[test]
fn a_running_push_ends_with_the_server() {
    let world = World::empty();
    let mirror = bare(&world, "m.git");
    let hook = "touch \"$GIT_DIR/../started\"; exec sleep 601";
    for signal in ["KILL", "TERM"] {
        script(&world, "m.git/hooks/pre-receive", hook);
        let _ = fs::remove_file(world.path("started"));
        world.add(signal, 1);
        let server = Server::start(&world, &["--mirror", text(&mirror)]);
        eventually("a push starts", || world.path("started").exists());
        let root = world.root().display().to_string();
        let running = || running_with(&root, "push");
        assert!(running() > 0);
        server.signal(signal);
        server.wait();
        eventually("git ends with the server", || running() == 0);
        fs::remove_file(world.path("m.git/hooks/pre-receive")).unwrap();
        // The push leaves no lock file in the mirror that would block the next one.
        let _server = Server::start(&world, &[]);
        eventually("the next server pushes", || is_equal(&world, &mirror));
    }
}

#[test]
fn a_hanging_mirror_does_not_block_the_others() {
    let world = World::empty();
    let silent = Listener::silent();
    let mirror = bare(&world, "m.git");
    let url = format!("http://{}/m.git", silent.address);
    let args = [
        "--mirror",
        &url,
        "--mirror",
        text(&mirror),
        "--mirror-timeout",
        "3",
    ];
    let server = Server::start(&world, &args);
    put(&server, "a", 1);
    eventually("the other mirror becomes equal", || {
        is_equal(&world, &mirror)
    });
    server.wait_for("did not end within 3 s");
    let (host, port) = ("127.0.0.1", silent.address.port());
    assert!(
        server
            .log()
            .contains(&format!("http://{host}:{port}/m.git"))
    );
    let unknown = world.json(&["mirror", "status"]);
    assert_eq!(unknown[0]["state"], "unknown", "{unknown}");
    let lag = metric(
        &server,
        "wasmstore_mirror_lag_seconds{mirror=\"127.0.0.1\"}",
    )
    .unwrap();
    assert!(lag > 1.0, "{lag}");
}

#[test]
fn either_of_two_servers_pushes() {
    let world = World::empty();
    let mirror = bare(&world, "m.git");
    let one = Server::start(&world, &["--mirror", text(&mirror)]);
    let two = Server::start(&world, &[]);
    for n in 0..20 {
        put(if n % 2 == 0 { &one } else { &two }, &format!("m{n}"), n);
    }
    eventually("changes through both servers are pushed", || {
        is_equal(&world, &mirror)
    });
    one.signal("KILL");
    drop(one);
    put(&two, "left", 50);
    eventually("the remaining server pushes", || is_equal(&world, &mirror));
    let lag = || metric(&two, "wasmstore_mirror_lag_seconds{mirror=\"mirror\"}") == Some(0.0);
    eventually("the remaining server reports no lag", lag);
    assert!(
        !two.log().contains("cannot push to the mirror"),
        "{}",
        two.log()
    );
}

#[test]
fn an_empty_store_does_not_overwrite_its_backup() {
    let world = World::with_store("sha1");
    let mirror = bare(&world, "m.git");
    world.add("a", 1);
    world.changes(&["mirror", "add", "m", text(&mirror)]);
    world.changes(&["mirror", "push"]);
    let before = refs(&world, &mirror);
    fs::remove_dir_all(world.root()).unwrap();
    let server = Server::start(&world, &["--mirror", text(&mirror)]);
    server.wait_for("which is not from this store");
    put(&server, "b", 2);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(refs(&world, &mirror), before);
    assert_eq!(server.get("/api/v1/modules").status, 200);
}
