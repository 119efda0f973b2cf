//! Creating a store where there is no room for one.

use super::changes::incompressible;
use super::commands::tried;
use super::disk::{Disk, ROOMS};
use super::stepwise::{Tried, assert_readable, assert_tidy, says_no_room};
use crate::support::program::reason;

const TRIES_MAX: u64 = 200;

#[test]
fn a_creation_that_found_no_room_is_done_again_by_the_next() {
    for room in ROOMS {
        for command in [
            &["init"][..],
            &["add", "m", "a.wasm"],
            &["init", "--object-format", "sha256"],
        ] {
            let Some(disk) = Disk::empty() else { return };
            disk.world.file("m", incompressible(1, 5000));
            let fits = (0..TRIES_MAX).find(|count| {
                disk.leave(room, *count);
                let tried = tried(&disk.world.run(command), command);
                // What is half there reads as an empty store.
                assert!(tried == Tried::Done || disk.world.ok(&["list"]).is_empty());
                tried == Tried::Done
            });
            assert!(fits.is_some_and(|count| count > 0), "{command:?}: {fits:?}");
            disk.clear();
            assert_readable(&disk);
            assert_tidy(&disk, "created");
            disk.world.changes(&["add", "m", "b.wasm"]);
        }
    }
}

#[test]
fn a_server_does_not_start_where_its_store_cannot_be_created() {
    for room in ROOMS {
        let Some(disk) = Disk::empty() else { return };
        disk.leave(room, 0);
        let args = ["server", "--port", "0"];
        let ran = disk.world.run(&args);
        assert_eq!(ran.code, Some(5), "{ran:?}");
        let reason = reason(&ran.err, &args);
        assert!(says_no_room(&reason), "{reason}");
        disk.clear();
        assert_eq!(disk.world.ok(&["list"]), "");
    }
}
