//! Stores marked as replicas: which stores can become one, and that only following the primary changes one.

use std::time::Duration;

use super::{LONG, put, replica_of, state, url};
use crate::push::Clone;
use crate::support::program::{World, module};
use crate::support::server::Server;

/// Returns a store that has followed a primary, and the URL of the primary, which no longer runs.
fn marked() -> (World, String) {
    let (world, other) = (World::with_store("sha1"), World::empty());
    world.add("a", 1);
    let commit = world.tip();
    world.add("a", 2);
    world.ok(&["branch", "side"]);
    let primary = Server::start(&world, &[]);
    let url = url(&primary);
    drop(replica_of(&other, &url, &[]));
    assert_eq!(other.tip(), world.tip());
    assert_eq!(other.git(&["rev-parse", "HEAD~1"]), commit);
    (other, url)
}

/// Returns the primary's URL in a store's configuration.
fn mark(world: &World) -> String {
    world.git(&["config", "--get", "wasmstore.replicaOf"])
}

#[test]
fn a_store_with_its_own_history_cannot_become_a_replica() {
    let (world, other) = (World::with_store("sha1"), World::with_store("sha1"));
    let primary = Server::start(&world, &[]);
    let url = url(&primary);
    let server = ["server", "--port", "0", "--replica-of", &url];
    // The store is empty, but has a history.
    other.add("a", 1);
    other.ok(&["remove", "a"]);
    let reason = other.fails(4, &server);
    assert!(reason.contains("has a history of its own"), "{reason}");
    let hint = format!("config wasmstore.replicaOf {url}`");
    assert!(reason.contains(&hint), "{reason}");
    other.add("b", 1);
    // The command in the error message.
    other.git(&["config", "wasmstore.replicaOf", &url]);
    let replica = replica_of(&other, &url, &[]);
    assert_eq!(state(&replica), state(&primary));
}

#[test]
fn a_second_branch_or_a_tag_counts_as_history() {
    for args in [["branch", "side", "main"], ["tag", "v1", "main"]] {
        let world = World::with_store("sha1");
        world.git(&args);
        world.fails(4, &["server", "--replica-of", "http://127.0.0.1:9"]);
    }
}

#[test]
fn an_empty_store_becomes_a_replica_whose_primary_may_move() {
    let (world, other) = (World::with_store("sha1"), World::with_store("sha1"));
    world.add("a", 1);
    let primary = Server::start(&world, &[]);
    drop(replica_of(&other, &url(&primary), &[]));
    assert_eq!(mark(&other), url(&primary));
    drop(primary);
    let primary = Server::start(&world, &[]);
    put(&primary, "a", 2);
    let replica = replica_of(&other, &url(&primary), &[]);
    assert_eq!(mark(&other), url(&primary));
    assert_eq!(state(&replica), state(&primary), "before it serves");
    replica.wait_for("the replica has a new primary");
}

