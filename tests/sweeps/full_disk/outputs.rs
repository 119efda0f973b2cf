//! What is written beside the store: an output is there whole or not at all, and reads need no room.

use super::changes::{disk, incompressible};
use super::disk::{Disk, ROOMS, Room};
use super::stepwise::says_no_room;
use crate::support::program::reason;

#[test]
fn reading_commands_need_no_room() {
    for room in ROOMS {
        let Some((disk, content)) = disk() else {
            return;
        };
        let hash = content.hash.as_str();
        disk.leave(room, 0);
        for args in [
            &["find", "a/b.wasm"][..],
            &["hash", "a/b.wasm"],
            &["info", hash],
            &["list"],
            &["versions", "a/b.wasm"],
            &["version", "0", "a/b.wasm"],
            &["audit", "a/b.wasm"],
            &["log"],
            &["snapshot"],
            &["branch", "--list"],
        ] {
            let ran = disk.world.wasmstore(args).output().unwrap();
            assert_eq!(ran.status.code(), Some(0), "{args:?}: {ran:?}");
            assert!(!ran.stdout.is_empty() && ran.stderr.is_empty(), "{args:?}");
        }
    }
}

#[test]
fn a_file_without_room_is_not_begun() {
    let Some((disk, _)) = disk() else { return };
    let file = disk.world.root().with_file_name("found");
    assert_fails(&disk, &["find", "a/b.wasm", "-o", file.to_str().unwrap()]);
    assert!(!file.exists());
    assert_eq!(disk.left(Room::Blocks), 1);
}

#[test]
fn an_export_without_room_fails() {
    let Some((disk, _)) = disk() else { return };
    let folder = disk.world.root().with_file_name("exported");
    assert_fails(&disk, &["export", "-o", folder.to_str().unwrap()]);
}

#[test]
fn a_backup_without_room_is_not_begun() {
    let Some((disk, _)) = disk() else { return };
    let archive = disk.world.root().with_file_name("archive");
    assert_fails(&disk, &["backup", archive.to_str().unwrap()]);
    assert!(!archive.exists());
    assert_eq!(disk.left(Room::Blocks), 1);
}

/// An output is not the store: exit code 1.
#[track_caller]
fn assert_fails(disk: &Disk, args: &[&str]) {
    disk.leave(Room::Blocks, 1);
    let ran = disk.world.run(args);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
    let reason = reason(&ran.err, args);
    assert!(says_no_room(&reason), "{reason}");
}

#[test]
fn a_module_is_checked_out_whole_or_not_at_all() {
    for room in ROOMS {
        let Some((disk, _)) = disk() else { return };
        disk.leave(room, 1);
        let ran = disk.world.run(&["filename", "a/b.wasm"]);
        assert_eq!(ran.code, Some(5), "{ran:?}");
        assert!(says_no_room(&ran.err), "{}", ran.err);
        disk.clear();
        let file = disk.world.ok(&["filename", "a/b.wasm"]);
        let bytes = std::fs::read(file.trim_end()).unwrap();
        assert_eq!(bytes, incompressible(2, 9000));
    }
}
