//! The memory, the CPU time and the permits that clients of git can use up.

use std::io::Write as _;
use std::net::TcpStream;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::{FETCH, PUSH, git_ok, request, serve_with_script, url, wait_until};
use crate::support::program::World;
use crate::support::server::Server;

/// Returns a packet line (gitprotocol-common(5)).
fn packet(text: &str) -> String {
    format!("{:04x}{text}", text.len() + 4)
}

/// Returns a variable-length number with seven bits per byte, the lowest first (gitformat-pack(5)).
fn number(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// Returns a pack entry; `base_distance` is the distance from the start of this entry to that of its base.
fn entry(kind: u8, base_distance: Option<usize>, data: &[u8]) -> Vec<u8> {
    let mut size = data.len() as u64;
    let mut entry = vec![kind << 4 | (size & 15) as u8];
    size >>= 4;
    if size > 0 {
        entry[0] |= 0x80;
        entry.extend(number(size));
    }
    if let Some(mut distance) = base_distance {
        let mut bytes = vec![(distance & 0x7f) as u8];
        while distance >> 7 > 0 {
            distance = (distance >> 7) - 1;
            bytes.insert(0, 0x80 | (distance & 0x7f) as u8);
        }
        entry.extend(bytes);
    }
    let mut zlib = ZlibEncoder::new(entry, Compression::best());
    zlib.write_all(data).unwrap();
    zlib.finish().unwrap()
}

/// Returns a pack of a blob of 64 KiB and a chain of deltas, each of which copies its base 32 times. The last object has 2 GiB.
fn delta_bomb() -> Vec<u8> {
    const COPIES: u64 = 32;
    let mut size = 1 << 16;
    let mut entries = vec![entry(3, None, &vec![0; 1 << 16])];
    for _ in 0..3 {
        let mut delta = [number(size), number(size * COPIES)].concat();
        for _ in 0..COPIES {
            // Copies `piece` bytes from the start of the base, with all size bytes; the largest piece has 2^24 - 1 bytes.
            let mut left = size;
            while left > 0 {
                let piece = left.min(0xff_ffff);
                delta.push(0xf0);
                delta.extend(&piece.to_le_bytes()[..3]);
                left -= piece;
            }
        }
        let base_bytes = entries.last().unwrap().len();
        entries.push(entry(6, Some(base_bytes), &delta));
        size *= COPIES;
    }
    assert_eq!(size, 2 << 30);
    let header = [
        &b"PACK\0\0\0\x02"[..],
        &(entries.len() as u32).to_be_bytes(),
    ]
    .concat();
    let mut pack = [header, entries.concat()].concat();
    let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
    hasher.update(&pack);
    pack.extend(hasher.try_finalize().unwrap().as_bytes());
    pack
}

#[test]
fn a_small_pack_of_huge_objects_cannot_exceed_the_memory_limit() {
    let world = World::with_store("sha1");
    let args = ["--git-memory-mib", "160"];
    let server = Server::start(&world, &args);
    let (old, new) = (world.tip(), "1".repeat(40));
    let update = format!("{old} {new} refs/heads/main\0report-status side-band-64k");
    let pack = delta_bomb();
    assert!(pack.len() < 1000, "{}", pack.len());
    let body = [packet(&update).as_bytes(), b"0000", &pack].concat();
    let response = request(&server, "POST", "git-receive-pack", &[PUSH], &body);
    let text = String::from_utf8_lossy(&response.body);
    let reason = "fatal: attempting to allocate 67108865 over limit 41943040";
    assert!(response.status == 200 && text.contains(reason), "{text}");
    assert!(text.contains("unpack index-pack"), "{text}");
    assert_eq!(world.tip(), old);

    // The hooks, which map whole packs, are not limited.
    world.add("a.wasm", 1);
    clone_and_commit(&world, &url(&server));
    git_ok(&world, &["-C", "clone", "push", "-q"]);
    assert_eq!(server.get("/api/v1/module/b.wasm").status, 200);
}

#[test]
fn git_that_exceeds_its_cpu_time_is_ended() {
    let world = World::with_store("sha1");
    let server = serve_with_script(&world, "while :; do :; done", &["--git-cpu", "1"]);
    let response = request(&server, "POST", "git-upload-pack", &[FETCH], b"0000");
    assert_eq!(
        (response.status, response.text()),
        (
            503,
            "git reached its limit of CPU time (--git-cpu) on the server"
        )
    );
}

/// Adds a module that is larger than what a connection buffers.
fn add_large(world: &World) {
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    let mut state = 1u32;
    let noise = (0..16 << 20).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    let content: Vec<u8> = [1, b'x'].into_iter().chain(noise).collect();
    module.push(0);
    module.extend(number(content.len() as u64));
    module.extend(content);
    world.file("large.wasm", module);
    world.ok(&["add", "large.wasm"]);
}

/// Requests a clone, and reads nothing of the response.
fn unread_clone(world: &World, server: &Server, key: &str) -> TcpStream {
    let want = packet(&format!("want {}\n", world.tip()));
    let body = format!("{want}0000{}", packet("done\n"));
    let head = format!(
        "POST /wasmstore.git/git-upload-pack HTTP/1.1\r\nHost: {}\r\n{FETCH}\r\nContent-Length: {}\r\n{key}\r\n",
        server.address,
        body.len()
    );
    let mut stream = server.connect();
    stream.write_all((head + &body).as_bytes()).unwrap();
    stream
}

#[test]
fn unread_clones_do_not_keep_others_from_pushing() {
    let world = World::with_store("sha1");
    add_large(&world);
    let args = [
        "--max-git-services",
        "4",
        "--request-wait",
        "1",
        "--auth",
        "reader:GET;other:GET;writer:*",
    ];
    let server = Server::start(&world, &args);
    let unread: Vec<_> = (0..16)
        .map(|_| unread_clone(&world, &server, "Wasmstore-Auth: reader\r\n"))
        .collect();
    // One key may use half of the permits.
    wait_until("two fetches run", || server.git_processes().len() == 2);
    let url = |key: &str| url(&server).replace("http://", &format!("http://git:{key}@"));
    clone_and_commit(&world, &url("other"));
    git_ok(
        &world,
        &["-C", "clone", "push", "-q", &url("writer"), "HEAD:main"],
    );
    drop(unread);
    wait_until("all end", || server.git_processes().is_empty());
}

#[test]
fn a_client_that_does_not_read_loses_its_git_process() {
    let world = World::with_store("sha1");
    add_large(&world);
    let server = Server::start(&world, &["--git-read-timeout", "1"]);
    let unread: Vec<_> = (0..4).map(|_| unread_clone(&world, &server, "")).collect();
    server.wait_for("the client reads the response of git too slowly");
    wait_until("all end", || server.git_processes().is_empty());
    drop(unread);
}

/// Clones `url` to `clone`, and commits the module `b.wasm` there.
fn clone_and_commit(world: &World, url: &str) {
    git_ok(world, &["clone", "-q", url, "clone"]);
    world.file("clone/b.wasm", crate::support::program::module(2));
    git_ok(world, &["-C", "clone", "add", "."]);
    let author = ["-c", "user.name=a", "-c", "user.email=a@b.c"];
    let commit = ["commit", "-qm", "b"];
    git_ok(world, &[&["-C", "clone"], &author[..], &commit].concat());
}
