//! A git that fails before its response or in the middle of it.

use super::{FETCH, request, serve_with_script};
use crate::support::program::World;
use crate::support::server::{Response, Server};

/// Sends a fetch to a server whose git runs `script`, and returns the response.
fn fetch_from(world: &World, script: &str) -> (Server, Response) {
    let server = serve_with_script(world, script, &[]);
    let answer = request(&server, "POST", "git-upload-pack", &[FETCH], b"0000");
    (server, answer)
}

#[test]
fn failure_before_the_response_gets_500() {
    let world = World::with_store("sha1");
    for script in [
        "echo 'fatal: bad object' >&2; exit 128",
        "kill -KILL $$",
        "exit 1",
    ] {
        let (server, answer) = fetch_from(&world, script);
        assert_eq!(answer.status, 500, "{script}");
        assert!(!answer.text().contains("bad object"), "{}", answer.text());
        server.wait_for("git failed to serve a request");
    }
    let (server, _) = fetch_from(&world, "echo 'fatal: bad object' >&2; exit 128");
    server.wait_for("fatal: bad object");
}

#[test]
fn failure_in_the_middle_cuts_the_response() {
    let world = World::with_store("sha1");
    for script in [
        "printf 0008some; sleep 0.5; exit 128",
        "printf 0008some; sleep 0.5; kill -KILL $$",
    ] {
        let (server, answer) = fetch_from(&world, script);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.text(), "8\r\n0008some\r\n", "{script}");
        server.wait_for("git failed to serve a request");
    }
}

#[test]
fn error_packet_is_a_complete_response() {
    let world = World::with_store("sha1");
    let (_server, answer) = fetch_from(&world, "printf '000bERR no\n'; exit 128");
    assert_eq!(
        (answer.status, answer.text()),
        (200, "B\r\n000bERR no\n\r\n0\r\n\r\n")
    );
}

#[test]
fn long_standard_error_does_not_block_git() {
    let world = World::with_store("sha1");
    let script = "head -c 1000000 /dev/zero | tr '\\0' x >&2; printf 0000; exit 0";
    let (_server, answer) = fetch_from(&world, script);
    assert_eq!(
        (answer.status, answer.text()),
        (200, "4\r\n0000\r\n0\r\n\r\n")
    );
}

#[test]
fn early_response_reaches_a_client_that_is_still_sending() {
    let world = World::with_store("sha1");
    let server = serve_with_script(&world, "printf 0000; exit 0", &[]);
    let body = vec![b'x'; 8 << 20];
    let answer = request(&server, "POST", "git-upload-pack", &[FETCH], &body);
    assert_eq!(
        (answer.status, answer.text()),
        (200, "4\r\n0000\r\n0\r\n\r\n")
    );
}