#[test]
fn special_characters_in_the_primarys_url_are_kept() {
    let world = World::with_store("sha1");
    world.add("a", 1);
    let primary = Server::start(&world, &[]);
    // Characters with a meaning in git's configuration. The primary responds with 404 at this URL.
    let special = format!("{}/a;b='c'", url(&primary));
    let other = World::empty();
    drop(replica_of(&other, &url(&primary), &[]));
    let mut command = other.wasmstore(&["server", "--port", "0", "--replica-of", &special]);
    let mut child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    let start = std::time::Instant::now();
    while mark(&other) != special {
        assert!(start.elapsed() < LONG, "{}", mark(&other));
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn commands_that_write_are_refused_on_a_replica() {
    let (world, url) = marked();
    world.file("m.wasm", module(9));
    world.file("directory/m.wasm", module(9));
    let (commit, hash) = (world.tip(), world.hash(1));
    for args in [
        &["add", "m.wasm", "m"][..],
        &["set", &hash, "m"],
        &["remove", "a"],
        &["restore", &commit, "a"],
        &["rollback"],
        &["branch", "new"],
        &["branch", "--delete", "side"],
        &["branch", "--default", "side"],
        &["merge", "side"],
        &["import", "directory"],
        &["gc"],
        &["server", "--port", "0"],
    ] {
        let reason = world.fails(4, args);
        let expected = format!("this store is a replica of {url}: ");
        assert!(reason.contains(&expected), "{args:?}: {reason}");
        let root = format!("{:?}", world.root());
        let hint = format!("`git --git-dir {root} config --unset wasmstore.replicaOf`");
        assert!(reason.contains(&hint), "{args:?}: {reason}");
    }
}

#[test]
fn a_push_into_a_replica_is_refused_with_the_primarys_url() {
    let (world, url) = marked();
    let clone = Clone::of(&world, "clone");
    clone.module("good", 3);
    clone.commit("bad", "no module");
    let seen = clone.refused(&["main", "HEAD:refs/heads/other"]);
    let root = format!("{:?}", world.root());
    for expected in [&url, &root] {
        assert_eq!(seen.matches(expected.as_str()).count(), 1, "{seen}");
    }
    assert!(seen.contains("(pre-receive hook declined)"), "{seen}");
}

#[test]
fn commands_that_keep_the_history_work_on_a_replica() {
    let (world, _) = marked();
    for args in [
        &["list"][..],
        &["find", "a", "--output", "a.wasm"],
        &["versions", "a"],
        &["log"],
        &["gc", "--keep-history"],
        &["verify"],
        &["reindex"],
        &["backup", "a.tar"],
        &["init"],
    ] {
        let ran = world.run(args);
        assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.err);
    }
    assert_eq!(world.git(&["rev-list", "--count", "HEAD"]), "3");
    world.fsck();
}

#[test]
fn a_replica_without_its_mark_is_an_ordinary_store() {
    let (world, url) = marked();
    world.git(&["config", "--unset", "wasmstore.replicaOf"]);
    world.add("b", 3);
    let clone = Clone::of(&world, "clone");
    clone.module("c", 4);
    clone.pushes(&["main"]);
    let server = Server::start(&world, &[]);
    put(&server, "d", 5);
    drop(server);
    world.fails(4, &["server", "--replica-of", &url]);
}

/// Starts a replica while its primary is down, and checks that it serves only after the primary is back and it is equal to it.
#[track_caller]
fn waits_for_primary(world: &World, other: &World, port: &str) {
    let url = format!("http://127.0.0.1:{port}");
    std::thread::scope(|threads| {
        let starting = threads.spawn(|| replica_of(other, &url, &[]));
        // Longer than a start takes that does not wait. On a slow machine the check is weaker, but never fails wrongly.
        std::thread::sleep(Duration::from_millis(1500));
        assert!(!starting.is_finished());
        let primary = Server::start(world, &["--port", port]);
        let replica = starting.join().unwrap();
        assert_eq!(state(&replica), state(&primary), "before it serves");
    });
}

#[test]
fn a_replica_serves_only_after_it_was_equal_to_this_primary() {
    let (world, other) = (World::with_store("sha1"), World::with_store("sha1"));
    world.add("a", 1);
    let port = Server::start(&world, &[]).address.port().to_string();
    // The state after an interrupted first round.
    let primary = format!("http://127.0.0.1:{port}");
    other.git(&["config", "wasmstore.replicaOf", &primary]);
    waits_for_primary(&world, &other, &port);
    // Now the store was equal to the primary: it serves while the primary is down.
    drop(replica_of(&other, &primary, &[]));
    // Without the derived file, the replica waits for the next successful round.
    std::fs::remove_file(other.root().join("wasmstore/replica")).unwrap();
    waits_for_primary(&world, &other, &port);
    // The store was equal to another primary.
    let moved = Server::start(&world, &[]).address.port().to_string();
    waits_for_primary(&world, &other, &moved);
}
