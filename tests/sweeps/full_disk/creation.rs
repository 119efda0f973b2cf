//! Creation of a store on a full disk.

use super::commands::outcome_of;
use super::disk::{RESOURCES, SmallDisk};
use super::fixture::incompressible;
use super::repeat::{WriteOutcome, assert_readable, assert_tidy, is_no_space};
use crate::support::program::reason;

const TRIES_MAX: u64 = 200;

#[test]
fn an_incomplete_creation_is_repeated_by_the_next_command() {
    for resource in RESOURCES {
        for command in [
            &["init"][..],
            &["add", "m", "a.wasm"],
            &["init", "--object-format", "sha256"],
        ] {
            let Some(disk) = SmallDisk::empty() else {
                return;
            };
            disk.world.file("m", incompressible(1, 5000));
            let fits = (0..TRIES_MAX).find(|count| {
                disk.leave(resource, *count);
                let outcome = outcome_of(&disk.world.run(command), command);
                // An incomplete store reads as an empty store.
                assert!(outcome == WriteOutcome::Done || disk.world.ok(&["list"]).is_empty());
                outcome == WriteOutcome::Done
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
fn a_server_does_not_start_if_its_store_cannot_be_created() {
    for resource in RESOURCES {
        let Some(disk) = SmallDisk::empty() else {
            return;
        };
        disk.leave(resource, 0);
        let args = ["server", "--port", "0"];
        let ran = disk.world.run(&args);
        assert_eq!(ran.code, Some(5), "{ran:?}");
        let reason = reason(&ran.err, &args);
        assert!(is_no_space(&reason), "{reason}");
        disk.clear();
        assert_eq!(disk.world.ok(&["list"]), "");
    }
}
