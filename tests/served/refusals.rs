//! Servers that refuse, are not there, or are no stores.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use super::Twin;
use crate::support::program::World;
use crate::support::server::Server;

fn keyed(world: &World, url: &str, key: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = world.wasmstore(args);
    let output = command.env("WASMSTORE_ROOT", url).env("WASMSTORE_KEY", key);
    let ran = crate::support::program::Ran::from(output.output().unwrap());
    (ran.code, ran.out, ran.err)
}

#[test]
fn a_key_lets_in_and_is_never_shown() {
    let world = World::with_store("sha1");
    world.add("a", 1);
    let server = Server::start(&world, &["--auth", "geheim:GET;other-secret:*"]);
    let url = format!("http://{}", server.address);
    let list = format!("{}\t/a\n", world.hash(1));
    assert_eq!(
        keyed(&world, &url, "geheim", &["list"]),
        (Some(0), list, String::new())
    );
    let (code, out, err) = keyed(&world, &url, "geheim", &["remove", "a", "-vv"]);
    assert_eq!((code, out.as_str()), (Some(5), ""));
    assert!(err.contains("the key"), "{err}");
    let hint = "hint: WASMSTORE_KEY holds the key for the server\n";
    assert!(err.ends_with(hint) && !err.contains("geheim"), "{err}");
    let (code, _, err) = keyed(&world, &url, "geheim\u{1}x", &["list"]);
    assert_eq!(code, Some(2), "{err}");
    assert_eq!(
        err,
        "wasmstore: WASMSTORE_KEY holds a character that no key has\n"
    );
    let (code, _, err) = keyed(&world, &url, "", &["list"]);
    let wanted = format!("wasmstore: {url}: a valid key is needed\n{hint}");
    assert_eq!((code, err), (Some(5), wanted));
    world.file("a.wasm", crate::support::program::module(2));
    let (code, _, err) = keyed(&world, &url, "geheim", &["add", "a.wasm", "b"]);
    assert_eq!(code, Some(5), "{err}");
    let (code, out, err) = keyed(&world, &url, "other-secret", &["add", "a.wasm", "b"]);
    assert_eq!(
        (code, out),
        (Some(0), format!("{}\n", world.hash(2))),
        "{err}"
    );
}

#[test]
fn a_replica_says_where_changes_are_made() {
    let twin = Twin::of(World::with_store("sha1"));
    twin.world.add("a", 1);
    let url = twin.url();
    let copy = World::empty();
    let replica = Server::start(&copy, &["--replica-of", &url]);
    let at = format!("http://{}", replica.address);
    let (code, _, err) = keyed(&copy, &at, "", &["remove", "a"]);
    let wanted =
        format!("wasmstore: this is a replica: changes are made at {url}/api/v1/module/a\n");
    assert_eq!((code, err), (Some(4), wanted));
}

#[test]
fn what_is_no_store_is_told_from_one() {
    let world = World::empty();
    let (code, out, err) = keyed(&world, "http://127.0.0.1:1", "", &["list"]);
    assert_eq!((code, out.as_str()), (Some(5), ""));
    assert!(
        err.starts_with("wasmstore: http://127.0.0.1:1: Connection refused"),
        "{err}"
    );
    let (code, _, err) = keyed(&world, "http://a:b", "", &["list"]);
    assert_eq!(code, Some(3), "{err}");

    for (answer, wanted) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
            " is no store, or a broken one: ",
        ),
        (
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
            "it answers 404 Not Found",
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/\r\nContent-Length: 0\r\n\r\n",
            "it sends on to http://elsewhere.example/",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n{",
            "http://127.0.0.1:",
        ),
        ("SSH-2.0-x\r\n", "http://127.0.0.1:"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answering = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            assert!(stream.read(&mut request).unwrap() > 0);
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let (code, out, err) = keyed(&world, &url, "", &["list"]);
        answering.join().unwrap();
        assert_eq!(out, "");
        let is_missing = answer.contains("404");
        assert_eq!(code, Some(if is_missing { 1 } else { 5 }), "{err}");
        assert!(
            err.contains(wanted) && !err.contains("<html>"),
            "{wanted}: {err}"
        );
        assert_eq!(err.lines().count(), 1, "{err}");
    }
}
