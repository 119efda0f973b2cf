//! A gc on a full disk: it writes the new pack before it deletes anything.

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::commands::outcome_of as command_outcome;
use super::disk::{BLOCK_BYTES, RESOURCES, Resource, SmallDisk};
use super::fixture::disk;
use super::repeat::{WriteOutcome, assert_readable, assert_tidy, repeat_until_it_fits, state};
use super::requests::{JSON, outcome_of as response_outcome};
use crate::support::server::Server;

const COMMANDS: [&[&str]; 2] = [&["gc", "--keep-history"], &["gc"]];

#[test]
fn a_gc_without_space_fails_with_5_and_deletes_nothing() {
    for resource in RESOURCES {
        for command in COMMANDS {
            let Some((disk, _)) = disk() else { return };
            let before = state(&disk);
            let fits = (0..100).find(|count| {
                disk.leave(resource, *count);
                let done = command_outcome(&disk.world.run(command), command) == WriteOutcome::Done;
                disk.world.fsck();
                assert!(done || state(&disk) == before);
                done
            });
            assert!(fits.is_some_and(|count| count > 0), "{command:?}: {fits:?}");
            disk.clear();
            assert_readable(&disk);
            disk.world.changes(command);
        }
    }
}

#[test]
fn a_gc_is_rejected_with_507_until_enough_space_is_free() {
    for resource in RESOURCES {
        for target in ["/api/v1/gc?keep_history=true", "/api/v1/gc"] {
            let Some((disk, _)) = disk() else { return };
            let server = Server::start(&disk.world, &[]);
            repeat_until_it_fits(&disk, resource, target, || {
                let response = server.send("POST", target, &[JSON], b"");
                response_outcome(&response, target)
            });
        }
    }
}

#[test]
fn a_gc_without_space_leaves_no_incomplete_pack() {
    let Some((disk, _)) = disk() else { return };
    // The first two runs write files that are kept on purpose.
    (0..2).for_each(|_| assert_fails(&disk, 3));
    for nth in 0..50 {
        let index = index_blocks(&disk);
        assert_fails(&disk, 3);
        assert_tidy(&disk, &format!("gc number {nth}"));
        assert_eq!(disk.free(Resource::Blocks) + index_blocks(&disk), 3 + index);
    }
}

/// Returns the blocks of the version index. SQLite enlarges its files while space is free, and deletes some when it closes.
fn index_blocks(disk: &SmallDisk) -> u64 {
    let directory = disk.world.root().join("wasmstore");
    let files = fs::read_dir(directory).unwrap().map(|file| file.unwrap());
    let index = files.filter(|file| file.file_name().to_string_lossy().starts_with("index"));
    index
        .map(|file| file.metadata().unwrap().blocks() * 512 / BLOCK_BYTES)
        .sum()
}

fn assert_fails(disk: &SmallDisk, blocks: u64) {
    disk.leave(Resource::Blocks, blocks);
    let command = COMMANDS[0];
    assert_eq!(
        command_outcome(&disk.world.run(command), command),
        WriteOutcome::NoSpace
    );
}
