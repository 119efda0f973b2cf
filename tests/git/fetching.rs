//! Cloning and fetching with stock git.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{fsck, git, git_fails, git_ok, url};
use crate::support::program::{Ran, World, module};
use crate::support::server::Server;

/// A store of a few modules, of the given format, that is served.
fn served(format: &str) -> (World, Server) {
    let world = World::with_store(format);
    for n in 0..5 {
        world.add(&format!("lib/m{n}.wasm"), n);
    }
    let server = Server::start(&world, &[]);
    (world, server)
}

#[test]
fn a_clone_is_the_store() {
    for format in ["sha1", "sha256"] {
        let (world, server) = served(format);
        git_ok(&world, &["clone", &url(&server), "clone"]);
        fsck(&world, "clone");
        for n in 0..5 {
            let file = world.path(&format!("clone/lib/m{n}.wasm"));
            assert_eq!(fs::read(file).unwrap(), module(n), "{format}");
        }
        let head = git_ok(&world, &["-C", "clone", "rev-parse", "HEAD"]);
        assert_eq!(head, world.tip());
    }
}

#[test]
fn a_fetch_brings_what_is_new() {
    let (world, server) = served("sha1");
    let url = url(&server);
    git_ok(&world, &["clone", "--mirror", &url, "mirror"]);
    world.add("lib/new.wasm", 9);
    world.changes(&["branch", "side"]);
    world.changes(&["--branch", "side", "remove", "lib/m1.wasm"]);
    git_ok(&world, &["-C", "mirror", "fetch"]);
    fsck(&world, "mirror");
    let refs = |repository: &str| git_ok(&world, &["-C", repository, "for-each-ref"]);
    assert_eq!(refs("mirror"), world.git(&["for-each-ref"]));
    let again = git(&world, &["-C", "mirror", "fetch"]);
    assert_eq!((again.code, again.err.as_str()), (Some(0), ""));
}

#[test]
fn every_version_of_the_protocol_works() {
    let (world, server) = served("sha1");
    let listed = format!("{0}\tHEAD\n{0}\trefs/heads/main", world.tip());
    for version in ["0", "1", "2"] {
        let version = format!("protocol.version={version}");
        let list = git_ok(&world, &["-c", &version, "ls-remote", &url(&server)]);
        assert_eq!(list, listed, "{version}");
        git_ok(&world, &["-c", &version, "clone", &url(&server), &version]);
        fsck(&world, &version);
    }
}

#[test]
fn a_shallow_clone_can_be_deepened() {
    let (world, server) = served("sha1");
    let count = || git_ok(&world, &["-C", "clone", "rev-list", "--count", "HEAD"]);
    git_ok(&world, &["clone", "--depth", "1", &url(&server), "clone"]);
    assert_eq!(count(), "1");
    git_ok(&world, &["-C", "clone", "fetch", "--deepen", "2"]);
    assert_eq!(count(), "3");
    git_ok(&world, &["-C", "clone", "fetch", "--unshallow"]);
    assert_eq!(count(), "6");
    fsck(&world, "clone");
}

#[test]
fn a_partial_clone_gets_modules_when_they_are_read() {
    let (world, server) = served("sha1");
    // A repository that was not made here lacks the setting.
    world.git(&["config", "--unset-all", "uploadpack.allowFilter"]);
    let args = [
        "clone",
        "--bare",
        "--filter=blob:none",
        &url(&server),
        "clone",
    ];
    git_ok(&world, &args);
    let list = [
        "-C",
        "clone",
        "rev-list",
        "--objects",
        "--all",
        "--missing=print",
    ];
    let missing = || {
        git_ok(&world, &list)
            .lines()
            .filter(|line| line.starts_with('?'))
            .count()
    };
    assert_eq!(missing(), 5);
    let size = git_ok(
        &world,
        &["-C", "clone", "cat-file", "-s", "HEAD:lib/m3.wasm"],
    );
    assert_eq!(size, module(3).len().to_string());
    assert_eq!(missing(), 4);
}

#[test]
fn a_commit_that_is_not_there_is_refused_in_git_s_own_words() {
    let (world, server) = served("sha1");
    let absent = "1".repeat(40);
    git_ok(&world, &["init", "-q", "clone"]);
    let args = ["-C", "clone", "fetch", &url(&server), &absent];
    let err = git_fails(&world, &args);
    assert_eq!(
        err,
        format!("fatal: remote error: upload-pack: not our ref {absent}\n")
    );
}

/// Many small requests: `git fetch` offers more commits than fit into one, gzipped.
#[test]
fn a_long_negotiation_works() {
    let (world, server) = served("sha1");
    git_ok(&world, &["clone", "-q", &url(&server), "clone"]);
    let mut own = String::new();
    for n in 0..2000 {
        own.push_str(&format!(
            "commit refs/heads/own\ncommitter A <a@b> {n} +0000\ndata 1\nx\nM 644 inline x\ndata {}\n{n}\n",
            n.to_string().len() + 1
        ));
    }
    fs::write(world.path("own"), own).unwrap();
    let mut import = world.command("git");
    import.args(["-C", "clone", "fast-import", "--quiet"]);
    import.stdin(fs::File::open(world.path("own")).unwrap());
    assert!(import.status().unwrap().success());
    world.add("lib/new.wasm", 9);
    for version in ["0", "2"] {
        let version = format!("protocol.version={version}");
        git_ok(
            &world,
            &["-C", "clone", "-c", &version, "fetch", "origin", "HEAD"],
        );
        let head = git_ok(&world, &["-C", "clone", "rev-parse", "FETCH_HEAD"]);
        assert_eq!(head, world.tip());
    }
}

/// Adds modules one after another until told to end.
fn write(server: &Server, is_over: &AtomicBool) {
    for n in 0..u32::MAX {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let path = format!("/api/v1/module/w/{}.wasm", n % 50);
        let answer = server.send("POST", &path, &[], &module(1000 + n));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

/// Clones again and again beside a writer and a gc, and hands what came of it to `judge`.
fn clone_beside(gc: &str, judge: fn(&World, &str, Ran)) {
    let (world, server) = served("sha1");
    let is_over = AtomicBool::new(false);
    let collect = || {
        while !is_over.load(Ordering::Relaxed) {
            let answer = server.send("POST", gc, &[], b"");
            assert!([200, 503].contains(&answer.status), "{}", answer.text());
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| write(&server, &is_over));
        scope.spawn(collect);
        let (world, server) = (&world, &server);
        let clones = scope.spawn(move || {
            for n in 0..12 {
                let folder = format!("clone{n}");
                let ran = git(world, &["clone", "--mirror", &url(server), &folder]);
                judge(world, &folder, ran);
            }
        });
        let cloned = clones.join();
        is_over.store(true, Ordering::Relaxed);
        cloned.unwrap();
    });
    world.fsck();
}

#[test]
fn clones_beside_writers_and_gc_are_whole() {
    clone_beside("/api/v1/gc?keep_history=true", |world, folder, ran| {
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        fsck(world, folder);
    });
}

/// The commits that a clone was promised may be dropped before it has them.
#[test]
fn clones_beside_a_gc_that_squashes_are_whole_or_fail() {
    clone_beside("/api/v1/gc", |world, folder, ran| match ran.code {
        Some(0) => fsck(world, folder),
        _ => assert!(!world.path(folder).exists(), "{}", ran.err),
    });
}
