//! Changes over HTTP: 507 and a problem document, and the same server goes on when there is room.

use super::changes::{Content, disk, incompressible};
use super::disk::{Disk, ROOMS, Room};
use super::stepwise::{Tried, says_no_room, until_it_fits};
use crate::support::server::{Answer, Server};

/// A method, what it is sent to, and the size of the module that is sent, if any. `HASH` and `OLD` stand for what the store has.
const CHANGES: [(&str, &str, usize); 10] = [
    ("POST", "module/e.wasm", 9000),
    ("POST", "module/a/f/g.wasm", 300),
    ("DELETE", "module/c.wasm", 0),
    ("POST", "hash/HASH/f/h.wasm", 0),
    ("POST", "restore/OLD/a/b.wasm", 0),
    ("POST", "rollback/a/b.wasm", 0),
    ("POST", "branch/new/one", 0),
    ("PUT", "branch/other", 0),
    ("DELETE", "branch/other", 0),
    ("POST", "merge/other", 0),
];

/// Errors are wanted as problem documents.
pub const JSON: &str = "Accept: application/json";

/// 200, or 507 as a client is told it.
#[track_caller]
pub fn tried(answer: &Answer, what: &str) -> Tried {
    match answer.status {
        200 => Tried::Done,
        507 => {
            assert_eq!(
                answer.header("content-type"),
                Some("application/problem+json")
            );
            let problem: serde_json::Value = serde_json::from_str(answer.text()).unwrap();
            assert_eq!(problem["type"], "about:blank");
            assert_eq!(problem["title"], "Insufficient Storage");
            assert_eq!(problem["status"], 507);
            let detail = problem["detail"].as_str().unwrap();
            assert!(says_no_room(detail), "{what}: {detail}");
            Tried::NoRoom
        }
        other => panic!("{what}: {other}: {}", answer.text()),
    }
}

/// Every change on a store of its own, with more and more room.
fn each_change(room: Room) {
    for (method, target, size_bytes) in CHANGES {
        let Some((disk, Content { hash, old })) = disk() else {
            return;
        };
        let server = Server::start(&disk.world, &[]);
        let target = target.replace("HASH", &hash).replace("OLD", &old);
        let target = format!("/api/v1/{target}");
        let body = match size_bytes {
            0 => Vec::new(),
            _ => incompressible(5, size_bytes),
        };
        let what = format!("{method} {target}");
        until_it_fits(&disk, room, &what, || {
            let answer = server.send(method, &target, &[JSON], &body);
            assert_reads(&server);
            tried(&answer, &what)
        });
        assert_takes_more(&disk, &server);
    }
}

/// What was there is answered, whatever room there is.
#[track_caller]
fn assert_reads(server: &Server) {
    for target in ["modules", "branches", "commits", "snapshot", "branch"] {
        assert_eq!(
            server.get(&format!("/api/v1/{target}")).status,
            200,
            "{target}"
        );
    }
    assert_eq!(server.get("/readyz").status, 200);
}

/// The server needs no new start to take changes again.
#[track_caller]
fn assert_takes_more(disk: &Disk, server: &Server) {
    for n in 10..13 {
        let put = server.send(
            "POST",
            &format!("/api/v1/module/more/{n}"),
            &[],
            &incompressible(n, 5000),
        );
        assert_eq!(put.status, 200, "{}", put.text());
    }
    disk.world.fsck();
}

#[test]
fn each_change_is_refused_with_507_until_there_are_blocks_for_it() {
    each_change(Room::Blocks);
}

#[test]
fn each_change_is_refused_with_507_until_there_are_inodes_for_it() {
    each_change(Room::Inodes);
}

#[test]
fn a_server_can_be_started_and_read_without_any_room() {
    for room in ROOMS {
        let Some((disk, content)) = disk() else {
            return;
        };
        disk.leave(room, 0);
        let server = Server::start(&disk.world, &[]);
        assert_reads(&server);
        assert_eq!(server.get("/api/v1/hash/a/b.wasm").text(), content.hash);
        let put = server.send(
            "POST",
            "/api/v1/module/e",
            &[JSON],
            &incompressible(5, 9000),
        );
        assert_eq!(tried(&put, "POST"), Tried::NoRoom);
        disk.clear();
        assert_takes_more(&disk, &server);
    }
}
