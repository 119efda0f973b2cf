//! Trying a change with a little more room each time, and what must hold after each try.

use std::fs;
use std::path::{Path, PathBuf};

use super::disk::{Disk, Room};

/// More room than any change here takes.
const ROOM_MAX: u64 = 300;
/// Up to here the room is given out one by one, then by threes.
const CLOSELY: u64 = 12;

/// How a try ended that did not end in any wrong way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    Done,
    NoRoom,
}

/// Whether a reason says that there is no room, in the system's words, Rust's or git's.
pub fn says_no_room(reason: &str) -> bool {
    let words = [
        "No space left on device",
        "no storage space",
        "Out of diskspace",
    ];
    words.iter().any(|words| reason.contains(words))
}

/// Tries a change with no room at all, and then with a bit more each time until it is done. Each time that it is not, the store is
/// as it was.
pub fn until_it_fits(disk: &Disk, room: Room, what: &str, attempt: impl Fn() -> Tried) {
    let before = state(disk);
    for count in (0..CLOSELY).chain((CLOSELY..ROOM_MAX).step_by(3)) {
        disk.leave(room, count);
        let tried = attempt();
        let what = format!("{what}, {count} {room:?}: {tried:?}");
        disk.world.fsck();
        assert_tidy(disk, &what);
        if tried == Tried::Done {
            disk.clear();
            assert_readable(disk);
            return;
        }
        assert_eq!(state(disk), before, "{what}");
    }
    panic!("{what} fails with {ROOM_MAX} {room:?}");
}

/// What the refs say, and which modules that makes.
pub fn state(disk: &Disk) -> String {
    let refs = disk.world.git(&["for-each-ref"]);
    let head = fs::read_to_string(disk.world.root().join("HEAD")).unwrap();
    let list = disk.world.ok(&["list"]);
    format!("{head}{refs}\n{list}")
}

/// The program reads every module that it lists, as git would hash it.
#[track_caller]
pub fn assert_readable(disk: &Disk) {
    let world = &disk.world;
    for line in world.ok(&["list"]).lines() {
        let (hash, path) = line.split_once('\t').unwrap();
        let file = world.path("found");
        world.ok(&["find", path, "-o", file.to_str().unwrap()]);
        let found = world.git(&["hash-object", "--no-filters", file.to_str().unwrap()]);
        assert_eq!(found, hash, "{path}");
    }
}

/// Nothing half-written lies about.
#[track_caller]
pub fn assert_tidy(disk: &Disk, what: &str) {
    let root = disk.world.root();
    let mut left = Vec::new();
    for folder in ["", "refs", "objects", "wasmstore/tmp", "wasmstore/gc"] {
        leftovers(&root.join(folder), folder, &mut left);
    }
    assert!(left.is_empty(), "{what}: {left:?}");
}

/// Files that only somebody who writes at this moment may have in this part of the store.
fn leftovers(at: &Path, part: &str, left: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(at).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_str().unwrap();
        if path.is_dir() && !part.is_empty() {
            leftovers(&path, part, left);
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

/// A pack without its index, or the reverse.
fn is_half_a_pack(file: &Path) -> bool {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("pack") => !file.with_extension("idx").exists(),
        Some("idx" | "rev") => !file.with_extension("pack").exists(),
        _ => false,
    }
}
