//! A replica that is promoted while its server runs.

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
