//! Refs of a primary that are not followed by moving one after the other.

use std::time::{Duration, Instant};

use super::{LONG, converges, lag_s, put, replica_of, url};
use crate::support::program::{World, module};
use crate::support::server::Server;

#[track_caller]
fn change(server: &Server, method: &str, branch: &str) {
    let path = format!("/api/v1/branch/{branch}");
    let answer = server.send(method, &path, &[], b"");
    assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text());
}

/// Renames the default branch by way of another one.
fn rename(primary: &Server, from: &str, to: &str) {
    change(primary, "PUT", "by-the-way");
    change(primary, "DELETE", from);
    change(primary, "PUT", to);
    change(primary, "DELETE", "by-the-way");
}

#[track_caller]
fn equal(one: &World, other: &World) {
    for args in [&["for-each-ref"][..], &["symbolic-ref", "HEAD"]] {
        assert_eq!(one.git(args), other.git(args));
    }
}

#[test]
fn a_default_branch_is_renamed_to_a_name_that_clashes_with_it() {
    let (world, other) = (World::with_store("sha1"), World::empty());
    world.add("a", 1);
    let primary = Server::start(&world, &[]);
    // In the way of what would stand in for it.
    change(&primary, "POST", "following/x");
    drop(replica_of(&other, &url(&primary), &[]));
    for (n, (from, to)) in [("main", "main/x"), ("main/x", "main")].iter().enumerate() {
        rename(&primary, from, to);
        put(&primary, "b", n as u32);
        let replica = replica_of(&other, &url(&primary), &[]);
        // What is asked of the default branch is answered all the while.
        let began = Instant::now();
        while other.git(&["for-each-ref"]) != world.git(&["for-each-ref"]) {
            for _ in 0..20 {
                assert_eq!(replica.get("/api/v1/module/a").body, module(1));
            }
            assert!(began.elapsed() < LONG, "{}", replica.log());
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
fn what_stood_in_for_the_default_branch_in_a_crash_goes() {
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
fn a_branch_takes_the_place_of_the_old_default_one() {
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

/// Waits until a turn that began now has come to its end.
fn turn(replica: &Server) {
    let began = Instant::now();
    while lag_s(replica) > began.elapsed().as_secs_f64() {
        assert!(began.elapsed() < LONG, "{}", replica.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_ref_that_is_refused_stops_nothing_and_is_told_of_once() {
    let (world, other) = (World::with_store("sha1"), World::empty());
    let hash = world.add("a", 1);
    world.git(&["tag", "moved"]);
    world.git(&["tag", "module", &hash]);
    let primary = Server::start(&world, &[]);
    let replica = replica_of(&other, &url(&primary), &[]);
    assert_eq!(other.git(&["tag"]), "moved");
    // One that was taken before, and is none any more.
    world.git(&["tag", "--force", "moved", &hash]);
    put(&primary, "b", 2);
    converges(&replica, &primary);
    turn(&replica);
    assert_eq!(other.git(&["tag"]), "");
    // What is here in its place is not ours.
    other.git(&["symbolic-ref", "refs/heads/alias", "refs/heads/main"]);
    change(&primary, "POST", "alias");
    put(&primary, "c", 3);
    turn(&replica);
    turn(&replica);
    assert_eq!(replica.get("/api/v1/module/c").body, module(3));
    assert_eq!(
        other.git(&["symbolic-ref", "refs/heads/alias"]),
        "refs/heads/main"
    );
    let log = replica.log();
    for name in ["refs/tags/module", "refs/tags/moved", "refs/heads/alias"] {
        let told = log
            .lines()
            .filter(|line| line.contains(name) && line.contains("skipping a ref"));
        assert_eq!(told.count(), 1, "{name}: {log}");
    }
    assert!(!log.contains("cannot follow"), "{log}");
    assert!(!log.contains("updated by a push"), "{log}");
}
