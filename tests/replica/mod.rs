//! Replicas: servers that follow a primary, serve reads in its place, and redirect writes to it.

mod broken_primary;
mod key;
mod load;
mod marked;
mod promoted;
mod refs;

use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::program::{FORMATS, World, module};
use crate::support::server::Server;

/// Far longer than any step takes, even on a slow machine.
const LONG: Duration = Duration::from_secs(30);

/// Starts a replica that polls its primary every second.
fn replica_of(world: &World, primary: &str, args: &[&str]) -> Server {
    let follow = ["--replica-of", primary, "--replica-poll", "1"];
    Server::start(world, &[&follow[..], args].concat())
}

fn url(server: &Server) -> String {
    format!("http://{}", server.address)
}

fn put(server: &Server, path: &str, n: u32) {
    let path = format!("/api/v1/module/{path}");
    assert_eq!(server.send("POST", &path, &[], &module(n)).status, 200);
}

/// Returns a server's branches with their tips, and its default branch.
fn state(server: &Server) -> Vec<String> {
    let response = server.get("/api/v1/branches");
    assert_eq!(response.status, 200, "{}", response.text());
    let branches: Vec<String> = serde_json::from_str(response.text()).unwrap();
    let mut state: Vec<String> = branches
        .iter()
        .map(|name| {
            let branch = format!("Wasmstore-Branch: {name}");
            let tip = server.send("GET", "/api/v1/snapshot", &[&branch], b"");
            format!("{name} {}", tip.text())
        })
        .collect();
    state.push(server.get("/api/v1/branch").text().to_owned());
    state
}

/// Waits until a replica has the same branches as its primary.
#[track_caller]
fn converges(replica: &Server, primary: &Server) {
    let start = Instant::now();
    while state(replica) != state(primary) {
        assert!(start.elapsed() < LONG, "{}", replica.log());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits for the success of a round that starts now or later.
#[track_caller]
fn finishes_round(replica: &Server) {
    let start = Instant::now();
    while lag_s(replica) > start.elapsed().as_secs_f64() {
        assert!(start.elapsed() < LONG, "{}", replica.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn lag_s(replica: &Server) -> f64 {
    let metrics = replica.get("/metrics").text().to_owned();
    let mut lines = metrics.lines();
    let lag = lines.find_map(|line| line.strip_prefix("wasmstore_replica_lag_seconds "));
    lag.unwrap().parse().unwrap()
}

#[test]
fn a_new_replica_has_everything_and_follows_every_change() {
    for format in FORMATS {
        let (world, other) = (World::with_store(format), World::empty());
        world.add("a", 1);
        world.add("b/c", 2);
        world.ok(&["branch", "side"]);
        world.git(&["tag", "v1"]);
        let primary = Server::start(&world, &[]);
        let replica = replica_of(&other, &url(&primary), &[]);
        assert_eq!(state(&replica), state(&primary), "before it is served");
        assert_eq!(replica.get("/api/v1/module/b/c").body, module(2));
        assert_eq!(
            replica.get("/api/v1/versions/a").body,
            primary.get("/api/v1/versions/a").body
        );
        put(&primary, "a", 3);
        converges(&replica, &primary);
        assert_eq!(replica.get("/api/v1/module/a").body, module(3));
        for (method, path) in [
            ("POST", "/api/v1/branch/deep/er"),
            ("PUT", "/api/v1/branch/other"),
            ("DELETE", "/api/v1/branch/main"),
            ("DELETE", "/api/v1/branch/deep/er"),
            ("POST", "/api/v1/branch/deep"),
            ("POST", "/api/v1/rollback"),
            ("POST", "/api/v1/gc"),
        ] {
            assert_eq!(primary.send(method, path, &[], b"").status, 200, "{path}");
            converges(&replica, &primary);
        }
        assert_eq!(other.git(&["for-each-ref"]), world.git(&["for-each-ref"]));
        other.ok(&["gc", "--keep-history"]);
        other.fsck();
        assert_eq!(other.ok(&["verify"]).lines().count(), 1);
    }
}

#[test]
fn writes_are_redirected_to_the_primary_or_refused() {
    let (world, other) = (World::with_store("sha1"), World::empty());
    let primary = Server::start(&world, &[]);
    let replica = replica_of(&other, &url(&primary), &[]);
    for (method, path) in [
        ("POST", "/api/v1/module/a/b%20c?x=1"),
        ("DELETE", "/api/v1/module/a"),
        ("POST", "/api/v1/gc?keep_history=true"),
        ("PUT", "/api/v1/branch/b"),
    ] {
        let response = replica.send(method, path, &[], b"");
        assert_eq!(response.status, 307, "{path}");
        let to = format!("{}{path}", url(&primary));
        assert_eq!(response.header("location"), Some(&*to));
    }
    assert_eq!(replica.send("POST", "/api/v1/auth", &[], b"").status, 200);
    // A client that follows the redirect sends the body again.
    let file = world.path("m");
    std::fs::write(&file, module(7)).unwrap();
    let to = format!("{}/api/v1/module/m", url(&replica));
    let mut curl = world.command("curl");
    let data = format!("@{}", file.display());
    let sent = curl
        .args(["-sS", "-L", "--data-binary", &data, &to])
        .output();
    if let Ok(sent) = sent {
        assert_eq!(String::from_utf8(sent.stdout).unwrap(), world.hash(7));
        converges(&replica, &primary);
    }
    let third = World::empty();
    let refusing = replica_of(&third, &url(&primary), &["--replica-changes", "refuse"]);
    let response = refusing.send("POST", "/api/v1/module/a", &[], &module(1));
    assert_eq!(
        (response.status, response.text()),
        (403, "this is a replica: it does not accept writes")
    );
    assert_eq!(refusing.get("/api/v1/modules").status, 200);
}

#[test]
fn git_fetches_from_a_replica_and_pushes_to_the_primary() {
    let (world, other) = (World::with_store("sha1"), World::empty());
    world.add("a", 1);
    let primary = Server::start(&world, &[]);
    let replica = replica_of(&other, &url(&primary), &[]);
    let git = |args: &[&str]| {
        let mut git: Command = other.command("git");
        let git = git.envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "A")));
        let git = git.envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "a@b")));
        let ran = git.args(args).output().unwrap();
        let err = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(ran.status.success(), "git {args:?}: {err}");
    };
    let from = format!("{}/wasmstore.git", url(&replica));
    git(&["clone", "-q", &from, "clone"]);
    other.file("clone/b", module(2));
    git(&["-C", "clone", "add", "."]);
    git(&["-C", "clone", "commit", "-q", "-m", "b"]);
    git(&["-C", "clone", "push", "-q", "origin", "main"]);
    assert_eq!(primary.get("/api/v1/module/b").body, module(2));
    converges(&replica, &primary);
}

