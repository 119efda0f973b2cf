//! Refused pushes: the message that git prints, and that nothing of the push stays in the store.

use std::os::unix::fs::{PermissionsExt, symlink};

use super::Clone;
use crate::support::program::{FORMATS, World, module};

/// Asserts that a commit with this file is refused, and that `reason` is given for `/path`.
#[track_caller]
fn assert_refused(path: &str, bytes: &[u8], reason: &str) {
    let world = World::with_store("sha1");
    world.add("there", 0);
    let clone = Clone::of(&world, "clone");
    clone.module("good", 1);
    let commit = clone.commit(path, bytes);
    let seen = clone.refused(&["main"]);
    let wanted = format!("remote: wasmstore: /{path} in commit {commit}: {reason}");
    assert!(seen.contains(&wanted), "{wanted} in {seen}");
    assert!(seen.contains("(pre-receive hook declined)"), "{seen}");
}

#[test]
fn invalid_modules_are_refused_with_reason_and_offset() {
    assert_refused(
        "docs/read.me",
        b"Read me",
        "it is not a valid module: not WebAssembly: the magic number is missing (at offset 0x0)",
    );
    let whole = module(1);
    let cut = &whole[..whole.len() - 1];
    let reason = "it is not a valid module: truncated: unexpected end-of-file (at offset 0x";
    assert_refused("cut.wasm", cut, reason);
    let body = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a\x05\x01\x03\0\x6a\x0b";
    assert_refused("body.wasm", body, "it is not a valid module: type mismatch");
}

#[test]
fn illegal_paths_are_refused() {
    let hash = "0123456789012345678901234567890123456789";
    assert_refused(
        hash,
        &module(2),
        &format!("module path \"{hash}\" has the form of a hash"),
    );
    assert_name_refused(b"a\\b", "/a\\\\b in commit ");
    assert_name_refused(b"a\xff", "/a\u{fffd} in commit ");
    assert_name_refused(b"tab\there", "/tab\\there in commit ");
    assert_name_refused("a\u{202e}b".as_bytes(), "/a\\u{202e}b in commit ");
}

/// Asserts that a module of this name is refused. The tree is built without a work tree, which could not contain every name.
#[track_caller]
fn assert_name_refused(name: &[u8], subject: &str) {
    let world = World::with_store("sha1");
    let clone = Clone::of(&world, "clone");
    clone.commit("m", module(3));
    let id = clone.git(&["rev-parse", "HEAD:m"]);
    let listing = [format!("100644 blob {id}\t").as_bytes(), name, b"\0"].concat();
    let tree = clone.git_with_input(&["mktree", "-z"], &listing);
    let commit = clone.git(&["commit-tree", "-p", "HEAD~1", "-m", "odd", &tree]);
    let seen = clone.refused(&[&format!("{commit}:main")]);
    assert!(seen.contains(subject), "{subject:?} in {seen}");
}

#[test]
fn new_refs_with_c1_or_bidi_controls_are_refused() {
    let world = World::with_store("sha1");
    let clone = Clone::of(&world, "clone");
    for (name, escaped) in [
        ("refs/heads/b\u{9b}31m", "b\\u{9b}31m"),
        ("refs/tags/t\u{202e}", "t\\u{202e}"),
    ] {
        let seen = clone.refused(&[&format!("main:{name}")]);
        let wanted = format!("{escaped}\" contains a C1 or bidirectional control character");
        assert!(seen.contains(&wanted), "{wanted} in {seen}");
    }
}

#[test]
fn new_names_that_are_not_portable_are_refused_if_the_store_requires_it() {
    let world = World::with_store("sha1");
    let clone = Clone::of(&world, "clone");
    clone.module("aux/a", 1);
    clone.pushes(&["main"]);
    assert_eq!(world.ok(&["init", "--portable-names"]), "");
    clone.module("aux/a", 2);
    clone.module("aux/b", 3);
    clone.pushes(&["main"]);
    let device = clone.module("aux/nul.x", 4);
    let seen = clone.refused(&["main"]);
    let wanted = format!(
        "/aux/nul.x in commit {device}: path segment \"nul.x\" is the name of a device on Windows"
    );
    assert!(seen.contains(&wanted), "{wanted} in {seen}");
    clone.git(&["reset", "-q", "--hard", "HEAD~1"]);

    // Each side of the merge is portable.
    clone.git(&["branch", "side"]);
    clone.module("a", 5);
    clone.pushes(&["main"]);
    clone.git(&["checkout", "-q", "side"]);
    let upper = clone.module("A", 6);
    clone.pushes(&["side"]);
    clone.git(&["checkout", "-q", "main"]);
    let lower = clone.git(&["rev-parse", "HEAD"]);
    let listing = clone.git(&["ls-tree", &lower]) + "\n" + &clone.git(&["ls-tree", &upper, "A"]);
    let tree = clone.git_with_input(&["mktree"], listing.as_bytes());
    let merge = [
        "commit-tree",
        "-p",
        &lower,
        "-p",
        &upper,
        "-m",
        "both",
        &tree,
    ];
    let merge = clone.git(&merge);
    let seen = clone.refused(&[&format!("{merge}:main")]);
    let wanted =
        format!("/A in commit {merge}: path segment \"A\" differs from \"a\" only in letter case");
    assert!(seen.contains(&wanted), "{wanted} in {seen}");
}

