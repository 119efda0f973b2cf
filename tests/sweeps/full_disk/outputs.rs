//! Output files on a full disk: an output is complete or absent, and reads need no space.

use super::disk::{RESOURCES, Resource, SmallDisk};
use super::fixture::{disk, incompressible};
use super::repeat::is_no_space;
use crate::support::program::reason;

#[test]
fn reading_commands_need_no_space() {
    for resource in RESOURCES {
        let Some((disk, content)) = disk() else {
            return;
        };
        let hash = content.hash.as_str();
        disk.leave(resource, 0);
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
fn an_output_file_without_space_is_not_created() {
    let Some((disk, _)) = disk() else { return };
    let file = disk.world.root().with_file_name("found");
    assert_fails(&disk, &["find", "a/b.wasm", "-o", file.to_str().unwrap()]);
    assert!(!file.exists());
    assert_eq!(disk.free(Resource::Blocks), 1);
}

#[test]
fn an_export_without_space_fails() {
    let Some((disk, _)) = disk() else { return };
    let directory = disk.world.root().with_file_name("exported");
    assert_fails(&disk, &["export", "-o", directory.to_str().unwrap()]);
}

#[test]
fn a_backup_without_space_is_not_created() {
    let Some((disk, _)) = disk() else { return };
    let archive = disk.world.root().with_file_name("archive");
    assert_fails(&disk, &["backup", archive.to_str().unwrap()]);
    assert!(!archive.exists());
    assert_eq!(disk.free(Resource::Blocks), 1);
}

/// Asserts exit code 1, because the full disk is that of the output, not of the store.
#[track_caller]
fn assert_fails(disk: &SmallDisk, args: &[&str]) {
    disk.leave(Resource::Blocks, 1);
    let ran = disk.world.run(args);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
    let reason = reason(&ran.err, args);
    assert!(is_no_space(&reason), "{reason}");
}

#[test]
fn a_checked_out_module_is_complete_or_absent() {
    for resource in RESOURCES {
        let Some((disk, _)) = disk() else { return };
        disk.leave(resource, 1);
        let ran = disk.world.run(&["filename", "a/b.wasm"]);
        assert_eq!(ran.code, Some(5), "{ran:?}");
        assert!(is_no_space(&ran.err), "{}", ran.err);
        disk.clear();
        let file = disk.world.ok(&["filename", "a/b.wasm"]);
        let bytes = std::fs::read(file.trim_end()).unwrap();
        assert_eq!(bytes, incompressible(2, 9000));
    }
}
