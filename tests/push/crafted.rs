//! Packs and trees that stock git does not create by itself.

use std::io::Write as _;
use std::process::Stdio;
use std::time::Instant;

use super::{Clone, snapshot};
use crate::support::program::{CommandOutput, World, module};

/// Sends a push directly to git-receive-pack(1): one ref update, and a pack with these objects.
fn receive(clone: &Clone<'_>, update: &str, objects: &[&str]) -> CommandOutput {
    let objects = objects.join("\n") + "\n";
    let mut pack = clone.command(&["pack-objects", "--stdout", "-q"]);
    let mut pack = pack
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    pack.stdin
        .take()
        .unwrap()
        .write_all(objects.as_bytes())
        .unwrap();
    let pack = pack.wait_with_output().unwrap().stdout;
    let line = format!("{update}\0report-status");
    let line = format!("{:04x}{line}0000", line.len() + 4);
    let mut receive = clone.command(&["receive-pack", "--stateless-rpc"]);
    let mut receive = receive
        .arg(clone.world.root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let input = [line.as_bytes(), &pack].concat();
    receive.stdin.take().unwrap().write_all(&input).unwrap();
    receive.wait_with_output().unwrap().into()
}

/// Creates a commit on HEAD with the tree that `git mktree` creates from `listing`.
fn commit_tree(clone: &Clone<'_>, listing: &str) -> String {
    let tree = clone.git_with_input(&["mktree", "--missing"], listing.as_bytes());
    clone.git(&["commit-tree", "-p", "HEAD", "-m", "crafted", &tree])
}

fn blob(clone: &Clone<'_>, bytes: &[u8]) -> String {
    clone.git_with_input(&["hash-object", "-w", "--stdin"], bytes)
}

#[test]
fn commits_that_no_pushed_ref_reaches_are_validated_too() {
    let world = World::with_store("sha1");
    world.add("a", 1);
    let clone = Clone::of(&world, "clone");
    let base = clone.git(&["rev-parse", "HEAD"]);
    let evil = blob(&clone, b"not wasm");
    let hidden = commit_tree(&clone, &format!("100644 blob {evil}\tevil.wasm\n"));
    let good = clone.module("good", 2);
    let new = clone.git(&[
        "rev-list",
        "--objects",
        "--no-object-names",
        &good,
        &hidden,
        &format!("^{base}"),
    ]);
    let objects: Vec<&str> = new.lines().collect();
    let before = snapshot(&world.root());
    let ran = receive(&clone, &format!("{base} {good} refs/heads/main"), &objects);
    assert!(
        ran.out
            .contains("ng refs/heads/main pre-receive hook declined"),
        "{ran:?}"
    );
    let objection = format!("/evil.wasm in commit {hidden}: it is not a valid module");
    assert!(ran.err.contains(&objection), "{ran:?}");
    assert!(snapshot(&world.root()) == before);
    // Additional commits are accepted if they are valid.
    let fine = commit_tree(
        &clone,
        &format!("100644 blob {}\tfine.wasm\n", blob(&clone, &module(3))),
    );
    let new = clone.git(&[
        "rev-list",
        "--objects",
        "--no-object-names",
        &good,
        &fine,
        &format!("^{base}"),
    ]);
    let objects: Vec<&str> = new.lines().collect();
    let ran = receive(&clone, &format!("{base} {good} refs/heads/main"), &objects);
    assert!(ran.out.contains("ok refs/heads/main"), "{ran:?}");
    world.ok(&["restore", &fine]);
    assert_eq!(world.ok(&["verify"]).lines().count(), 1);
}

#[test]
fn a_tree_with_billions_of_paths_is_refused_early() {
    let world = World::with_store("sha1");
    let clone = Clone::of(&world, "clone");
    let mut entry = format!("100644 blob {}", blob(&clone, &module(1)));
    for _ in 0..9 {
        let listing: String = (0..16).map(|n| format!("{entry}\t{n:02}\n")).collect();
        let tree = clone.git_with_input(&["mktree"], listing.as_bytes());
        entry = format!("040000 tree {tree}");
    }
    let commit = commit_tree(&clone, &format!("{entry}\tbomb\n"));
    let clone = clone.with("WASMSTORE_PUSH_MAX_PATHS", "20000");
    let seen = clone.refused(&[&format!("{commit}:refs/heads/main")]);
    assert!(
        seen.contains("the push: it has more than 20000 paths"),
        "{seen}"
    );
    // A tree that is deeper than the limit for a path.
    let mut entry = format!("100644 blob {}", blob(&clone, &module(1)));
    for _ in 0..100 {
        let tree = clone.git_with_input(&["mktree"], format!("{entry}\td\n").as_bytes());
        entry = format!("040000 tree {tree}");
    }
    let commit = commit_tree(&clone, &format!("{entry}\td\n"));
    let seen = clone.refused(&[&format!("{commit}:refs/heads/main")]);
    assert!(seen.contains("has more than 64 segments"), "{seen}");
    assert_eq!(
        seen.matches("has more than 64 segments").count(),
        1,
        "{seen}"
    );
}

#[test]
fn modes_that_git_does_not_write_are_refused() {
    let world = World::with_store("sha1");
    let clone = Clone::of(&world, "clone");
    let id = blob(&clone, &module(1));
    let bytes: Vec<u8> = (0..id.len() / 2)
        .map(|at| u8::from_str_radix(&id[at * 2..at * 2 + 2], 16).unwrap())
        .collect();
    for mode in ["100664", "100600"] {
        let tree = [format!("{mode} m\0").as_bytes(), &bytes].concat();
        let tree = clone.git_with_input(
            &["hash-object", "-t", "tree", "-w", "--stdin", "--literally"],
            &tree,
        );
        let commit = clone.git(&["commit-tree", "-p", "HEAD", "-m", "odd", &tree]);
        let seen = clone.refused(&[&format!("{commit}:refs/heads/main")]);
        assert!(seen.contains("/m in commit "), "{seen}");
        assert!(seen.contains(": its mode is not 100644"), "{seen}");
    }
}

#[test]
fn a_huge_commit_is_refused() {
    let world = World::with_store("sha1");
    let clone = Clone::of(&world, "clone");
    let message = "a".repeat(2 << 20);
    let commit = clone.git_with_input(
        &["commit-tree", "-p", "HEAD", "HEAD^{tree}"],
        message.as_bytes(),
    );
    let seen = clone.refused(&[&format!("{commit}:refs/heads/main")]);
    assert!(seen.contains("the limit is 1048576 bytes"), "{seen}");
}

#[test]
fn a_git_repository_that_becomes_a_store_gets_fsck_of_pushed_objects() {
    let world = World::empty();
    let root = world.root();
    let made = world
        .command("git")
        .args(["init", "-q", "--bare", "-b", "main"])
        .arg(&root)
        .output();
    assert!(made.unwrap().status.success());
    world.add("a", 1);
    world.ok(&["init"]);
    for (key, value) in [
        ("receive.fsckObjects", "true"),
        ("receive.unpackLimit", "1"),
        ("receive.autogc", "false"),
        ("gc.auto", "0"),
        ("maintenance.auto", "false"),
        ("core.fsync", "all"),
    ] {
        assert_eq!(world.git(&["config", key]), value);
    }
    let clone = Clone::of(&world, "clone");
    let id = blob(&clone, &module(1));
    let bytes: Vec<u8> = (0..id.len() / 2)
        .map(|at| u8::from_str_radix(&id[at * 2..at * 2 + 2], 16).unwrap())
        .collect();
    for names in [&["x/y"][..], &["b", "a"], &["a", "a"]] {
        let entry = |name: &&str| [format!("100644 {name}\0").as_bytes(), &bytes].concat();
        let tree: Vec<u8> = names.iter().flat_map(entry).collect();
        let tree = clone.git_with_input(
            &["hash-object", "-t", "tree", "-w", "--stdin", "--literally"],
            &tree,
        );
        let commit = clone.git(&["commit-tree", "-p", "HEAD", "-m", "odd", &tree]);
        clone.refused(&[&format!("{commit}:refs/heads/main")]);
    }
}

#[test]
fn the_target_of_a_symbolic_default_branch_is_not_deleted() {
    let world = World::with_store("sha1");
    world.ok(&["branch", "real"]);
    world.git(&["symbolic-ref", "refs/heads/alias", "refs/heads/real"]);
    world.git(&["symbolic-ref", "HEAD", "refs/heads/alias"]);
    let clone = Clone::of(&world, "clone").with("WASMSTORE_PUSH_METHODS", "*");
    let seen = clone.refused(&["--delete", "real"]);
    assert!(seen.contains("it is the default branch"), "{seen}");
    world.fails(4, &["branch", "real", "--delete"]);
}

#[test]
fn many_refs_are_pushed_at_once() {
    let world = World::with_store("sha1");
    let clone = Clone::of(&world, "clone");
    let mut updates = Vec::new();
    for n in 0..120 {
        clone.commit_all();
        updates.push(format!("HEAD~{n}:refs/heads/b{n}"));
    }
    let updates: Vec<&str> = updates.iter().map(String::as_str).collect();
    let began = Instant::now();
    let last = updates.len() - 1;
    clone.pushes(&updates[..last]);
    clone.pushes(&[&["--atomic"], &updates[..]].concat());
    println!("120 branches twice in {:?}", began.elapsed());
    assert_eq!(world.ok(&["branch", "--list"]).lines().count(), 121);
}

#[test]
fn a_failing_atomic_push_never_moves_a_ref() {
    let world = World::with_store("sha1");
    let clone = Clone::of(&world, "clone");
    let was = world.tip();
    clone.module("a", 1);
    // An outside git holds the lock file of one of the refs.
    let lock = world.root().join("refs/heads/z.lock");
    std::fs::write(&lock, "").unwrap();
    let push = clone.command(&["push", "--atomic", "origin", "main", "main:z"]);
    let mut push = { push };
    let mut push = push.stderr(Stdio::null()).spawn().unwrap();
    while push.try_wait().unwrap().is_none() {
        assert_eq!(world.tip(), was);
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(!push.wait().unwrap().success());
    assert_eq!(world.tip(), was);
    std::fs::remove_file(lock).unwrap();
    clone.pushes(&["--atomic", "main", "main:z"]);
}
