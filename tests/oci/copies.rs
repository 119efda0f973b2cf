//! Copies of a store have its records: mirrors, clones and backups.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::pushing::{digest_at, push_to};
use crate::support::program::{World, module};
use crate::support::server::Server;

/// Far longer than any step takes, even on a slow machine.
const LONG: Duration = Duration::from_secs(30);

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Creates an empty bare repository.
fn bare(world: &World, name: &str, format: &str) -> PathBuf {
    let path = world.path(name);
    let mut git = world.command("git");
    let init = git.args(["init", "-q", "--bare", "--object-format", format]);
    assert!(init.arg(&path).status().unwrap().success());
    path
}

/// Returns all refs of a repository.
fn refs(world: &World, repository: &Path) -> String {
    let mut git = world.command("git");
    let ran = git.arg("ls-remote").arg("--refs").arg(repository).output();
    String::from_utf8(ran.unwrap().stdout).unwrap()
}

/// Runs git on a repository, and returns its output.
#[track_caller]
fn git(world: &World, repository: &Path, args: &[&str]) -> String {
    let mut git = world.command("git");
    let ran = git.arg("--git-dir").arg(repository).args(args).output();
    let ran = ran.unwrap();
    assert!(ran.status.success(), "{args:?}: {ran:?}");
    String::from_utf8(ran.stdout).unwrap().trim().to_owned()
}

