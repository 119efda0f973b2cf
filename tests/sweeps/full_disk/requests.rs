//! Changes over HTTP: 507 with a problem document. The same server accepts changes again when space is free.

use super::disk::{RESOURCES, Resource, SmallDisk};
use super::fixture::{StoreContent, disk, incompressible};
use super::repeat::{WriteOutcome, is_no_space, repeat_until_it_fits};
use crate::support::server::{Response, Server};

/// The method, the URL path, and the size of the module in the body, or 0. `HASH` and `OLD` are replaced by those of [`StoreContent`].
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

/// Requests errors as problem documents.
pub const JSON: &str = "Accept: application/json";

/// Returns the outcome of a request: 200, or 507 with a problem document.
#[track_caller]
pub fn outcome_of(response: &Response, what: &str) -> WriteOutcome {
    match response.status {
        200 => WriteOutcome::Done,
        507 => {
            assert_eq!(
                response.header("content-type"),
                Some("application/problem+json")
            );
            let problem: serde_json::Value = serde_json::from_str(response.text()).unwrap();
            assert_eq!(problem["type"], "about:blank");
            assert_eq!(problem["title"], "Insufficient Storage");
            assert_eq!(problem["status"], 507);
            let detail = problem["detail"].as_str().unwrap();
            assert!(is_no_space(detail), "{what}: {detail}");
            WriteOutcome::NoSpace
        }
        other => panic!("{what}: {other}: {}", response.text()),
    }
}

/// Repeats each change, on a new store, with more and more of the resource.
fn each_change(resource: Resource) {
    for (method, target, size_bytes) in CHANGES {
        let Some((disk, StoreContent { hash, old })) = disk() else {
            return;
        };
        let server = Server::start(&disk.world, &[]);
        let path = target.replace("HASH", &hash).replace("OLD", &old);
        let url = format!("/api/v1/{path}");
        let body = match size_bytes {
            0 => Vec::new(),
            _ => incompressible(5, size_bytes),
        };
        let what = format!("{method} {url}");
        repeat_until_it_fits(&disk, resource, &what, || {
            let response = server.send(method, &url, &[JSON], &body);
            assert_reads(&server);
            outcome_of(&response, &what)
        });
        assert_accepts_changes(&disk, &server);
    }
}

/// Asserts that reads work.
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

/// Asserts that the server accepts changes again, without a restart.
#[track_caller]
fn assert_accepts_changes(disk: &SmallDisk, server: &Server) {
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
fn each_change_is_rejected_with_507_until_enough_blocks_are_free() {
    each_change(Resource::Blocks);
}

#[test]
fn each_change_is_rejected_with_507_until_enough_inodes_are_free() {
    each_change(Resource::Inodes);
}

#[test]
fn a_server_starts_and_reads_without_free_space() {
    for resource in RESOURCES {
        let Some((disk, content)) = disk() else {
            return;
        };
        disk.leave(resource, 0);
        let server = Server::start(&disk.world, &[]);
        assert_reads(&server);
        assert_eq!(server.get("/api/v1/hash/a/b.wasm").text(), content.hash);
        let put = server.send(
            "POST",
            "/api/v1/module/e",
            &[JSON],
            &incompressible(5, 9000),
        );
        assert_eq!(outcome_of(&put, "POST"), WriteOutcome::NoSpace);
        disk.clear();
        assert_accepts_changes(&disk, &server);
    }
}
