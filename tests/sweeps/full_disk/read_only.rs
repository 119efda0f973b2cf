//! A file system that becomes read-only, as the kernel makes it after errors: reads still work, changes are rejected.

use super::fixture::{StoreContent, disk, incompressible};
use super::repeat::{assert_readable, assert_tidy, state};
use super::requests::JSON;
use crate::support::program::reason;
use crate::support::server::Server;

#[test]
fn a_server_still_reads_and_accepts_changes_again_when_writable() {
    let Some((disk, content)) = disk() else {
        return;
    };
    let server = Server::start(&disk.world, &[]);
    let before = state(&disk);
    disk.make_read_only();
    assert_rejects_changes(&server, &content);
    // A server that starts on the read-only disk behaves in the same way.
    assert_rejects_changes(&Server::start(&disk.world, &[]), &content);
    assert_eq!(state(&disk), before);
    disk.world.fsck();
    assert_readable(&disk);
    assert_tidy(&disk, "read-only");
    disk.make_writable();
    let put = server.send("POST", "/api/v1/module/e", &[], &incompressible(5, 9000));
    assert_eq!(put.status, 200, "{}", put.text());
    disk.world.fsck();
    assert_readable(&disk);
    assert_tidy(&disk, "written again");
}

#[track_caller]
fn assert_rejects_changes(server: &Server, content: &StoreContent) {
    let hash = content.hash.as_str();
    for (method, target, body) in [
        ("POST", "module/e", incompressible(5, 9000)),
        ("POST", "module/large", incompressible(5, 2 << 20)),
        ("DELETE", "module/c.wasm", Vec::new()),
        ("POST", &format!("hash/{hash}/e"), Vec::new()),
        ("POST", "rollback", Vec::new()),
        ("POST", "branch/new", Vec::new()),
        ("PUT", "branch/other", Vec::new()),
        ("DELETE", "branch/other", Vec::new()),
        ("POST", "merge/other", Vec::new()),
        ("POST", "gc", Vec::new()),
    ] {
        let response = server.send(method, &format!("/api/v1/{target}"), &[JSON], &body);
        assert_eq!(
            response.status,
            403,
            "{method} {target}: {}",
            response.text()
        );
        let problem: serde_json::Value = serde_json::from_str(response.text()).unwrap();
        assert_eq!(
            problem["detail"], "the store is read-only",
            "{method} {target}"
        );
    }
    assert_eq!(server.get("/api/v1/hash/a/b.wasm").text(), hash);
    assert_eq!(
        server.get("/api/v1/module/c.wasm").body,
        incompressible(3, 9000)
    );
    assert_eq!(server.get("/readyz").status, 200);
}

#[test]
fn commands_still_read_and_reject_changes_with_5() {
    let Some((disk, content)) = disk() else {
        return;
    };
    let world = &disk.world;
    world.file("new", incompressible(5, 9000));
    let before = state(&disk);
    disk.make_read_only();
    for args in [
        &["add", "new", "e"][..],
        &["set", content.hash.as_str(), "e"],
        &["remove", "c.wasm"],
        &["rollback"],
        &["branch", "new"],
        &["branch", "--default", "other"],
        &["branch", "other", "--delete"],
        &["merge", "other"],
        &["gc"],
        &["gc", "--keep-history"],
        &["filename", "c.wasm"],
    ] {
        let ran = world.run(args);
        assert_eq!(
            (ran.code, ran.out.as_str()),
            (Some(5), ""),
            "{args:?}: {ran:?}"
        );
        let reason = reason(&ran.err, args);
        assert!(says_read_only(&reason), "{args:?}: {reason}");
    }
    assert_eq!(state(&disk), before);
    let archive = world.path("archive.tar.gz");
    world.ok(&["backup", archive.to_str().unwrap()]);
    disk.make_writable();
    world.changes(&["add", "new", "e"]);
}

/// In the system's words or in Rust's.
fn says_read_only(reason: &str) -> bool {
    reason.contains("Read-only file system") || reason.contains("read-only filesystem")
}