#[test]
fn a_replica_serves_reads_while_the_primary_is_down_and_its_lag_grows() {
    let (world, other) = (World::with_store("sha1"), World::empty());
    world.add("a", 1);
    let primary = Server::start(&world, &[]);
    let port = primary.address.port().to_string();
    let replica = replica_of(&other, &url(&primary), &[]);
    finishes_round(&replica);
    drop(primary);
    // A running round may still succeed; the next ones fail.
    replica.wait_for("cannot follow the primary");
    let before = lag_s(&replica);
    std::thread::sleep(Duration::from_millis(2500));
    assert!(lag_s(&replica) > before + 2.0);
    assert_eq!(replica.get("/api/v1/module/a").body, module(1));
    // A replica that is restarted while the primary is down serves its last state.
    drop(replica);
    let replica = replica_of(&other, &format!("http://127.0.0.1:{port}"), &[]);
    assert_eq!(replica.get("/api/v1/module/a").body, module(1));
    world.add("a", 2);
    let primary = Server::start(&world, &["--port", &port]);
    converges(&replica, &primary);
    assert_eq!(replica.get("/api/v1/module/a").body, module(2));
    replica.wait_for("following the primary again");
}

#[test]
fn an_invalid_primary_url_is_rejected() {
    let world = World::empty();
    for url in ["primary", "ftp://a", "http://u:p@a"] {
        let ran = world.run(&["server", "--port", "0", "--replica-of", url]);
        assert_eq!(ran.code, Some(3), "{url}: {}", ran.err);
    }
    let ran = world.run(&["server", "--replica-poll", "2"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(!world.root().exists());
}
