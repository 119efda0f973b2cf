//! Cloning and fetching with stock git.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{fsck, git, git_fails, git_ok, url};
use crate::support::program::{CommandOutput, World, module};
use crate::support::server::Server;

/// Starts a server for a store of a few modules in the given object format.
fn served(format: &str) -> (World, Server) {
    let world = World::with_store(format);
    for n in 0..5 {
        world.add(&format!("lib/m{n}.wasm"), n);
    }
    let server = Server::start(&world, &[]);
    (world, server)
}

#[test]
fn clone_has_the_content_of_the_store() {
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
fn fetch_transfers_new_commits_and_branches() {
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
fn every_protocol_version_is_served() {
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
fn shallow_clone_can_be_deepened() {
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
fn partial_clone_fetches_modules_when_they_are_read() {
    let (world, server) = served("sha1");
    // A repository that wasmstore did not create lacks the setting.
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
fn unknown_commit_is_refused_with_gits_own_message() {
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

/// `git fetch` offers more commits than fit into one request, so it sends many small ones, compressed with gzip.
#[test]
fn long_negotiation_succeeds() {
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

/// Adds modules one after another until `is_over` is set.
fn add_modules(server: &Server, is_over: &AtomicBool) {
    for n in 0..u32::MAX {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let path = format!("/api/v1/module/w/{}.wasm", n % 50);
        let answer = server.send("POST", &path, &[], &module(1000 + n));
        assert_eq!(answer.status, 200, "{}\n{}", answer.text(), server.log());
    }
}

/// Clones repeatedly while another thread writes and a third runs gc, and passes each result to `check`.
fn clone_during_gc(gc: &str, check: fn(&World, &str, CommandOutput)) {
    let (world, server) = served("sha1");
    let is_over = AtomicBool::new(false);
    let collect = || {
        while !is_over.load(Ordering::Relaxed) {
            let answer = server.send("POST", gc, &[], b"");
            assert!(
                [200, 503].contains(&answer.status),
                "{}\n{}",
                answer.text(),
                server.log()
            );
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| add_modules(&server, &is_over));
        scope.spawn(collect);
        let (world, server) = (&world, &server);
        let clones = scope.spawn(move || {
            for n in 0..12 {
                let directory = format!("clone{n}");
                let ran = git(world, &["clone", "--mirror", &url(server), &directory]);
                check(world, &directory, ran);
            }
        });
        let cloned = clones.join();
        is_over.store(true, Ordering::Relaxed);
        cloned.unwrap();
    });
    world.fsck();
}

#[test]
fn clones_during_writes_and_gc_are_complete() {
    clone_during_gc("/api/v1/gc?keep_history=true", |world, directory, ran| {
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        fsck(world, directory);
    });
}

/// gc may drop the commits that were advertised to a clone before it has fetched them. git reads `HEAD` and the branch one after the other, so
/// a clone may also get the commits from before and after a squash, of which its refs name only one.
#[test]
fn clones_during_a_squashing_gc_are_complete_or_fail() {
    clone_during_gc("/api/v1/gc", |world, directory, ran| match ran.code {
        Some(0) => {
            let found = git_ok(
                world,
                &["-C", directory, "fsck", "--strict", "--no-progress"],
            );
            let mut others = found.lines();
            let is_squashed = |line: &str| line.starts_with("dangling commit ");
            assert!(
                others.next().is_none_or(is_squashed) && others.next().is_none(),
                "{directory}: {found}"
            );
        }
        _ => assert!(!world.path(directory).exists(), "{}", ran.err),
    });
}
