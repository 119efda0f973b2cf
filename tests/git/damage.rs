//! A git that fails: before it answers, and in the middle.

use super::{FETCH, ask, serve_by};
use crate::support::program::World;
use crate::support::server::{Answer, Server};

/// What a fetch is answered by a git that does this.
fn fetched(world: &World, script: &str) -> (Server, Answer) {
    let server = serve_by(world, script, &[]);
    let answer = ask(&server, "POST", "git-upload-pack", &[FETCH], b"0000");
    (server, answer)
}

#[test]
fn a_failure_before_the_answer_is_an_error() {
    let world = World::with_store("sha1");
    for script in [
        "echo 'fatal: bad object' >&2; exit 128",
        "kill -KILL $$",
        "exit 1",
    ] {
        let (server, answer) = fetched(&world, script);
        assert_eq!(answer.status, 500, "{script}");
        assert!(!answer.text().contains("bad object"), "{}", answer.text());
        server.wait_for("git failed to serve a request");
    }
    let (server, _) = fetched(&world, "echo 'fatal: bad object' >&2; exit 128");
    server.wait_for("fatal: bad object");
}

#[test]
fn a_failure_in_the_middle_cuts_the_answer() {
    let world = World::with_store("sha1");
    for script in [
        "printf 0008some; sleep 0.2; exit 128",
        "printf 0008some; sleep 0.2; kill -KILL $$",
    ] {
        let (server, answer) = fetched(&world, script);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.text(), "8\r\n0008some\r\n", "{script}");
        server.wait_for("git failed to serve a request");
    }
}

#[test]
fn an_error_that_git_tells_the_client_is_a_whole_answer() {
    let world = World::with_store("sha1");
    let (_server, answer) = fetched(&world, "printf '000bERR no\n'; exit 128");
    assert_eq!(
        (answer.status, answer.text()),
        (200, "B\r\n000bERR no\n\r\n0\r\n\r\n")
    );
}

#[test]
fn what_git_says_aside_does_not_block_it() {
    let world = World::with_store("sha1");
    let script = "head -c 1000000 /dev/zero | tr '\\0' x >&2; printf 0000; exit 0";
    let (_server, answer) = fetched(&world, script);
    assert_eq!(
        (answer.status, answer.text()),
        (200, "4\r\n0000\r\n0\r\n\r\n")
    );
}

#[test]
fn a_git_that_answers_early_is_heard_though_the_client_goes_on() {
    let world = World::with_store("sha1");
    let server = serve_by(&world, "printf 0000; exit 0", &[]);
    let body = vec![b'x'; 8 << 20];
    let answer = ask(&server, "POST", "git-upload-pack", &[FETCH], &body);
    assert_eq!(
        (answer.status, answer.text()),
        (200, "4\r\n0000\r\n0\r\n\r\n")
    );
}
