//! Large uploads: spooled to the disk first, stored on their own.

use super::changes::{disk, incompressible};
use super::disk::{ROOMS, Room};
use super::requests::{JSON, tried};
use super::stepwise::{Tried, assert_tidy, state, until_it_fits};
use crate::support::server::Server;

/// Over what is kept in memory, which is 1 MiB.
const LARGE_BYTES: usize = 1_300_000;
/// Its blocks.
const LARGE_BLOCKS: u64 = 318;

#[test]
fn a_large_upload_that_finds_no_room_leaves_none_of_itself_behind() {
    let Some((disk, _)) = disk() else { return };
    let server = Server::start(&disk.world, &[]);
    let module = incompressible(9, LARGE_BYTES);
    let post = || server.send("POST", "/api/v1/module/large", &[JSON], &module);
    let before = state(&disk);
    // The bytes are there twice for a moment: in the spool, and deflated.
    let mut count = 0;
    while count < 4 * LARGE_BLOCKS {
        disk.leave(Room::Blocks, count);
        let tried = tried(&post(), "POST");
        disk.world.fsck();
        assert_tidy(&disk, &format!("{count}: {tried:?}"));
        if tried == Tried::Done {
            break;
        }
        assert_eq!(state(&disk), before);
        if count < LARGE_BLOCKS {
            assert_eq!(
                disk.left(Room::Blocks),
                count,
                "all of the room is free again"
            );
        }
        count += 45;
    }
    assert!((LARGE_BLOCKS..4 * LARGE_BLOCKS).contains(&count), "{count}");
    assert_eq!(server.get("/api/v1/module/large").body, module);
}

#[test]
fn a_large_upload_is_refused_until_there_are_inodes_for_it() {
    let Some((disk, _)) = disk() else { return };
    let server = Server::start(&disk.world, &[]);
    let module = incompressible(9, LARGE_BYTES);
    until_it_fits(&disk, Room::Inodes, "POST", || {
        tried(
            &server.send("POST", "/api/v1/module/large", &[JSON], &module),
            "POST",
        )
    });
    assert_eq!(server.get("/api/v1/module/large").body, module);
}

#[test]
fn the_same_failure_over_and_over_takes_no_more_room() {
    for room in ROOMS {
        let Some((disk, _)) = disk() else { return };
        let server = Server::start(&disk.world, &[]);
        for count in 0..8 {
            let module = incompressible(20 + count, 9000);
            let post = || {
                tried(
                    &server.send("POST", "/api/v1/module/e", &[JSON], &module),
                    "POST",
                )
            };
            disk.leave(room, count);
            if post() == Tried::Done {
                break;
            }
            // A pack may be left for which the lock file found no room: once, as there is no room for another then.
            let mut fell = 0;
            let mut left = disk.left(room);
            for _ in 0..5 {
                assert_eq!(post(), Tried::NoRoom, "{count} {room:?}");
                let now = disk.left(room);
                assert!(now <= left, "{count} {room:?}");
                fell += usize::from(now < left);
                left = now;
            }
            assert!(fell <= 1, "{count} {room:?}");
        }
        disk.clear();
        let put = server.send("POST", "/api/v1/module/e", &[], &incompressible(60, 100));
        assert_eq!(put.status, 200, "{}", put.text());
        disk.world.fsck();
    }
}