#[test]
fn links_executables_and_submodules_are_refused() {
    let world = World::with_store("sha1");
    world.add("there", 0);
    let clone = Clone::of(&world, "clone");
    symlink("there", clone.dir.join("link")).unwrap();
    clone.commit_all();
    let seen = clone.refused(&["main"]);
    assert!(seen.contains(": it is a symbolic link"), "{seen}");

    clone.git(&["reset", "-q", "--hard", "HEAD~1"]);
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(clone.dir.join("there"), mode).unwrap();
    clone.commit_all();
    let seen = clone.refused(&["main"]);
    assert!(seen.contains("/there in commit "), "{seen}");
    assert!(
        seen.contains(": it is executable, but a module must not be: "),
        "{seen}"
    );

    clone.git(&["reset", "-q", "--hard", "HEAD~1"]);
    let tip = clone.git(&["rev-parse", "HEAD"]);
    let entry = format!("160000,{tip},sub");
    clone.git(&["update-index", "--add", "--cacheinfo", &entry]);
    clone.git(&["commit", "-q", "-m", "sub"]);
    let seen = clone.refused(&["main"]);
    assert!(seen.contains(": it is a submodule"), "{seen}");
}

#[test]
fn files_that_a_later_commit_removes_are_refused_too() {
    let world = World::with_store("sha1");
    let clone = Clone::of(&world, "clone");
    clone.commit("secret.txt", "not for long");
    clone.git(&["rm", "-q", "secret.txt"]);
    clone.module("good", 1);
    let seen = clone.refused(&["main"]);
    assert!(seen.contains("/secret.txt in commit "), "{seen}");
    let seen = clone.refused(&["main:refs/heads/other"]);
    assert!(seen.contains("/secret.txt in commit "), "{seen}");
    clone.git(&["tag", "-a", "v1", "-m", "v1"]);
    let seen = clone.refused(&["v1"]);
    assert!(seen.contains("/secret.txt in commit "), "{seen}");
}

#[test]
fn the_first_faults_of_many_are_reported() {
    let world = World::with_store("sha1");
    let clone = Clone::of(&world, "clone");
    for n in 0..50 {
        std::fs::write(clone.dir.join(format!("{n}.txt")), format!("{n}")).unwrap();
    }
    clone.commit_all();
    let seen = clone.refused(&["main"]);
    assert_eq!(
        seen.matches("it is not a valid module").count(),
        20,
        "{seen}"
    );
}

#[test]
fn refs_other_than_branches_and_tags_are_refused() {
    let world = World::with_store("sha1");
    let clone = Clone::of(&world, "clone");
    for name in [
        "refs/notes/commits",
        "refs/heads-up",
        "refs/remotes/origin/main",
    ] {
        let seen = clone.refused(&[&format!("main:{name}")]);
        assert!(
            seen.contains("is neither a branch (refs/heads/…) nor a tag"),
            "{seen}"
        );
    }
    let blob = clone.git(&["rev-parse", "HEAD^{tree}"]);
    let seen = clone.refused(&[&format!("{blob}:refs/tags/tree")]);
    assert!(
        seen.contains("refs/tags/tree: the ref must point to a commit"),
        "{seen}"
    );
}

#[test]
fn a_branch_and_a_directory_of_branches_cannot_share_a_name() {
    let world = World::with_store("sha1");
    let clone = Clone::of(&world, "clone");
    clone.pushes(&["main:a/b"]);
    for (name, other) in [("a", "a/b"), ("a/b/c", "a/b")] {
        let seen = clone.refused(&[&format!("main:refs/heads/{name}")]);
        let wanted = format!("refs/heads/{name}: it cannot exist together with refs/heads/{other}");
        assert!(seen.contains(&wanted), "{seen}");
    }
    let seen = clone.refused(&["main:refs/heads/x", "main:refs/heads/x/y"]);
    assert!(
        seen.contains("it cannot exist together with refs/heads/x"),
        "{seen}"
    );
}

