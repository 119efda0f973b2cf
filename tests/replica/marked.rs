//! Stores that are marked as replicas: who may become one, and that nothing but following changes one.

use std::time::Duration;

use super::{LONG, put, replica_of, state, url};
use crate::push::Clone;
use crate::support::program::{World, module};
use crate::support::server::Server;

/// A store that has followed a primary that is gone now, and the primary's URL.
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

fn mark(world: &World) -> String {
    world.git(&["config", "--get", "wasmstore.replicaOf"])
}

#[test]
fn a_store_with_a_history_of_its_own_is_not_made_a_replica() {
    let (world, other) = (World::with_store("sha1"), World::with_store("sha1"));
    let primary = Server::start(&world, &[]);
    let url = url(&primary);
    let server = ["server", "--port", "0", "--replica-of", &url];
    // Nothing is in it, but something was.
    other.add("a", 1);
    other.ok(&["remove", "a"]);
    let reason = other.fails(4, &server);
    assert!(reason.contains("has a history of its own"), "{reason}");
    let hint = format!("config wasmstore.replicaOf {url}`");
    assert!(reason.contains(&hint), "{reason}");
    other.add("b", 1);
    // What it says to do.
    other.git(&["config", "wasmstore.replicaOf", &url]);
    let replica = replica_of(&other, &url, &[]);
    assert_eq!(state(&replica), state(&primary));
}

#[test]
fn a_branch_or_a_tag_more_is_a_history() {
    for args in [["branch", "side", "main"], ["tag", "v1", "main"]] {
        let world = World::with_store("sha1");
        world.git(&args);
        world.fails(4, &["server", "--replica-of", "http://127.0.0.1:9"]);
    }
}

#[test]
fn an_empty_store_is_made_a_replica_and_a_primary_may_move() {
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
    assert_eq!(state(&replica), state(&primary), "before it is served");
    replica.wait_for("follows another primary from now on");
}

#[test]
fn a_url_is_marked_as_it_is() {
    let world = World::with_store("sha1");
    world.add("a", 1);
    let primary = Server::start(&world, &[]);
    // Characters that mean something in a configuration; what is asked for there is not found.
    let odd = format!("{}/a;b='c'", url(&primary));
    let other = World::empty();
    drop(replica_of(&other, &url(&primary), &[]));
    let mut command = other.wasmstore(&["server", "--port", "0", "--replica-of", &odd]);
    let mut child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    let began = std::time::Instant::now();
    while mark(&other) != odd {
        assert!(began.elapsed() < LONG, "{}", mark(&other));
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn nothing_but_following_changes_a_replica() {
    let (world, url) = marked();
    world.file("m.wasm", module(9));
    world.file("folder/m.wasm", module(9));
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
        &["import", "folder"],
        &["gc"],
        &["server", "--port", "0"],
    ] {
        let reason = world.fails(4, args);
        let wanted = format!("this store is a replica of {url}: ");
        assert!(reason.contains(&wanted), "{args:?}: {reason}");
        let root = format!("{:?}", world.root());
        let hint = format!("`git --git-dir {root} config --unset wasmstore.replicaOf`");
        assert!(reason.contains(&hint), "{args:?}: {reason}");
    }
}

#[test]
fn a_push_into_a_replica_is_told_where_the_primary_is() {
    let (world, url) = marked();
    let clone = Clone::of(&world, "clone");
    clone.module("good", 3);
    clone.commit("bad", "no module");
    let seen = clone.refused(&["main", "HEAD:refs/heads/other"]);
    let root = format!("{:?}", world.root());
    for wanted in [&url, &root] {
        assert_eq!(seen.matches(wanted.as_str()).count(), 1, "{seen}");
    }
    assert!(seen.contains("(pre-receive hook declined)"), "{seen}");
}

#[test]
fn what_changes_no_history_goes_on_in_a_replica() {
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
fn without_its_mark_it_is_a_store_of_its_own() {
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

/// Starts a replica while its primary is away, and says whether it serves before the primary is back.
#[track_caller]
fn serves_alone(world: &World, other: &World, port: &str) -> bool {
    let primary = format!("http://127.0.0.1:{port}");
    std::thread::scope(|threads| {
        let starting = threads.spawn(|| replica_of(other, &primary, &[]));
        let began = std::time::Instant::now();
        while !starting.is_finished() && began.elapsed() < Duration::from_millis(1500) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let serves = starting.is_finished();
        let primary = Server::start(world, &["--port", port]);
        let replica = starting.join().unwrap();
        if !serves {
            assert_eq!(state(&replica), state(&primary), "before it is served");
        }
        serves
    })
}

#[test]
fn it_serves_only_once_it_has_had_all_of_this_primary() {
    let (world, other) = (World::with_store("sha1"), World::with_store("sha1"));
    world.add("a", 1);
    let port = Server::start(&world, &[]).address.port().to_string();
    // As after a first turn that was cut short.
    let primary = format!("http://127.0.0.1:{port}");
    other.git(&["config", "wasmstore.replicaOf", &primary]);
    assert!(!serves_alone(&world, &other, &port));
    assert!(serves_alone(&world, &other, &port));
    // It is derived: without it the next turn is waited for.
    std::fs::remove_file(other.root().join("wasmstore/replica")).unwrap();
    assert!(!serves_alone(&world, &other, &port));
    // It has had all of another one.
    let moved = Server::start(&world, &[]).address.port().to_string();
    assert!(!serves_alone(&world, &other, &moved));
}
