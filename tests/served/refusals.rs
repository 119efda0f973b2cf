//! Servers that refuse requests, cannot be reached, or are no wasmstore servers.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use super::Twin;
use crate::support::program::{World, module, without_report};
use crate::support::server::Server;

/// Runs a command against a server with a key.
fn run_with_key(
    world: &World,
    url: &str,
    key: &str,
    args: &[&str],
) -> (Option<i32>, String, String) {
    let mut command = world.wasmstore(args);
    let output = command.env("WASMSTORE_ROOT", url).env("WASMSTORE_KEY", key);
    let ran = crate::support::program::CommandOutput::from(output.output().unwrap());
    (ran.code, ran.out, ran.err)
}

#[test]
fn a_key_is_used_and_never_shown() {
    let world = World::with_store("sha1");
    world.add("a", 1);
    let server = Server::start(&world, &["--auth", "geheim:GET;other-secret:*"]);
    let url = format!("http://{}", server.address);
    let list = format!("{}\t/a\n", world.hash(1));
    assert_eq!(
        run_with_key(&world, &url, "geheim", &["list"]),
        (Some(0), list, String::new())
    );
    let (code, out, err) = run_with_key(&world, &url, "geheim", &["remove", "a", "-vv"]);
    assert_eq!((code, out.as_str()), (Some(5), ""));
    let refused = format!("wasmstore: {url}: the key does not allow DELETE: it allows GET\n");
    assert!(err.ends_with(&refused) && !err.contains("geheim"), "{err}");
    let hint = format!(
        "hint: set WASMSTORE_KEY to a key of the server, or save one with `wasmstore login {url}`\n"
    );
    let (code, _, err) = run_with_key(&world, &url, "geheim\u{1}x", &["list"]);
    assert_eq!(code, Some(2), "{err}");
    assert_eq!(
        err,
        "wasmstore: WASMSTORE_KEY contains a character that is not allowed in a key\n"
    );
    let (code, _, err) = run_with_key(&world, &url, "", &["list"]);
    let expected = format!("wasmstore: {url}: a valid key is needed\n{hint}");
    assert_eq!((code, err), (Some(5), expected));
    let below = format!("{url}/modules");
    let (code, _, err) = run_with_key(&world, &below, "geheim", &["list"]);
    let expected =
        format!("wasmstore: {below}: there is no such endpoint\nhint: did you mean {url}?\n");
    assert_eq!((code, err), (Some(5), expected));
    world.file("a.wasm", module(2));
    let (code, _, err) = run_with_key(&world, &url, "geheim", &["add", "a.wasm", "b"]);
    assert_eq!(code, Some(5), "{err}");
    let (code, out, err) = run_with_key(&world, &url, "other-secret", &["add", "a.wasm", "b"]);
    assert_eq!(
        (code, out),
        (Some(0), format!("{}\n", world.hash(2))),
        "{err}"
    );
}

#[test]
fn what_the_key_of_ci_does_not_allow_has_a_hint() {
    let world = World::with_store("sha1");
    world.file("a.wasm", module(1));
    world.file("keys", "ci:GET,POST:CI <ci@x>\n");
    let server = Server::start(&world, &["--auth-file", "keys"]);
    let url = format!("http://{}", server.address);
    for (args, hint) in [
        (
            &["add", "a.wasm", "--author", "Bob <b@x>"][..],
            "without --author and WASMSTORE_AUTHOR, the commit has the author of the key",
        ),
        (
            &["gc", "--keep-last", "1", "--yes"],
            "--keep-history deletes only unreachable objects, for which the key is sufficient",
        ),
    ] {
        let (code, _, err) = run_with_key(&world, &url, "ci", args);
        let lines: Vec<_> = err.lines().collect();
        assert_eq!((code, lines.len()), (Some(5), 2), "{err}");
        assert_eq!(lines[1], format!("hint: {hint}"));
    }
    let (_, _, err) = run_with_key(
        &world,
        &url,
        "ci",
        &["add", "a.wasm", "--author", "Bob <b@x>"],
    );
    assert!(err.contains("this author: it allows CI <ci@x>\n"), "{err}");
}

#[test]
fn a_write_to_a_replica_fails_with_the_primarys_url() {
    let twin = Twin::of(World::with_store("sha1"));
    twin.world.add("a", 1);
    let url = twin.url();
    let copy = World::empty();
    let replica = Server::start(&copy, &["--replica-of", &url]);
    let at = format!("http://{}", replica.address);
    let (code, _, err) = run_with_key(&copy, &at, "", &["remove", "a"]);
    let expected = format!("wasmstore: this is a replica: send writes to {url}/api/v1/module/a\n");
    assert_eq!((code, err), (Some(4), expected));
}

