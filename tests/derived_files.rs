//! git's derived files that list packs and commits: multi-pack-indexes, bitmaps, commit-graph chains. None outlives what it lists.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::store::{Scratch, fsck, git, try_git};
use wasmstore::store::{Change, History};

/// Runs git, which must print nothing to standard error. Returns its output.
#[track_caller]
fn silent_git(args: &[&str]) -> String {
    let mut git = Command::new("git");
    let git = git.env("GIT_CONFIG_GLOBAL", "/dev/null");
    let output = git.args(args).output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && err.is_empty(), "{args:?}: {err}");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the names of the derived files below a directory.
fn derived(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(derived(&path));
        } else if name.contains("multi-pack-index") || name.contains("graph-") {
            found.push(name);
        }
    }
    found
}

/// Asserts that stock git reads everything in the store without an error or a warning, and that nothing lists a pack that is gone.
#[track_caller]
fn assert_readable(s: &Scratch) {
    assert_eq!(derived(&s.root.join("objects")), [""; 0]);
    let root = s.root.to_str().unwrap();
    silent_git(&["--git-dir", root, "log", "--stat", "--all"]);
    silent_git(&[
        "--git-dir",
        root,
        "rev-list",
        "--all",
        "--objects",
        "--use-bitmap-index",
    ]);
    silent_git(&[
        "--git-dir",
        root,
        "fsck",
        "--strict",
        "--no-dangling",
        "--no-progress",
    ]);
    let copy = s.root.with_extension("copy");
    let source = format!("file://{root}");
    silent_git(&["clone", "-q", "--bare", &source, copy.to_str().unwrap()]);
    fsck(&copy);
}

#[test]
fn gc_removes_what_git_derives_from_packs_and_commits() {
    for squash in [History::Squash, History::Keep] {
        for write in [&["--bitmap"][..], &["--incremental"], &[]] {
            let s = Scratch::new();
            for n in 1..=5 {
                s.put(&format!("d/{n}"), n);
            }
            s.git(&["repack", "-q", "-d", "-a", "--write-bitmap-index"]);
            s.put("late", 6);
            s.git(&[
                "commit-graph",
                "write",
                "--reachable",
                "--split",
                "--changed-paths",
            ]);
            s.put("later", 7);
            s.git(&["commit-graph", "write", "--reachable", "--split=no-merge"]);
            let write = [&["multi-pack-index", "write"], write].concat();
            // Incremental multi-pack-indexes need git 2.47.
            if !try_git(&s.root, &write, "").0 {
                assert!(write.contains(&"--incremental"));
                continue;
            }
            assert!(derived(&s.root.join("objects")).len() >= 3);
            s.put("last", 8);
            s.store.gc(&Change::default(), squash.clone()).unwrap();
            assert_readable(&s);
            assert_eq!(s.value("late"), Some(6));
            // A store that has the old files open goes on.
            s.put("after", 9);
            assert_eq!((s.value("after"), s.value("d/3")), (Some(9), Some(3)));
        }
    }
}

#[test]
fn a_roll_up_removes_multi_pack_indexes() {
    let s = Scratch::new();
    s.put("a", 1);
    for n in 0..70 {
        s.put("p", n);
    }
    git(&s.root, &["multi-pack-index", "write"]);
    // The first roll-up copies packs, and the second one deletes them.
    for n in 0..130 {
        s.put("p", n);
    }
    let list = || derived(&s.root.join("objects"));
    let start = std::time::Instant::now();
    while !list().is_empty() && start.elapsed() < std::time::Duration::from_secs(30) {
        s.put("p", 150);
        s.put("p", 151);
    }
    assert_eq!(list(), [""; 0]);
    assert_eq!(s.value("a"), Some(1));
    assert_readable(&s);
}
