//! Many writers when the disk fills up under them.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::changes::incompressible;
use super::disk::{Disk, Room};
use super::requests::{JSON, tried};
use super::stepwise::{Tried, assert_readable, assert_tidy};
use crate::support::server::Server;

const WRITERS: u64 = 8;
/// More than there is room for.
const EACH_MAX: u64 = 200;

#[test]
fn what_many_writers_were_acknowledged_is_there_when_the_disk_is_full() {
    for (room, count) in [(Room::Blocks, 600), (Room::Inodes, 60)] {
        let Some(disk) = Disk::with_store() else {
            return;
        };
        let server = Server::start(&disk.world, &[]);
        disk.leave(room, count);
        let acknowledged = Mutex::new(BTreeMap::new());
        let put = |writer: u64, n: u64| {
            let seed = writer * 10_000 + n;
            let path = format!("/w{writer}/{n}.wasm");
            let module = incompressible(seed, 9000);
            let target = format!("/api/v1/module{path}");
            let answer = server.send("POST", &target, &[JSON], &module);
            let tried = tried(&answer, &path);
            if tried == Tried::Done {
                let hash = answer.text().to_owned();
                acknowledged.lock().unwrap().insert(path, hash);
            }
            tried
        };
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let put = &put;
                scope.spawn(move || {
                    // Each goes on for a while after the first refusal.
                    let refused = (0..EACH_MAX).filter(|n| put(writer, *n) == Tried::NoRoom);
                    assert_eq!(refused.take(5).count(), 5);
                });
            }
        });
        assert_agrees(&disk, &server, &acknowledged.lock().unwrap());
        disk.clear();
        for writer in 0..WRITERS {
            assert_eq!(put(writer, EACH_MAX), Tried::Done, "there is room again");
        }
        assert_agrees(&disk, &server, &acknowledged.lock().unwrap());
        disk.world.fsck();
        assert_readable(&disk);
        assert_tidy(&disk, "cleared");
    }
}

#[test]
fn what_is_put_together_in_the_background_needs_no_room_that_changes_need() {
    let Some(disk) = Disk::with_store() else {
        return;
    };
    let server = Server::start(&disk.world, &[]);
    // Room for more changes than are rolled up at a time, and not for a copy of them.
    disk.leave(Room::Blocks, 300);
    let mut acknowledged = BTreeMap::new();
    let mut put = |n: u64| {
        let path = format!("/{n}.wasm");
        let target = format!("/api/v1/module{path}");
        let answer = server.send("POST", &target, &[JSON], &incompressible(n, 9000));
        let tried = tried(&answer, &path);
        if tried == Tried::Done {
            acknowledged.insert(path, answer.text().to_owned());
        }
        tried
    };
    let refused = (0..EACH_MAX).filter(|n| put(*n) == Tried::NoRoom);
    assert_eq!(refused.take(20).count(), 20);
    disk.clear();
    for n in EACH_MAX..EACH_MAX + 70 {
        assert_eq!(put(n), Tried::Done, "there is room again");
    }
    assert_agrees(&disk, &server, &acknowledged);
    disk.world.fsck();
    assert_readable(&disk);
    // Whatever is being put together ends with the server or before.
    server.signal("TERM");
    assert_eq!(server.wait().0, Some(0));
    assert_tidy(&disk, "stopped");
}

/// The store has what was acknowledged, a commit of each, and nothing else.
fn assert_agrees(disk: &Disk, server: &Server, acknowledged: &BTreeMap<String, String>) {
    let listed = server.get("/api/v1/modules");
    let listed: BTreeMap<String, String> = serde_json::from_str(listed.text()).unwrap();
    assert_eq!(&listed, acknowledged);
    let commits = disk.world.git(&["rev-list", "--count", "HEAD"]);
    assert_eq!(commits, (acknowledged.len() + 1).to_string());
}
