//! Replicas: servers that follow another one, answer reads in its place, and send changes on.

mod key;
mod load;
mod marked;
mod refs;

use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::program::{FORMATS, World, module};
use crate::support::server::Server;

/// Far longer than anything takes that works.
const LONG: Duration = Duration::from_secs(30);

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

/// What a server has: its branches with their commits, and its default branch.
fn state(server: &Server) -> Vec<String> {
    let names = server.get("/api/v1/branches").text().to_owned();
    let names: Vec<String> = serde_json::from_str(&names).unwrap();
    let mut state: Vec<String> = names
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

/// Waits until a server has what another has, and says for how long.
#[track_caller]
fn converges(replica: &Server, primary: &Server) -> Duration {
    let began = Instant::now();
    while state(replica) != state(primary) {
        assert!(began.elapsed() < LONG, "{}", replica.log());
        std::thread::sleep(Duration::from_millis(5));
    }
    began.elapsed()
}

fn lag_s(replica: &Server) -> f64 {
    let metrics = replica.get("/metrics").text().to_owned();
    let mut lines = metrics.lines();
    let lag = lines.find_map(|line| line.strip_prefix("wasmstore_replica_lag_seconds "));
    lag.unwrap().parse().unwrap()
}

#[test]
fn a_new_replica_has_all_that_the_primary_has_and_all_that_comes() {
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
fn changes_are_sent_on_to_the_primary_or_refused() {
    let (world, other) = (World::with_store("sha1"), World::empty());
    let primary = Server::start(&world, &[]);
    let replica = replica_of(&other, &url(&primary), &[]);
    for (method, path) in [
        ("POST", "/api/v1/module/a/b%20c?x=1"),
        ("DELETE", "/api/v1/module/a"),
        ("POST", "/api/v1/gc?keep_history=true"),
        ("PUT", "/api/v1/branch/b"),
    ] {
        let answer = replica.send(method, path, &[], b"");
        assert_eq!(answer.status, 307, "{path}");
        let to = format!("{}{path}", url(&primary));
        assert_eq!(answer.header("location"), Some(&*to));
    }
    assert_eq!(replica.send("POST", "/api/v1/auth", &[], b"").status, 200);
    // A client that follows, with the body.
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
    let answer = refusing.send("POST", "/api/v1/module/a", &[], &module(1));
    assert_eq!(
        (answer.status, answer.text()),
        (403, "this is a replica: it does not accept writes")
    );
    assert_eq!(refusing.get("/api/v1/modules").status, 200);
}

#[test]
fn git_fetches_from_a_replica_and_its_pushes_go_to_the_primary() {
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
fn reads_go_on_while_the_primary_is_down_and_the_lag_says_so() {
    let (world, other) = (World::with_store("sha1"), World::empty());
    world.add("a", 1);
    let primary = Server::start(&world, &[]);
    let port = primary.address.port().to_string();
    let replica = replica_of(&other, &url(&primary), &[]);
    std::thread::sleep(Duration::from_millis(1500));
    assert!(lag_s(&replica) < 10.0, "{}", lag_s(&replica));
    drop(primary);
    // A turn that was under way may have come to its end: the next ones cannot.
    replica.wait_for("cannot follow the primary");
    let before = lag_s(&replica);
    std::thread::sleep(Duration::from_millis(2500));
    assert!(lag_s(&replica) > before + 2.0);
    assert_eq!(replica.get("/api/v1/module/a").body, module(1));
    // A replica that is started again in the meantime serves what it has.
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
fn what_is_no_server_s_url_is_refused() {
    let world = World::empty();
    for url in ["primary", "ftp://a", "http://u:p@a"] {
        let ran = world.run(&["server", "--port", "0", "--replica-of", url]);
        assert_eq!(ran.code, Some(3), "{url}: {}", ran.err);
    }
    let ran = world.run(&["server", "--replica-poll", "2"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(!world.root().exists());
}