#[track_caller]
fn becomes_equal(world: &World, server: &Server, mirror: &Path) {
    let start = Instant::now();
    while refs(world, mirror) != refs(world, &world.root()) {
        assert!(start.elapsed() < LONG, "{}", server.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_mirror_gets_the_records_and_a_clone_brings_them_back() {
    for format in ["sha1", "sha256"] {
        let world = World::with_store(format);
        let mirror = bare(&world, "m.git", format);
        let server = Server::start(&world, &["--mirror", text(&mirror)]);
        let digest = push_to(&server, "a/b", "1", &module(1));
        becomes_equal(&world, &server, &mirror);
        assert!(refs(&world, &mirror).contains("\trefs/oci/records\n"));
        // A gc squashes the records.
        let before = world.git(&["rev-parse", "refs/oci/records"]);
        let moved = push_to(&server, "a/b", "2", &module(2));
        assert_eq!(server.send("POST", "/api/v1/gc", &[], b"").status, 200);
        assert_ne!(world.git(&["rev-parse", "refs/oci/records"]), before);
        assert_eq!(world.git(&["rev-list", "--count", "refs/oci/records"]), "1");
        becomes_equal(&world, &server, &mirror);
        drop(server);
        // Of other refs, `clone` brings none.
        git(
            &world,
            &mirror,
            &["update-ref", "refs/oci/other", "refs/heads/main"],
        );
        let copy = World::empty();
        assert_eq!(copy.ok(&["clone", text(&mirror)]), "");
        assert_eq!(refs(&copy, &copy.root()), refs(&world, &world.root()));
        copy.fsck();
        copy.ok(&["verify"]);
        let served = Server::start(&copy, &[]);
        assert_eq!(digest_at(&served, "a/b", "1"), digest);
        assert_eq!(digest_at(&served, "a/b", "2"), moved);
        assert_eq!(push_to(&served, "a/b", "3", &module(1)), digest);
    }
}

#[test]
fn a_repository_without_records_is_cloned() {
    let world = World::with_store("sha1");
    world.add("a", 1);
    let copy = World::empty();
    assert_eq!(copy.ok(&["clone", text(&world.root())]), "");
    assert_eq!(refs(&copy, &copy.root()), refs(&world, &world.root()));
}

#[test]
fn damaged_records_are_reported_after_a_clone() {
    let world = World::with_store("sha1");
    let server = Server::start(&world, &[]);
    push_to(&server, "a", "1", &module(1));
    drop(server);
    // The manifest gets the path of another digest.
    let listed = world.git(&["ls-tree", "-r", "refs/oci/records", "a/_manifests"]);
    let (entry, path) = listed.split_once('\t').unwrap();
    let zeros = format!("a/_manifests/sha256/00/{}", "0".repeat(62));
    let index = world.path("index");
    let run = |args: &[&str]| {
        let mut git = world.command("git");
        git.env("GIT_INDEX_FILE", &index);
        let ran = git.arg("--git-dir").arg(world.root()).args(args).output();
        String::from_utf8(ran.unwrap().stdout)
            .unwrap()
            .trim()
            .to_owned()
    };
    run(&["read-tree", "refs/oci/records"]);
    let blob = entry.rsplit(' ').next().unwrap();
    run(&[
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("100644,{blob},{zeros}"),
    ]);
    let tree = run(&["write-tree"]);
    let names = ["-c", "user.name=a", "-c", "user.email=a@b"];
    let commit = run(&[&names[..], &["commit-tree", "-m", "Damage", &tree]].concat());
    world.git(&["update-ref", "refs/oci/records", &commit]);
    let copy = World::empty();
    let ran = copy.run(&["clone", text(&world.root())]);
    assert_eq!(ran.code, Some(5), "{ran:?}");
    let digest = path.rsplit_once("sha256/").unwrap().1.replace('/', "");
    let reason = format!("its content has the digest sha256:{digest}");
    assert!(ran.err.contains(&reason), "{}", ran.err);
}

#[test]
fn a_mirror_with_foreign_records_is_refused() {
    let world = World::with_store("sha1");
    world.add("a", 1);
    let mirror = bare(&world, "m.git", "sha1");
    let tree = git(
        &world,
        &mirror,
        &["hash-object", "-t", "tree", "-w", "/dev/null"],
    );
    let names = ["-c", "user.name=a", "-c", "user.email=a@b"];
    let commit = [&names[..], &["commit-tree", "-m", "foreign", &tree]].concat();
    let commit = git(&world, &mirror, &commit);
    git(
        &world,
        &mirror,
        &["update-ref", "refs/oci/records", &commit],
    );
    let ran = world.run(&["mirror", "add", "m", text(&mirror)]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(ran.err.contains("refs/oci/records"), "{}", ran.err);
    assert_eq!(
        git(&world, &mirror, &["rev-parse", "refs/oci/records"]),
        commit
    );
}

#[test]
fn records_that_cannot_be_read_stay_in_the_mirror() {
    let world = World::with_store("sha1");
    let mirror = bare(&world, "m.git", "sha1");
    let server = Server::start(&world, &[]);
    push_to(&server, "a", "1", &module(1));
    drop(server);
    world.ok(&["mirror", "add", "m", text(&mirror)]);
    world.ok(&["mirror", "push"]);
    let records = git(&world, &mirror, &["rev-parse", "refs/oci/records"]);
    std::fs::write(world.root().join("refs/oci/records"), "broken\n").unwrap();
    let file = world.file("b.wasm", module(2));
    assert_eq!(world.run(&["add", file]).code, Some(0));
    world.run(&["mirror", "push"]);
    assert_eq!(
        git(&world, &mirror, &["rev-parse", "refs/oci/records"]),
        records
    );
    let main = git(&world, &mirror, &["ls-tree", "--name-only", "main"]);
    assert_eq!(main, "a\nb.wasm");
    // A ref that is gone is deleted in the mirror.
    std::fs::remove_file(world.root().join("refs/oci/records")).unwrap();
    world.ok(&["mirror", "push"]);
    assert!(!refs(&world, &mirror).contains("refs/oci/records"));
}

#[test]
fn a_mirror_that_rejects_the_records_gets_the_branches() {
    let world = World::with_store("sha1");
    let mirror = bare(&world, "m.git", "sha1");
    let hook = mirror.join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, "#!/bin/sh\n! grep -q refs/oci/records\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&hook, mode).unwrap();
    let server = Server::start(&world, &[]);
    push_to(&server, "a", "1", &module(1));
    drop(server);
    world.ok(&["mirror", "add", "m", text(&mirror)]);
    let ran = world.run(&["mirror", "push"]);
    assert_eq!(ran.code, Some(5), "{ran:?}");
    assert!(ran.err.contains("pre-receive hook declined"), "{}", ran.err);
    let refs = refs(&world, &mirror);
    assert!(
        refs.contains("refs/heads/main") && !refs.contains("refs/oci/records"),
        "{refs}"
    );
}

#[test]
fn a_backup_has_the_records() {
    let world = World::with_store("sha1");
    let server = Server::start(&world, &[]);
    let digest = push_to(&server, "a", "1", &module(1));
    world.ok(&["backup", "b.tar.gz"]);
    push_to(&server, "a", "1", &module(2));
    drop(server);
    let copy = World::empty();
    std::fs::create_dir(copy.root()).unwrap();
    let unpacked = Command::new("tar")
        .arg("-xzf")
        .arg(world.path("b.tar.gz"))
        .arg("-C")
        .arg(copy.root())
        .status();
    assert!(unpacked.unwrap().success());
    copy.fsck();
    copy.ok(&["verify"]);
    let server = Server::start(&copy, &[]);
    assert_eq!(digest_at(&server, "a", "1"), digest);
}
