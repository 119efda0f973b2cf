//! A replica that is promoted while its server runs.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{LONG, converges, lag_s, put, replica_of, state, url};
use crate::push::Clone;
use crate::support::program::{World, module};
use crate::support::server::Server;

/// Removes the mark of a replica.
fn promote(world: &World) {
    world.git(&["config", "--unset", "wasmstore.replicaOf"]);
}

#[test]
fn acknowledged_changes_stay_when_the_primary_returns() {
    let (world, other) = (World::with_store("sha1"), World::empty());
    world.add("a", 1);
    let primary = Server::start(&world, &[]);
    let port = primary.address.port().to_string();
    let replica = replica_of(&other, &url(&primary), &[]);
    converges(&replica, &primary);
    drop(primary);
    replica.wait_for("cannot follow the primary");
    let refused = replica.send("POST", "/api/v1/module/b", &[], &module(2));
    assert_eq!(refused.status, 307);
    promote(&other);
    // The server accepts changes at once, and over git.
    put(&replica, "b", 2);
    let clone = Clone::of(&other, "clone");
    clone.module("c", 3);
    clone.pushes(&["main"]);
    let acknowledged = state(&replica);
    // The primary has got another commit, and returns.
    world.add("a", 4);
    let primary = Server::start(&world, &["--port", &port]);
    replica.wait_for("this store was promoted");
    // Longer than the interval at which a replica polls. On a slow machine the check is weaker, but never fails wrongly.
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(state(&replica), acknowledged);
    assert_ne!(state(&primary), acknowledged);
    put(&replica, "d", 5);
    assert_eq!(replica.get("/api/v1/module/b").body, module(2));
    let log = replica.log();
    assert_eq!(log.matches("this store was promoted").count(), 1, "{log}");
    assert!(!log.contains("following the primary again"), "{log}");
    assert!(lag_s(&replica) < f64::EPSILON);
    other.fsck();
}

#[test]
fn the_follower_notices_a_promotion_without_a_write() {
    let (world, other) = (World::with_store("sha1"), World::empty());
    world.add("a", 1);
    let primary = Server::start(&world, &[]);
    let replica = replica_of(&other, &url(&primary), &[]);
    promote(&other);
    // Another process changes the store, and the primary has other changes.
    other.add("b", 2);
    let tip = other.tip();
    put(&primary, "a", 3);
    replica.wait_for("this store was promoted");
    assert_eq!(other.tip(), tip);
    let start = Instant::now();
    while replica.get("/api/v1/module/b").body != module(2) {
        assert!(start.elapsed() < LONG, "{}", replica.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    put(&replica, "c", 4);
    // A restart with the flag would follow the primary again, and is refused.
    drop(replica);
    let reason = other.fails(
        4,
        &["server", "--port", "0", "--replica-of", &url(&primary)],
    );
    assert!(reason.contains("has a history of its own"), "{reason}");
}

#[test]
fn a_truncated_configuration_promotes_no_running_replica() {
    let (world, other) = (World::with_store("sha1"), World::empty());
    world.add("a", 1);
    let primary = Server::start(&world, &[]);
    let replica = replica_of(&other, &url(&primary), &[]);
    let path = other.root().join("config");
    let config = std::fs::read_to_string(&path).unwrap();
    let core = config.find("[gc]").unwrap();
    let write = || replica.send("POST", "/api/v1/module/b", &[], &module(2));
    for end in [0, 10, core] {
        std::fs::write(&path, &config[..end]).unwrap();
        let refused = write();
        assert_eq!(refused.status, 503, "{end}: {}", refused.text());
    }
    std::fs::write(&path, config).unwrap();
    assert_eq!(write().status, 307);
    put(&primary, "c", 3);
    converges(&replica, &primary);
    assert!(!replica.log().contains("this store was promoted"));
}

#[test]
fn a_replica_without_its_mark_does_not_serve_before_the_first_sync() {
    let (world, other) = (World::with_store("sha1"), World::with_store("sha1"));
    let primary = url(&Server::start(&world, &[]));
    let mut command = other.wasmstore(&["server", "--port", "0", "--replica-of", &primary]);
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    let config = other.root().join("config");
    let is_marked = || std::fs::read_to_string(&config).is_ok_and(|it| it.contains(&primary));
    let start = Instant::now();
    while !is_marked() {
        assert!(start.elapsed() < LONG);
        std::thread::sleep(Duration::from_millis(10));
    }
    promote(&other);
    let ended = child.wait_with_output().unwrap();
    let log = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(4), "{log}");
    let reason = format!("never had everything that {primary} has");
    assert!(log.contains(&reason), "{log}");
}
