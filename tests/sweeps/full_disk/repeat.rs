//! Repeats a change with a little more free space each time, and checks the store after each attempt.

use std::fs;
use std::path::{Path, PathBuf};

use super::disk::{Resource, SmallDisk};

/// More than any of the changes needs.
const RESOURCE_MAX: u64 = 300;
/// Up to this amount, the free space grows by one per attempt, then by three.
const SINGLE_STEPS: u64 = 12;

/// The outcome of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteOutcome {
    Done,
    NoSpace,
}

/// Returns whether an error text reports a full disk, in the words of the system, of Rust or of git.
pub fn is_no_space(reason: &str) -> bool {
    let texts = [
        "No space left on device",
        "no storage space",
        "Out of diskspace",
    ];
    texts.iter().any(|text| reason.contains(text))
}

/// Attempts a change without free space, and then with a little more each time until it succeeds. Asserts that each failed attempt leaves
/// the store unchanged.
pub fn repeat_until_it_fits(
    disk: &SmallDisk,
    resource: Resource,
    what: &str,
    attempt: impl Fn() -> WriteOutcome,
) {
    let before = state(disk);
    for count in (0..SINGLE_STEPS).chain((SINGLE_STEPS..RESOURCE_MAX).step_by(3)) {
        disk.leave(resource, count);
        let outcome = attempt();
        let attempted = format!("{what}, {count} {resource:?}: {outcome:?}");
        disk.world.fsck();
        assert_tidy(disk, &attempted);
        if outcome == WriteOutcome::Done {
            disk.clear();
            assert_readable(disk);
            return;
        }
        assert_eq!(state(disk), before, "{attempted}");
    }
    panic!("{what} fails with {RESOURCE_MAX} {resource:?}");
}

/// Returns the refs and the list of modules.
pub fn state(disk: &SmallDisk) -> String {
    let refs = disk.world.git(&["for-each-ref"]);
    let head = fs::read_to_string(disk.world.root().join("HEAD")).unwrap();
    let list = disk.world.ok(&["list"]);
    format!("{head}{refs}\n{list}")
}

/// Asserts that the program reads every listed module, with the hash that git computes.
#[track_caller]
pub fn assert_readable(disk: &SmallDisk) {
    let world = &disk.world;
    for line in world.ok(&["list"]).lines() {
        let (hash, path) = line.split_once('\t').unwrap();
        let file = world.path("found");
        world.ok(&["find", path, "-o", file.to_str().unwrap()]);
        let found = world.git(&["hash-object", "--no-filters", file.to_str().unwrap()]);
        assert_eq!(found, hash, "{path}");
    }
}

/// Asserts that the store contains no incomplete files.
#[track_caller]
pub fn assert_tidy(disk: &SmallDisk, what: &str) {
    let root = disk.world.root();
    let mut left = Vec::new();
    for part in ["", "refs", "objects", "wasmstore/tmp", "wasmstore/gc"] {
        find_leftovers(&root.join(part), part, &mut left);
    }
    assert!(left.is_empty(), "{what}: {left:?}");
}

/// Finds files in a part of the store that exist only during a write.
fn find_leftovers(directory: &Path, part: &str, left: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_str().unwrap();
        if path.is_dir() && !part.is_empty() {
            find_leftovers(&path, part, left);
        }
        let is_left = match part {
            "" | "refs" => name.ends_with(".lock") || name.starts_with(".tmp"),
            "objects" => {
                let is_temporary = name.starts_with("tmp") || name.starts_with(".tmp");
                is_temporary || is_half_a_pack(&path) || path.metadata().unwrap().len() == 0
            }
            _ => true,
        };
        if path.is_file() && is_left {
            left.push(path);
        }
    }
}

/// Returns whether the file is a pack without its index, or the reverse.
fn is_half_a_pack(file: &Path) -> bool {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("pack") => !file.with_extension("idx").exists(),
        Some("idx" | "rev") => !file.with_extension("pack").exists(),
        _ => false,
    }
}
