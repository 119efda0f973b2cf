//! The limits on the history and the trees of a push, of a clone, and of what a replica fetches.

use super::Clone;
use crate::support::program::{World, module, reason};

/// Creates a commit with these parents and this message; `git commit-tree` would drop repeated parents.
fn commit(clone: &Clone<'_>, parents: &[&str], message: &str) -> String {
    let tree = clone.git(&["rev-parse", "HEAD^{tree}"]);
    let parents: String = parents.iter().map(|id| format!("parent {id}\n")).collect();
    let person = "Ann <ann@example.org> 1700000000 +0000";
    let text = format!("tree {tree}\n{parents}author {person}\ncommitter {person}\n\n{message}\n");
    let args = ["hash-object", "-t", "commit", "-w", "--stdin"];
    clone.git_with_input(&args, text.as_bytes())
}

/// Creates a commit on HEAD whose tree consists of `levels` trees, each of which contains the next one twice. Returns the commit.
fn doubling_tree(clone: &Clone<'_>, levels: usize, name_bytes: usize) -> String {
    let blob = clone.git_with_input(&["hash-object", "-w", "--stdin"], &module(1));
    let mut entry = format!("100644 blob {blob}");
    for _ in 0..levels {
        let names = ["a", "b"].map(|letter| letter.repeat(name_bytes));
        let listing = names.map(|name| format!("{entry}\t{name}\n")).concat();
        let tree = clone.git_with_input(&["mktree"], listing.as_bytes());
        entry = format!("040000 tree {tree}");
    }
    let tree = entry.rsplit(' ').next().unwrap();
    clone.git(&["commit-tree", "-p", "HEAD", "-m", "crafted", tree])
}

#[test]
fn a_push_of_few_objects_that_name_long_paths_is_refused() {
    let world = World::with_store("sha1");
    let clone = Clone::of(&world, "clone");
    // 2^15 modules with paths of 3,585 bytes: fewer paths than allowed, but 117 MB of them.
    let commit = doubling_tree(&clone, 15, 238);
    let update = format!("{commit}:refs/heads/main");
    let clone = clone.with("WASMSTORE_PUSH_MAX_PATH_BYTES", "1000000");
    let seen = clone.refused(&[&update]);
    let reason =
        "the push: its paths have more than 1000000 bytes in total (--max-push-path-bytes)";
    assert!(seen.contains(reason), "{seen}");
}

#[test]
fn the_paths_of_a_commits_whole_tree_are_limited() {
    let world = World::with_store("sha1");
    let clone = Clone::of(&world, "clone").with("WASMSTORE_PUSH_MAX_TREE_PATH_BYTES", "30");
    clone.module("0123456789", 1);
    clone.module("0123456789-0123456789", 2);
    let seen = clone.refused(&["main"]);
    let reason =
        "its tree has 2 paths of 31 bytes in total; the limit is 30 bytes (--max-tree-path-bytes)";
    assert!(seen.contains(reason), "{seen}");
    clone.pushes(&["main~:main"]);
    // Paths that the store has count too.
    let seen = clone.refused(&["main"]);
    assert!(seen.contains(reason), "{seen}");
    clone.git(&["rm", "-q", "0123456789"]);
    clone.git(&["commit", "-q", "--amend", "-m", "one path"]);
    clone.pushes(&["main"]);
}

#[test]
fn a_commit_has_at_most_64_parents() {
    let world = World::with_store("sha1");
    let clone = Clone::of(&world, "clone");
    let head = clone.git(&["rev-parse", "HEAD"]);
    for parents in [vec![&*head; 65], vec![&*head; 2000]] {
        let octopus = commit(&clone, &parents, "octopus");
        let seen = clone.refused(&[&format!("{octopus}:refs/heads/main")]);
        let reason = format!(
            "commit {octopus}: it has {} parents; the limit is 64",
            parents.len()
        );
        assert!(seen.contains(&reason), "{seen}");
    }
    let octopus = commit(&clone, &[&*head; 64], "octopus");
    clone.pushes(&[&format!("{octopus}:refs/heads/main")]);
    assert_eq!(world.ok(&["verify"]).lines().count(), 1);
}

