//! A hostile client next to a well-behaved one.
//!
//! Each case makes the server hold as much memory as a client can cause. It checks that the resident memory stays below the memory budget
//! plus a fixed amount, and that the memory is released when the client has left. It prints a line of a table with the memory, the CPU
//! time, and the latencies of the well-behaved client, which requests one small module again and again.
//!
//! The short forms are small enough for every run. The long forms are `#[ignore]`d: see the table in CONTRIBUTING.md.

mod bodies;
mod neighbour;
mod observed;
mod unread;

use std::io::Write as _;
use std::process::Stdio;

use bodies::{import_list, stalled_zstd, type_group};
use observed::Case;
use unread::UnreadConnection;

use crate::support::program::{World, module};

/// The number of streams on one HTTP/2 connection.
const STREAMS: u32 = 100;

/// Returns a store with one module at many paths in one directory, and at `small`.
fn store_with_modules(count: usize) -> World {
    let world = World::with_store("sha1");
    world.add("small", 1);
    let hash = world.hash(1);
    let mut import = world
        .command("git")
        .arg("--git-dir")
        .arg(world.root())
        .args(["fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = std::io::BufWriter::new(import.stdin.take().unwrap());
    let head = "commit refs/heads/main\ncommitter a <a@b.c> 1700000000 +0000\ndata 0\nfrom refs/heads/main^0\n";
    input.write_all(head.as_bytes()).unwrap();
    for n in 0..count {
        writeln!(input, "M 100644 {hash} flat/module-{n:08}.wasm").unwrap();
    }
    drop(input);
    assert!(import.wait().unwrap().success());
    world
}

/// Lists modules on streams that are not read.
fn unread_lists(modules: usize, streams: u32, budget_mib: u64) {
    let world = store_with_modules(modules);
    let title = format!("{modules} modules listed on {streams} unread streams");
    Case::start(&world, &title, budget_mib).observe(|server| {
        let connections = (0..streams / STREAMS).map(|_| {
            let mut connection = UnreadConnection::open(server.address);
            (0..STREAMS).for_each(|_| connection.get("/api/v1/modules"));
            connection
        });
        connections.collect::<Vec<_>>()
    });
}

/// Requests modules of 1 MB on streams that are not read.
fn unread_modules(modules: u32, streams: u32, budget_mib: u64) {
    let world = World::with_store("sha1");
    world.add("small", 1);
    let title = format!("{modules} modules of 1 MB on {streams} unread streams");
    let case = Case::start(&world, &title, budget_mib);
    for n in 0..modules {
        let stored = case.post(&format!("large/{n}"), &[], &bodies::megabyte(n));
        assert_eq!(stored.status, 200, "{}", stored.text());
    }
    case.observe(|server| {
        let connections = (0..streams / STREAMS).map(|connection| {
            let mut unread = UnreadConnection::open(server.address);
            for stream in 0..STREAMS {
                let n = (connection * STREAMS + stream) % modules;
                unread.get(&format!("/api/v1/module/large/{n}"));
            }
            unread
        });
        connections.collect::<Vec<_>>()
    });
}

/// Begins uploads in zstd with the largest window, and stalls.
fn stalled_uploads(count: u32, budget_mib: u64) {
    let world = World::with_store("sha1");
    world.add("small", 1);
    let title = format!("{count} stalled zstd uploads with windows of 8 MiB");
    let body = stalled_zstd();
    Case::start(&world, &title, budget_mib).observe(|server| {
        let uploads = (0..count).map(|n| {
            let mut upload = server.connect();
            let head = format!(
                "POST /api/v1/module/stalled/{n} HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: zstd\r\nContent-Length: {}\r\n\r\n",
                body.len() * 2
            );
            // The server may refuse the upload before all of this is sent.
            let _ = upload.write_all(head.as_bytes()).and_then(|()| upload.write_all(&body));
            upload
        });
        uploads.collect::<Vec<_>>()
    });
}

/// Uploads modules with one recursion group of many types, at the same time.
fn type_groups(uploads: usize, types: u32, budget_mib: u64) {
    let world = World::with_store("sha1");
    world.add("small", 1);
    let title = format!("{uploads} uploads of a recursion group of {types} types");
    let body = type_group(types);
    Case::start(&world, &title, budget_mib).observe(|server| {
        let begun = (0..uploads).map(|n| {
            let mut upload = server.connect();
            let head = format!(
                "POST /api/v1/module/types/{n} HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            upload.write_all(head.as_bytes()).unwrap();
            upload.write_all(&body).unwrap();
            upload
        });
        begun.collect::<Vec<_>>()
    });
}

/// Requests the description of a module with many imports, whose names JSON makes longer, without reading it.
fn unread_info(imports: u32, streams: u32, budget_mib: u64) {
    let world = World::with_store("sha1");
    world.add("small", 1);
    let title = format!("/info of {imports} imports on {streams} unread streams");
    let case = Case::start(&world, &title, budget_mib);
    let stored = case.post(
        "imports",
        &["Content-Encoding: gzip"],
        &import_list(imports),
    );
    if stored.status != 200 {
        println!("{title}: the upload is refused: {}", stored.text());
        return;
    }
    case.observe(|server| {
        let mut connection = UnreadConnection::open(server.address);
        (0..streams).for_each(|_| connection.get("/api/v1/info/imports"));
        connection
    });
}

#[test]
fn unread_lists_stay_within_the_budget() {
    unread_lists(20_000, 200, 64);
}

#[test]
fn unread_modules_stay_within_the_budget() {
    unread_modules(60, 300, 16);
}

#[test]
fn stalled_uploads_stay_within_the_budget() {
    stalled_uploads(20, 64);
}

#[test]
fn type_groups_stay_within_the_budget() {
    type_groups(4, 100_000, 128);
}

#[test]
fn unread_info_stays_within_the_budget() {
    unread_info(50_000, 4, 128);
}

#[test]
#[ignore = "takes a minute"]
fn the_cases_of_the_long_form() {
    unread_lists(50_000, 500, 256);
    unread_modules(300, 1500, 256);
    stalled_uploads(200, 256);
    type_groups(12, 900_000, 512);
    unread_info(990_000, 2, 256);
}

#[test]
fn fast_import_makes_a_list() {
    let world = store_with_modules(3);
    let listed = world.ok(&["list"]);
    assert_eq!(listed.lines().count(), 4, "{listed}");
    assert_eq!(world.hash(1).len(), 40);
    assert!(!module(1).is_empty());
}
