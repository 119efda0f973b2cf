//! Collecting garbage needs room for the new pack first.

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::changes::disk;
use super::commands::tried as ran;
use super::disk::{BLOCK_BYTES, Disk, ROOMS, Room};
use super::requests::{JSON, tried as answered};
use super::stepwise::{Tried, assert_readable, assert_tidy, state, until_it_fits};
use crate::support::server::Server;

const COMMANDS: [&[&str]; 2] = [&["gc", "--keep-history"], &["gc"]];

#[test]
fn a_gc_without_room_fails_with_5_and_deletes_nothing() {
    for room in ROOMS {
        for command in COMMANDS {
            let Some((disk, _)) = disk() else { return };
            let before = state(&disk);
            let fits = (0..100).find(|count| {
                disk.leave(room, *count);
                let done = ran(&disk.world.run(command), command) == Tried::Done;
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
fn a_gc_is_refused_with_507_until_there_is_room_for_it() {
    for room in ROOMS {
        for target in ["/api/v1/gc?keep_history=true", "/api/v1/gc"] {
            let Some((disk, _)) = disk() else { return };
            let server = Server::start(&disk.world, &[]);
            until_it_fits(&disk, room, target, || {
                let answer = server.send("POST", target, &[JSON], b"");
                answered(&answer, target)
            });
        }
    }
}

#[test]
fn a_gc_that_found_no_room_leaves_no_half_a_pack() {
    let Some((disk, _)) = disk() else { return };
    // What the first ones write and leave on purpose is there.
    (0..2).for_each(|_| assert_fails(&disk, 3));
    for nth in 0..50 {
        let index = index_blocks(&disk);
        assert_fails(&disk, 3);
        assert_tidy(&disk, &format!("gc number {nth}"));
        assert_eq!(disk.left(Room::Blocks) + index_blocks(&disk), 3 + index);
    }
}

/// What the version index takes: SQLite makes its files as large as there is room for, and removes some when it is done.
fn index_blocks(disk: &Disk) -> u64 {
    let folder = disk.world.root().join("wasmstore");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap());
    let index = files.filter(|file| file.file_name().to_string_lossy().starts_with("index"));
    index
        .map(|file| file.metadata().unwrap().blocks() * 512 / BLOCK_BYTES)
        .sum()
}

fn assert_fails(disk: &Disk, blocks: u64) {
    disk.leave(Room::Blocks, blocks);
    let command = COMMANDS[0];
    assert_eq!(ran(&disk.world.run(command), command), Tried::NoRoom);
}
