//! Many writers while the disk fills up.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::disk::{Resource, SmallDisk};
use super::fixture::incompressible;
use super::repeat::{WriteOutcome, assert_readable, assert_tidy};
use super::requests::{JSON, outcome_of};
use crate::support::server::Server;

const WRITERS: u64 = 8;
/// More modules per writer than fit on the disk.
const EACH_MAX: u64 = 200;

#[test]
fn acknowledged_writes_are_stored_when_the_disk_fills_up() {
    for (resource, count) in [(Resource::Blocks, 600), (Resource::Inodes, 60)] {
        let Some(disk) = SmallDisk::with_store() else {
            return;
        };
        let server = Server::start(&disk.world, &[]);
        disk.leave(resource, count);
        let acknowledged = Mutex::new(BTreeMap::new());
        let put = |writer: u64, n: u64| {
            let seed = writer * 10_000 + n;
            let path = format!("/w{writer}/{n}.wasm");
            let module = incompressible(seed, 9000);
            let target = format!("/api/v1/module{path}");
            let response = server.send("POST", &target, &[JSON], &module);
            let outcome = outcome_of(&response, &path);
            if outcome == WriteOutcome::Done {
                let hash = response.text().to_owned();
                acknowledged.lock().unwrap().insert(path, hash);
            }
            outcome
        };
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let put = &put;
                scope.spawn(move || {
                    // Each writer continues for a while after the first failure.
                    let failures =
                        (0..EACH_MAX).filter(|n| put(writer, *n) == WriteOutcome::NoSpace);
                    assert_eq!(failures.take(5).count(), 5);
                });
            }
        });
        assert_agrees(&disk, &server, &acknowledged.lock().unwrap());
        disk.clear();
        for writer in 0..WRITERS {
            assert_eq!(
                put(writer, EACH_MAX),
                WriteOutcome::Done,
                "space is free again"
            );
        }
        assert_agrees(&disk, &server, &acknowledged.lock().unwrap());
        disk.world.fsck();
        assert_readable(&disk);
        assert_tidy(&disk, "cleared");
    }
}

#[test]
fn a_background_roll_up_does_not_use_the_space_of_changes() {
    let Some(disk) = SmallDisk::with_store() else {
        return;
    };
    let server = Server::start(&disk.world, &[]);
    // Space for more changes than a roll-up copies, but not for the copy.
    disk.leave(Resource::Blocks, 300);
    let mut acknowledged = BTreeMap::new();
    let mut put = |n: u64| {
        let path = format!("/{n}.wasm");
        let target = format!("/api/v1/module{path}");
        let response = server.send("POST", &target, &[JSON], &incompressible(n, 9000));
        let outcome = outcome_of(&response, &path);
        if outcome == WriteOutcome::Done {
            acknowledged.insert(path, response.text().to_owned());
        }
        outcome
    };
    let failures = (0..EACH_MAX).filter(|n| put(*n) == WriteOutcome::NoSpace);
    assert_eq!(failures.take(20).count(), 20);
    disk.clear();
    for n in EACH_MAX..EACH_MAX + 70 {
        assert_eq!(put(n), WriteOutcome::Done, "space is free again");
    }
    assert_agrees(&disk, &server, &acknowledged);
    disk.world.fsck();
    assert_readable(&disk);
    // A running roll-up ends at the latest when the server stops.
    server.signal("TERM");
    assert_eq!(server.wait().0, Some(0));
    assert_tidy(&disk, "stopped");
}

/// Asserts that the store has exactly the acknowledged modules, with one commit each.
fn assert_agrees(disk: &SmallDisk, server: &Server, acknowledged: &BTreeMap<String, String>) {
    let response = server.get("/api/v1/modules");
    let listed: BTreeMap<String, String> = serde_json::from_str(response.text()).unwrap();
    assert_eq!(&listed, acknowledged);
    let commits = disk.world.git(&["rev-list", "--count", "HEAD"]);
    assert_eq!(commits, (acknowledged.len() + 1).to_string());
}
