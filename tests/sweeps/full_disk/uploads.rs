//! Large uploads, which are spooled to disk and stored as loose objects.

use super::disk::{RESOURCES, Resource};
use super::fixture::{disk, incompressible};
use super::repeat::{WriteOutcome, assert_tidy, repeat_until_it_fits, state};
use super::requests::{JSON, outcome_of};
use crate::support::server::Server;

/// More than the 1 MiB that is spooled in memory.
const LARGE_BYTES: usize = 1_300_000;
/// The blocks of such a module.
const LARGE_BLOCKS: u64 = 318;

#[test]
fn a_large_upload_without_space_leaves_nothing_behind() {
    let Some((disk, _)) = disk() else { return };
    let server = Server::start(&disk.world, &[]);
    let module = incompressible(9, LARGE_BYTES);
    let post = || server.send("POST", "/api/v1/module/large", &[JSON], &module);
    let before = state(&disk);
    // The bytes are on disk twice for a moment: in the spool, and in the object.
    let mut count = 0;
    while count < 4 * LARGE_BLOCKS {
        disk.leave(Resource::Blocks, count);
        let outcome = outcome_of(&post(), "POST");
        disk.world.fsck();
        assert_tidy(&disk, &format!("{count}: {outcome:?}"));
        if outcome == WriteOutcome::Done {
            break;
        }
        assert_eq!(state(&disk), before);
        if count < LARGE_BLOCKS {
            assert_eq!(
                disk.free(Resource::Blocks),
                count,
                "all of the space is free again"
            );
        }
        count += 45;
    }
    assert!((LARGE_BLOCKS..4 * LARGE_BLOCKS).contains(&count), "{count}");
    assert_eq!(server.get("/api/v1/module/large").body, module);
}

#[test]
fn a_large_upload_is_rejected_until_enough_inodes_are_free() {
    let Some((disk, _)) = disk() else { return };
    let server = Server::start(&disk.world, &[]);
    let module = incompressible(9, LARGE_BYTES);
    repeat_until_it_fits(&disk, Resource::Inodes, "POST", || {
        outcome_of(
            &server.send("POST", "/api/v1/module/large", &[JSON], &module),
            "POST",
        )
    });
    assert_eq!(server.get("/api/v1/module/large").body, module);
}

#[test]
fn repeated_failures_use_no_more_space() {
    for resource in RESOURCES {
        let Some((disk, _)) = disk() else { return };
        let server = Server::start(&disk.world, &[]);
        for count in 0..8 {
            let module = incompressible(20 + count, 9000);
            let post = || {
                outcome_of(
                    &server.send("POST", "/api/v1/module/e", &[JSON], &module),
                    "POST",
                )
            };
            disk.leave(resource, count);
            if post() == WriteOutcome::Done {
                break;
            }
            // A pack may remain if there was no space for the lock file of the ref. This happens once, because then there is no space for
            // a second pack.
            let mut decreases = 0;
            let mut free = disk.free(resource);
            for _ in 0..5 {
                assert_eq!(post(), WriteOutcome::NoSpace, "{count} {resource:?}");
                let now = disk.free(resource);
                assert!(now <= free, "{count} {resource:?}");
                decreases += usize::from(now < free);
                free = now;
            }
            assert!(decreases <= 1, "{count} {resource:?}");
        }
        disk.clear();
        let put = server.send("POST", "/api/v1/module/e", &[], &incompressible(60, 100));
        assert_eq!(put.status, 200, "{}", put.text());
        disk.world.fsck();
    }
}