#[test]
fn a_server_that_is_no_store_is_an_error_on_one_line() {
    let world = World::empty();
    let (code, out, err) = run_with_key(&world, "http://127.0.0.1:1", "", &["list"]);
    assert_eq!((code, out.as_str()), (Some(5), ""));
    assert!(
        err.starts_with("wasmstore: http://127.0.0.1:1: Connection refused")
            && err.contains("\nhint: is the server running, and is this its port?"),
        "{err}"
    );
    let (code, _, err) = run_with_key(&world, "http://a:b", "", &["list"]);
    assert_eq!(code, Some(3), "{err}");

    for (response, expected) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
            " is not a wasmstore server, or it is broken: ",
        ),
        (
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
            "the server returned 404 Not Found",
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/\r\nContent-Length: 0\r\n\r\n",
            "the server redirects to http://elsewhere.example/",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n{",
            "http://127.0.0.1:",
        ),
        ("SSH-2.0-x\r\n", "http://127.0.0.1:"),
    ] {
        let url = responding_server(response.as_bytes().to_vec());
        let (code, out, err) = run_with_key(&world, &url, "", &["list"]);
        assert_eq!(out, "");
        assert_eq!(code, Some(5), "{err}");
        assert!(
            err.contains(expected) && !err.contains("<html>"),
            "{expected}: {err}"
        );
        assert_eq!(err.lines().count(), 1, "{err}");
    }
}

/// Starts a server that sends the same response to every request; returns its URL.
fn responding_server(response: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(&response);
        }
    });
    url
}

#[test]
fn a_download_with_another_hash_or_length_is_rejected() {
    let world = World::empty();
    let (one, two) = (world_hash(1), world_hash(2));
    let bytes = module(2);
    let digest = "sha256:".to_owned() + &"1".repeat(64);
    let response = |hash: &str, length: usize| {
        let head = format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nWasmstore-Hash: {hash}\r\nWasmstore-Digest: {digest}\r\nContent-Length: {length}\r\n\r\n"
        );
        [head.as_bytes(), &bytes].concat()
    };
    for (name, hash, length) in [
        (one.as_str(), two.as_str(), bytes.len()),
        (&one, &one, bytes.len()),
        ("a", &one, bytes.len()),
        ("a", &two, bytes.len()),
        (&digest, &two, bytes.len()),
    ] {
        let url = responding_server(response(hash, length));
        let (code, _, err) = run_with_key(&world, &url, "", &["find", name, "-o", "got"]);
        assert_eq!(code, Some(5), "{name} {hash}: {err}");
        assert!(
            err.contains("is not a wasmstore server, or it is broken"),
            "{err}"
        );
        assert!(!world.path("got").exists());
    }
}

#[test]
fn endless_pages_and_malformed_ids_are_rejected() {
    let world = World::empty();
    let id = "1".repeat(40);
    for (args, body) in [
        (&["list"][..], format!("{{\"/a\":\"{id}\"}}")),
        (
            &["log", "--plain"],
            format!("[{{\"hash\":\"{id}\",\"parents\":[],\"author\":\"\",\"date\":0,\"message\":\"\"}}]"),
        ),
        (
            &["log", "--plain"],
            "[{\"hash\":\"1\\u001b[2J\",\"parents\":[],\"author\":\"\",\"date\":0,\"message\":\"\"}]".to_owned(),
        ),
    ] {
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nLink: <x>; rel=\"next\"\r\n";
        let response = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        let url = responding_server(response.into_bytes());
        let (code, out, err) = run_with_key(&world, &url, "", args);
        assert_eq!(code, Some(5), "{args:?}: {err}");
        assert!(!out.contains('\u{1b}') && !err.contains('\u{1b}'), "{out}{err}");
        assert!(err.contains("is not a wasmstore server, or it is broken"), "{err}");
    }
}

#[test]
fn a_message_may_be_as_long_as_a_request_header_allows() {
    let twin = Twin::of(World::with_store("sha1"));
    twin.world.file("a.wasm", module(1));
    let url = twin.url();
    let long = "a line of it\n".repeat(3_800);
    let (code, _, err) = run_with_key(&twin.world, &url, "", &["add", "a.wasm", "-m", &long]);
    assert_eq!((code, without_report(&err)), (Some(0), ""));
    assert_eq!(
        twin.world.git(&["log", "-1", "--format=%B"]),
        long.trim_end()
    );
    twin.world.file("a.wasm", module(2));
    let too_long = "ä".repeat(30_000);
    let (code, _, err) = run_with_key(&twin.world, &url, "", &["add", "a.wasm", "-m", &too_long]);
    let expected = "the message, the author or a name is too long for a request header\n";
    assert_eq!(code, Some(3), "{err}");
    assert!(err.ends_with(expected), "{err}");
}

fn world_hash(n: u32) -> String {
    World::with_store("sha1").hash(n)
}

#[test]
fn a_hash_that_is_not_there_any_more_is_the_same_conflict_as_on_the_directory() {
    let twin = Twin::of(World::with_store("sha1"));
    twin.world.add("a", 1);
    twin.world.add("b, c", 2);
    let (one, two) = (twin.world.hash(1), twin.world.hash(2));
    twin.world.file("two", module(2));
    for args in [
        &["mv", "a", "c", "--if-match", &two][..],
        &["copy", "a", "c", "--if-match", &two],
        &["remove", "a", "--if-match", &two],
        &["set", &one, "b, c", "--if-absent"],
        &["set", &one, "b, c", "--if-match", &one],
        &["add", "two", "a", "--if-absent"],
        &["add", "two", "a", "--if-match", &two],
        &["add", "two", "none", "--if-match", &two],
    ] {
        twin.same(args);
        assert_eq!(twin.served(args).code, Some(4), "{args:?}");
    }
    twin.same(&["set", &two, "b, c", "--if-absent"]);
    assert_eq!(
        twin.served(&["set", &one, "b, c", "--if-match", &two]).code,
        Some(0)
    );
}
