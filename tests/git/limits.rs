//! Limits on the git processes that clients use.

use std::io::Write as _;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{FETCH, git_ok, request, serve_with_script, url, wait_until};
use crate::support::program::World;
use crate::support::server::{Server, read_response};

#[test]
fn request_above_the_git_limit_gets_503() {
    let world = World::with_store("sha1");
    let args = ["--max-git-services", "2", "--request-wait", "1"];
    let server = serve_with_script(&world, "cat >/dev/null; sleep 600", &args);
    let streams: Vec<_> = (0..2)
        .map(|_| {
            let mut stream = server.connect();
            let head = format!(
                "POST /wasmstore.git/git-upload-pack HTTP/1.1\r\nHost: {}\r\n{FETCH}\r\nContent-Length: 4\r\n\r\n0000",
                server.address
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    wait_until("both run", || server.git_processes().len() == 2);
    let refused = request(
        &server,
        "GET",
        "info/refs?service=git-upload-pack",
        &[],
        b"",
    );
    assert_eq!(
        (refused.status, refused.text()),
        (503, "the server is busy; try again")
    );
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(server.get("/api/v1/modules").status, 200);
    drop(streams);
    wait_until("both end", || server.git_processes().is_empty());
}

#[test]
fn waiting_requests_get_their_turn() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    let server = Server::start(&world, &["--max-git-services", "1"]);
    std::thread::scope(|scope| {
        for n in 0..6 {
            let (world, server) = (&world, &server);
            let directory = format!("clone{n}");
            scope.spawn(move || git_ok(world, &["clone", "-q", &url(server), &directory]));
        }
    });
}

#[test]
fn git_that_exceeds_its_time_limit_is_ended() {
    let world = World::with_store("sha1");
    let limit = ["--git-timeout", "1"];
    let server = serve_with_script(&world, "cat >/dev/null; sleep 600", &limit);
    let late = request(&server, "POST", "git-upload-pack", &[FETCH], b"0000");
    assert_eq!(
        (late.status, late.text()),
        (503, "git did not end within 1 s")
    );
    wait_until("git ends", || server.git_processes().is_empty());
    drop(server);
    let server = serve_with_script(&world, "printf 0008some; sleep 600", &limit);
    let cut = request(&server, "POST", "git-upload-pack", &[FETCH], b"0000");
    assert_eq!((cut.status, cut.text()), (200, "8\r\n0008some\r\n"));
    wait_until("git ends", || server.git_processes().is_empty());
}

#[test]
fn request_size_is_limited() {
    let world = World::with_store("sha1");
    let args = ["--max-fetch-bytes", "1000", "--max-push-bytes", "2000"];
    let server = serve_with_script(&world, "cat >/dev/null; exit 0", &args);
    let push = FETCH.replace("upload", "receive");
    for (service, mime, max) in [("upload", FETCH, 1000), ("receive", &push, 2000)] {
        let path = format!("git-{service}-pack");
        let body = vec![b'0'; max + 1];
        assert_eq!(
            request(&server, "POST", &path, &[mime], &body[..max]).status,
            200
        );
        let refused = request(&server, "POST", &path, &[mime], &body);
        let expected = format!("the request is larger than {max} bytes");
        assert_eq!((refused.status, refused.text()), (413, &*expected));
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(&vec![b'0'; 100 << 20]).unwrap();
        let bomb = gzip.finish().unwrap();
        let encoded = [mime, "Content-Encoding: gzip"];
        assert_eq!(request(&server, "POST", &path, &encoded, &bomb).status, 413);
    }
    assert!(server.rss_kib() < 100 << 10, "{} KiB", server.rss_kib());
    wait_until("git ends", || server.git_processes().is_empty());
}

#[test]
fn dripping_body_gets_408() {
    let world = World::with_store("sha1");
    let server = Server::start(&world, &["--body-timeout", "1"]);
    let mut stream = server.connect();
    let head = format!(
        "POST /wasmstore.git/git-upload-pack HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{FETCH}\r\nContent-Length: 9\r\n\r\n0",
        server.address
    );
    stream.write_all(head.as_bytes()).unwrap();
    let start = Instant::now();
    let late = read_response(stream);
    assert_eq!(
        (late.status, late.text()),
        (408, "the body arrives too slowly")
    );
    assert!(start.elapsed() >= Duration::from_secs(1));
    wait_until("git ends", || server.git_processes().is_empty());
}

/// git takes longer to read the body than the client may take to send it.
#[test]
fn body_timeout_excludes_the_time_that_git_takes() {
    let world = World::with_store("sha1");
    let script = "sleep 2; cat >/dev/null; printf 0000; exit 0";
    let args = ["--body-timeout", "1", "--min-body-bytes", "65536"];
    let server = serve_with_script(&world, script, &args);
    let body = vec![b'0'; 1 << 20];
    let answer = request(&server, "POST", "git-upload-pack", &[FETCH], &body);
    assert_eq!(
        (answer.status, answer.text()),
        (200, "4\r\n0000\r\n0\r\n\r\n")
    );
}
