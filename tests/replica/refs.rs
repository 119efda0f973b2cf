//! Changes of a primary's refs that a replica cannot follow by moving one ref after the other.

use std::time::Instant;

use super::{LONG, converges, finishes_round, put, replica_of, url};
use crate::support::program::{World, module};
use crate::support::server::Server;

#[track_caller]
fn change(server: &Server, method: &str, branch: &str) {
    let path = format!("/api/v1/branch/{branch}");
    let response = server.send(method, &path, &[], b"");
    assert_eq!(response.status, 200, "{method} {path}: {}", response.text());
}

/// Renames the default branch with the help of a temporary one.
fn rename(primary: &Server, from: &str, to: &str) {
    change(primary, "PUT", "temporary");
    change(primary, "DELETE", from);
    change(primary, "PUT", to);
    change(primary, "DELETE", "temporary");
}

#[track_caller]
fn equal(one: &World, other: &World) {
    for args in [&["for-each-ref"][..], &["symbolic-ref", "HEAD"]] {
        assert_eq!(one.git(args), other.git(args));
    }
}

#[test]
fn the_default_branch_can_be_renamed_to_a_name_that_clashes_with_it() {
    let (world, other) = (World::with_store("sha1"), World::empty());
    world.add("a", 1);
    let primary = Server::start(&world, &[]);
    // Clashes with the first choice for the name of the temporary branch.
    change(&primary, "POST", "following/x");
    drop(replica_of(&other, &url(&primary), &[]));
    for (n, (from, to)) in [("main", "main/x"), ("main/x", "main")].iter().enumerate() {
        rename(&primary, from, to);
        put(&primary, "b", n as u32);
        let replica = replica_of(&other, &url(&primary), &[]);
        // Reads of the default branch succeed all the time.
        let start = Instant::now();
        while other.git(&["for-each-ref"]) != world.git(&["for-each-ref"]) {
            for _ in 0..20 {
                assert_eq!(replica.get("/api/v1/module/a").body, module(1));
            }
            assert!(start.elapsed() < LONG, "{}", replica.log());
        }
        converges(&replica, &primary);
        equal(&other, &world);
        assert!(
            !replica.log().contains("cannot follow"),
            "{}",
            replica.log()
        );
    }
    other.fsck();
}

#[test]
fn a_temporary_default_branch_left_by_a_crash_is_removed() {
    let (world, other) = (World::with_store("sha1"), World::empty());
    let primary = Server::start(&world, &[]);
    drop(replica_of(&other, &url(&primary), &[]));
    other.git(&["branch", "following", "main"]);
    other.git(&["symbolic-ref", "HEAD", "refs/heads/following"]);
    rename(&primary, "main", "main/x");
    let replica = replica_of(&other, &url(&primary), &[]);
    converges(&replica, &primary);
    equal(&other, &world);
}

#[test]
fn a_branch_can_be_created_below_the_name_of_the_old_default_branch() {
    let (world, other) = (World::with_store("sha1"), World::empty());
    let primary = Server::start(&world, &[]);
    drop(replica_of(&other, &url(&primary), &[]));
    change(&primary, "PUT", "other");
    change(&primary, "DELETE", "main");
    change(&primary, "POST", "main/x");
    let replica = replica_of(&other, &url(&primary), &[]);
    converges(&replica, &primary);
    equal(&other, &world);
    assert!(
        !replica.log().contains("cannot follow"),
        "{}",
        replica.log()
    );
}

#[test]
fn a_rejected_ref_is_skipped_and_logged_once() {
    let (world, other) = (World::with_store("sha1"), World::empty());
    let hash = world.add("a", 1);
    world.git(&["tag", "moved"]);
    world.git(&["tag", "module", &hash]);
    let primary = Server::start(&world, &[]);
    let replica = replica_of(&other, &url(&primary), &[]);
    assert_eq!(other.git(&["tag"]), "moved");
    // A tag that was accepted before now points to something that is not a commit.
    world.git(&["tag", "--force", "moved", &hash]);
    put(&primary, "b", 2);
    converges(&replica, &primary);
    finishes_round(&replica);
    assert_eq!(other.git(&["tag"]), "");
    // A symbolic ref of the replica has the name of a branch of the primary.
    other.git(&["symbolic-ref", "refs/heads/alias", "refs/heads/main"]);
    change(&primary, "POST", "alias");
    put(&primary, "c", 3);
    finishes_round(&replica);
    finishes_round(&replica);
    assert_eq!(replica.get("/api/v1/module/c").body, module(3));
    assert_eq!(
        other.git(&["symbolic-ref", "refs/heads/alias"]),
        "refs/heads/main"
    );
    let log = replica.log();
    for name in ["refs/tags/module", "refs/tags/moved", "refs/heads/alias"] {
        let lines = log
            .lines()
            .filter(|line| line.contains(name) && line.contains("skipping a ref"));
        assert_eq!(lines.count(), 1, "{name}: {log}");
    }
    assert!(!log.contains("cannot follow"), "{log}");
    assert!(!log.contains("updated by a push"), "{log}");
}

#[test]
fn a_branch_that_names_too_many_paths_is_skipped() {
    let (world, other) = (World::with_store("sha1"), World::empty());
    world.add("a", 1);
    world.ok(&["branch", "long"]);
    let file = world.file("m.wasm", module(2));
    world.ok(&["add", file, "0123456789/0123456789", "--branch", "long"]);
    let primary = Server::start(&world, &[]);
    let replica = replica_of(&other, &url(&primary), &["--max-tree-path-bytes", "20"]);
    put(&primary, "b", 3);
    finishes_round(&replica);
    assert_eq!(replica.get("/api/v1/module/b").body, module(3));
    assert_eq!(other.ok(&["branch", "--list"]), "main\n");
    let log = replica.log();
    let reason =
        "its tree has 3 paths of 32 bytes in total; the limit is 20 bytes (--max-tree-path-bytes)";
    assert!(log.contains(reason), "{log}");
    assert!(!log.contains("cannot follow"), "{log}");
}