#[test]
fn each_parent_of_an_octopus_merge_is_compared() {
    let world = World::with_store("sha1");
    let clone = Clone::of(&world, "clone");
    clone.module("dir/a", 1);
    let evil = clone.commit("dir/old", "not wasm");
    clone.module("dir/b", 2);
    // What a parent has is not introduced by the merge, but by that parent.
    let head = clone.git(&["rev-parse", "HEAD"]);
    let merge = commit(&clone, &[&evil, &head], "merge");
    let seen = clone.refused(&[&format!("{merge}:refs/heads/main")]);
    assert_eq!(seen.matches("not a valid module").count(), 1, "{seen}");
    assert!(
        seen.contains(&format!("/dir/old in commit {evil}")),
        "{seen}"
    );
}

#[test]
fn a_message_is_as_long_as_the_api_allows() {
    let world = World::with_store("sha1");
    let clone = Clone::of(&world, "clone");
    let head = clone.git(&["rev-parse", "HEAD"]);
    let long = commit(&clone, &[&head], &"a".repeat((64 << 10) + 1));
    let seen = clone.refused(&[&format!("{long}:refs/heads/main")]);
    assert!(
        seen.contains("its message has 65537 bytes; the limit is 65536 bytes"),
        "{seen}"
    );
    let longest = commit(&clone, &[&head], &"a".repeat(64 << 10));
    clone.pushes(&[&format!("{longest}:refs/heads/main")]);
}

#[test]
fn a_required_author_is_also_the_committer_and_the_tagger() {
    let world = World::with_store("sha1");
    let clone = Clone::of(&world, "clone").with("WASMSTORE_PUSH_AUTHOR", "Ann <ann@example.org>");
    clone.module("a", 1);
    clone.git(&["tag", "-a", "v1", "-m", "one"]);
    clone.pushes(&["main", "v1"]);
    let boss = ["-c", "user.name=Boss", "-c", "user.email=boss@example.org"];
    let as_boss = |args: &[&str]| {
        let mut git = clone.command(&[&boss[..], args].concat());
        git.env_remove("GIT_COMMITTER_NAME");
        git.env_remove("GIT_COMMITTER_EMAIL");
        assert!(git.status().unwrap().success(), "{args:?}");
    };
    as_boss(&["tag", "-a", "v2", "-m", "two"]);
    let tag = clone.git(&["rev-parse", "v2"]);
    let seen = clone.refused(&["v2"]);
    let reason =
        format!("tag {tag}: its tagger is not Ann <ann@example.org>, as the API key requires");
    assert!(seen.contains(&reason), "{seen}");
    as_boss(&[
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "by Ann, committed by the boss",
    ]);
    let commit = clone.git(&["rev-parse", "HEAD"]);
    let seen = clone.refused(&["main"]);
    let reason = format!(
        "commit {commit}: its committer is not Ann <ann@example.org>, as the API key requires"
    );
    assert!(seen.contains(&reason), "{seen}");
}

/// Creates a bare repository beside the world's store, whose branch `main` has a tree with 2^40 paths.
fn repository_with_2_to_the_40_paths(world: &World) -> String {
    let store = world.path("other");
    world.ok(&["--root", store.to_str().unwrap(), "init"]);
    let clone = Clone::of(world, "clone");
    let commit = doubling_tree(&clone, 40, 1);
    let bare = world.path("bare.git");
    clone.git(&["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
    let bare = bare.to_str().unwrap().to_owned();
    clone.git(&["push", "-q", &bare, &format!("{commit}:refs/heads/main")]);
    bare
}

#[test]
fn a_clone_of_few_objects_that_name_many_paths_is_refused() {
    let world = World::with_store("sha1");
    let bare = repository_with_2_to_the_40_paths(&world);
    let root = world.path("cloned");
    let args = ["--root", root.to_str().unwrap(), "clone", &bare];
    let ran = world.run(&args);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    let error = reason(&ran.err, &args);
    assert!(
        error.contains("its tree has 2199023255550 paths"),
        "{error}"
    );
    assert!(
        error.ends_with("the limit is 1073741824 bytes (--max-tree-path-bytes)"),
        "{error}"
    );
    assert!(!root.exists());
    let small = [&args[..], &["--max-tree-path-bytes", "1"]].concat();
    assert_eq!(world.run(&small).code, Some(3));
}
