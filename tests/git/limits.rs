//! What clients may take up of git.

use std::io::Write as _;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{FETCH, ask, git_ok, serve_by, url, wait_until};
use crate::support::program::World;
use crate::support::server::{Server, answer};

#[test]
fn one_git_too_many_is_answered_503() {
    let world = World::with_store("sha1");
    let args = ["--max-git-services", "2", "--request-wait", "1"];
    let server = serve_by(&world, "cat >/dev/null; sleep 600", &args);
    let streams: Vec<_> = (0..2)
        .map(|_| {
            let mut stream = server.connect();
            let head = format!(
                "POST /wasmstore.git/git-upload-pack HTTP/1.1\r\nHost: a\r\n{FETCH}\r\nContent-Length: 4\r\n\r\n0000"
            );
            let head = head.replace("Host: a", &format!("Host: {}", server.address));
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    wait_until("both run", || server.gits().len() == 2);
    let refused = ask(
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
    wait_until("both end", || server.gits().is_empty());
}

#[test]
fn who_waits_for_a_place_gets_it() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    let server = Server::start(&world, &["--max-git-services", "1"]);
    std::thread::scope(|scope| {
        for n in 0..6 {
            let (world, server) = (&world, &server);
            let folder = format!("clone{n}");
            scope.spawn(move || git_ok(world, &["clone", "-q", &url(server), &folder]));
        }
    });
}

#[test]
fn a_git_that_takes_too_long_is_ended() {
    let world = World::with_store("sha1");
    let limit = ["--git-timeout", "1"];
    let server = serve_by(&world, "cat >/dev/null; sleep 600", &limit);
    let late = ask(&server, "POST", "git-upload-pack", &[FETCH], b"0000");
    assert_eq!(
        (late.status, late.text()),
        (503, "git did not end within 1 s")
    );
    wait_until("git ends", || server.gits().is_empty());
    drop(server);
    let server = serve_by(&world, "printf 0008some; sleep 600", &limit);
    let cut = ask(&server, "POST", "git-upload-pack", &[FETCH], b"0000");
    assert_eq!((cut.status, cut.text()), (200, "8\r\n0008some\r\n"));
    wait_until("git ends", || server.gits().is_empty());
}

#[test]
fn requests_have_a_size() {
    let world = World::with_store("sha1");
    let args = ["--max-fetch-bytes", "1000", "--max-push-bytes", "2000"];
    let server = serve_by(&world, "cat >/dev/null; exit 0", &args);
    let push = FETCH.replace("upload", "receive");
    for (service, mime, max) in [("upload", FETCH, 1000), ("receive", &push, 2000)] {
        let path = format!("git-{service}-pack");
        let body = vec![b'0'; max + 1];
        assert_eq!(
            ask(&server, "POST", &path, &[mime], &body[..max]).status,
            200
        );
        let refused = ask(&server, "POST", &path, &[mime], &body);
        let expected = format!("the request is larger than {max} bytes");
        assert_eq!((refused.status, refused.text()), (413, &*expected));
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(&vec![b'0'; 100 << 20]).unwrap();
        let bomb = gzip.finish().unwrap();
        let coded = [mime, "Content-Encoding: gzip"];
        assert_eq!(ask(&server, "POST", &path, &coded, &bomb).status, 413);
    }
    assert!(server.rss_kib() < 100 << 10, "{} KiB", server.rss_kib());
    wait_until("git ends", || server.gits().is_empty());
}

#[test]
fn a_body_that_drips_is_not_waited_for() {
    let world = World::with_store("sha1");
    let server = Server::start(&world, &["--body-timeout", "1"]);
    let mut stream = server.connect();
    let head = format!(
        "POST /wasmstore.git/git-upload-pack HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{FETCH}\r\nContent-Length: 9\r\n\r\n0",
        server.address
    );
    stream.write_all(head.as_bytes()).unwrap();
    let began = Instant::now();
    let late = answer(stream);
    assert_eq!(
        (late.status, late.text()),
        (408, "the body arrives too slowly")
    );
    assert!(began.elapsed() >= Duration::from_secs(1));
    wait_until("git ends", || server.gits().is_empty());
}

/// git takes longer over what it was sent than the client may take to send it.
#[test]
fn a_slow_git_is_not_the_client_s_fault() {
    let world = World::with_store("sha1");
    let script = "sleep 2; cat >/dev/null; printf 0000; exit 0";
    let args = ["--body-timeout", "1", "--min-body-bytes", "65536"];
    let server = serve_by(&world, script, &args);
    let body = vec![b'0'; 1 << 20];
    let answer = ask(&server, "POST", "git-upload-pack", &[FETCH], &body);
    assert_eq!(
        (answer.status, answer.text()),
        (200, "4\r\n0000\r\n0\r\n\r\n")
    );
}