#[test]
fn a_branch_only_moves_forward() {
    for format in FORMATS {
        let world = World::with_store(format);
        let clone = Clone::of(&world, "clone");
        let first = clone.module("a", 1);
        clone.module("a", 2);
        clone.pushes(&["main"]);
        // Another client adds a commit that this clone does not have.
        world.add("b", 3);
        clone.module("c", 4);
        let seen = clone.refused(&["main"]);
        assert!(seen.contains("fetch first"), "git knows by itself: {seen}");
        clone.git(&["fetch", "-q"]);
        for args in [
            &["--force", "main"][..],
            &["--force", &format!("{first}:main")],
        ] {
            let seen = clone.refused(args);
            assert!(
                seen.contains("refs/heads/main: its tip is not in the first-parent history"),
                "{seen}"
            );
            assert!(seen.contains("git pull --rebase"), "{seen}");
        }
        // The merge contains all commits of main, but as its second parent.
        clone.git(&["merge", "-q", "-m", "the wrong way round", "origin/main"]);
        let seen = clone.refused(&["main"]);
        assert!(
            seen.contains("its tip is not in the first-parent history"),
            "{seen}"
        );
        clone.git(&["reset", "-q", "--hard", "HEAD~1"]);
        clone.git(&["rebase", "-q", "origin/main"]);
        clone.pushes(&["main"]);
        assert_eq!(world.ok(&["list"]).lines().count(), 3);
    }
}

#[test]
fn dropping_history_needs_permission() {
    let world = World::with_store("sha1");
    let clone = Clone::of(&world, "clone");
    let first = clone.module("a", 1);
    clone.module("a", 2);
    clone.git(&["tag", "v1"]);
    clone.pushes(&["main", "main:side", "v1"]);
    let forced = format!("+{first}:side");
    let moved = format!("+{first}:refs/tags/v1");
    for (args, reason) in [
        (
            &["--delete", "side"][..],
            "refs/heads/side: deleting it needs a key that allows DELETE",
        ),
        (
            &["--delete", "v1"],
            "refs/tags/v1: deleting it needs a key that allows DELETE",
        ),
        (
            &[&forced],
            "refs/heads/side: its tip is not in the first-parent history",
        ),
        (
            &[&moved],
            "refs/tags/v1: the tag exists, and moving it needs a key that allows DELETE",
        ),
    ] {
        let seen = clone.refused(args);
        assert!(seen.contains(reason), "{reason:?} in {seen}");
    }
    let clone = clone.with("WASMSTORE_PUSH_METHODS", "POST,DELETE");
    let seen = clone.refused(&["--delete", "main"]);
    assert!(
        seen.contains("refs/heads/main: it is the default branch"),
        "{seen}"
    );
    clone.pushes(&[&forced, &moved]);
    assert_eq!(
        world.git(&["rev-parse", "side", "v1"]),
        format!("{first}\n{first}")
    );
    clone.pushes(&["--delete", "side", "v1"]);
    assert_eq!(
        world.git(&["for-each-ref", "--format=%(refname)"]),
        "refs/heads/main"
    );
}

#[test]
fn a_required_author_excludes_commits_of_others() {
    let world = World::with_store("sha1");
    let clone = Clone::of(&world, "clone").with("WASMSTORE_PUSH_AUTHOR", "CI <ci@example.org>");
    let commit = clone.module("a", 1);
    let seen = clone.refused(&["main"]);
    let wanted = format!("commit {commit}: its author is not CI <ci@example.org>");
    assert!(seen.contains(&wanted), "{seen}");
    let clone = clone
        .with("GIT_COMMITTER_NAME", "CI")
        .with("GIT_COMMITTER_EMAIL", "ci@example.org");
    clone.git(&[
        "commit",
        "-q",
        "--amend",
        "--no-edit",
        "--author",
        "CI <ci@example.org>",
    ]);
    clone.pushes(&["main"]);
}

#[test]
fn one_refused_ref_refuses_the_whole_push() {
    let world = World::with_store("sha1");
    let clone = Clone::of(&world, "clone");
    clone.module("a", 1);
    clone.pushes(&["main:x"]);
    for atomic in [&["--atomic"][..], &[]] {
        let args = [atomic, &["main:refs/heads/good", "main:refs/heads/x/y"]].concat();
        let seen = clone.refused(&args);
        assert!(
            seen.contains("refs/heads/x/y: it cannot exist together with refs/heads/x"),
            "{seen}"
        );
    }
    let args = [
        "--atomic",
        "main:refs/heads/good",
        "main",
        "HEAD:refs/tags/t",
    ];
    clone.pushes(&args);
    assert_eq!(world.git(&["for-each-ref"]).lines().count(), 4);
}
