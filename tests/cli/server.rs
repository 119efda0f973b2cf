//! `server` as a process: requests, shutdown, limits and keys.

use std::io::{Read, Write};
use std::net::Shutdown;

use crate::support::program::{World, module, reason};
use crate::support::server::{Server, read_response};
use crate::support::store::custom_section;

/// Returns a module of `megabytes` MiB that consists almost entirely of a custom section of zeros.
fn large_module(megabytes: usize) -> Vec<u8> {
    custom_section(std::iter::repeat_n(0, megabytes << 20))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn uploaded_module_is_stored_and_served() {
    let world = World::empty();
    let server = Server::start(&world, &[]);
    let put = server.send("POST", "/api/v1/module/a/b.wasm", &[], &module(1));
    assert_eq!((put.status, put.text()), (200, world.hash(1).as_str()));
    assert_eq!(put.header("wasmstore-commit"), Some(world.tip().as_str()));
    let got = server.get("/api/v1/module/a/b.wasm");
    assert_eq!((got.status, got.body), (200, module(1)));
    let listed = server.get("/api/v1/modules/");
    let expected = format!(r#"{{"/a/b.wasm":"{}"}}"#, world.hash(1));
    assert_eq!(listed.text(), expected);
    // The server sees the changes of other processes.
    world.add("c.wasm", 2);
    assert_eq!(server.get("/api/v1/module/c.wasm").body, module(2));
    world.fsck();
}

#[test]
fn signal_stops_the_server_after_running_requests() {
    for signal in ["TERM", "INT"] {
        let world = World::empty();
        // A test runner in the background of a script ignores SIGINT, and so would the server.
        let server = Server::start_command(world.interruptible(&["server", "--port", "0"]));
        let body = module(1);
        let mut running = server.connect();
        // The interim response shows that the server waits for the body.
        let head = format!(
            "POST /api/v1/module/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
            body.len()
        );
        running.write_all(head.as_bytes()).unwrap();
        let mut interim = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
        running.read_exact(&mut interim).unwrap();
        assert!(interim.starts_with(b"HTTP/1.1 100 "), "{interim:?}");
        running.write_all(&body[..9]).unwrap();
        let mut idle = server.connect();
        server.signal(signal);
        server.wait_for("stopping");
        assert_eq!(
            idle.read(&mut [0]).unwrap_or(0),
            0,
            "an idle connection is closed"
        );
        running.write_all(&body[9..]).unwrap();
        assert_eq!(read_response(running).text(), world.hash(1));
        let (code, log) = server.wait();
        assert_eq!(code, Some(0), "{log}");
        assert!(log.contains("stopped"), "{log}");
        world.fsck();
    }
}

#[test]
fn truncated_upload_leaves_no_trace() {
    let world = World::with_store("sha1");
    let server = Server::start(&world, &[]);
    let before = world.state();
    let body = large_module(3);
    for cut in [0, 5, 1000, body.len() - 1] {
        let mut stream = server.connect();
        let head = format!(
            "POST /api/v1/module/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body[..cut]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        let text = String::from_utf8_lossy(&rest);
        assert!(
            rest.is_empty() || text.starts_with("HTTP/1.1 400"),
            "{text}"
        );
    }
    // A chunked body without its last chunk.
    let mut stream = server.connect();
    let head =
        "POST /api/v1/module/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(b"8\r\n\0asm\x01\0\0\0\r\n").unwrap();
    drop(stream);
    let (code, _) = {
        server.signal("TERM");
        server.wait()
    };
    assert_eq!(code, Some(0));
    assert_eq!(world.state(), before);
    assert_eq!(world.ok(&["list"]), "");
}

#[test]
fn large_upload_and_decompression_bomb_need_little_memory() {
    let world = World::with_store("sha1");
    let server = Server::start(&world, &["--max-module-bytes", "15000000"]);
    server.get("/api/v1/modules");
    let before = server.rss_kib();
    let large = large_module(12);
    let put = server.send("POST", "/api/v1/module/large", &[], &large);
    assert_eq!(put.status, 200, "{}", put.text());
    let bomb = gzip(&large_module(60));
    assert!(bomb.len() < 1 << 20);
    let refused = server.send(
        "POST",
        "/api/v1/module/bomb",
        &["Content-Encoding: gzip"],
        &bomb,
    );
    let expected =
        "cannot accept /bomb: the module is larger than 15000000 bytes (--max-module-bytes)";
    assert_eq!((refused.status, refused.text()), (413, expected));
    let too_large = server.send("POST", "/api/v1/module/too-large", &[], &large_module(16));
    assert_eq!(too_large.status, 413);
    let grown = server.rss_kib() - before;
    assert!(grown < 10 << 10, "{grown} KiB for uploads of 12 and 60 MB");
    assert_eq!(server.get("/api/v1/module/large").body.len(), large.len());
    world.fsck();
}

#[test]
fn thousand_idle_and_slow_connections_block_no_request() {
    let world = World::with_store("sha1");
    let server = Server::start(&world, &[]);
    let mut connections = Vec::new();
    for n in 0..1000 {
        let mut stream = server.connect();
        match n % 3 {
            0 => {}
            1 => stream.write_all(b"GET /api/v1/modules HT").unwrap(),
            _ => stream
                .write_all(
                    b"POST /api/v1/module/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999\r\n\r\n\0as",
                )
                .unwrap(),
        }
        connections.push(stream);
    }
    for n in 0..20 {
        let put = server.send("POST", &format!("/api/v1/module/b{n}"), &[], &module(n));
        assert_eq!(put.status, 200);
        assert_eq!(server.get(&format!("/api/v1/module/b{n}")).body, module(n));
    }
    drop(connections);
}

#[test]
fn keys_are_required_and_never_logged() {
    let world = World::with_store("sha1");
    world.file(
        "keys",
        "# who may do what\nfile-secret:*:Ann <ann@example.org>\nread-secret:GET\n",
    );
    let variables = [("WASMSTORE_AUTH", "variable-secret:GET,POST")];
    let args = ["--auth-file", "keys", "-vv", "--log-json"];
    let server = Server::start_with(&world, &args, &variables);
    let put = |headers: &[&str], path: &str| server.send("POST", path, headers, &module(1)).status;
    assert_eq!(put(&[], "/api/v1/module/a"), 401);
    assert_eq!(
        put(&["Wasmstore-Auth: wrong-secret"], "/api/v1/module/a"),
        401
    );
    assert_eq!(
        put(&["Wasmstore-Auth: read-secret"], "/api/v1/module/a"),
        403
    );
    assert_eq!(
        put(&["Wasmstore-Auth: variable-secret"], "/api/v1/module/a"),
        200
    );
    assert_eq!(
        put(&["Wasmstore-Auth: file-secret"], "/api/v1/module/b"),
        200
    );
    let author = world.git(&["log", "-1", "--format=%an <%ae>"]);
    assert_eq!(author, "Ann <ann@example.org>");
    let forged = [
        "Wasmstore-Auth: file-secret",
        "Wasmstore-Author: Bob <b@example.org>",
    ];
    assert_eq!(put(&forged, "/api/v1/module/c"), 403);
    assert_eq!(server.get("/healthz").status, 200);
    assert_eq!(server.get("/metrics").status, 401);
    server.signal("TERM");
    let (_, log) = server.wait();
    assert!(!log.contains("secret"), "{log}");
    for line in log.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

#[test]
fn server_does_not_start_with_invalid_settings() {
    let world = World::empty();
    world.file("empty", "");
    world.file("bad-keys", "top-secret\n");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (code, args) in [
        (2, &["--auth", ""][..]),
        (2, &["--auth", "top-secret"]),
        (2, &["--auth", "top-secret:get"]),
        (2, &["--auth", "top-secret:GET;top-secret:POST"]),
        (2, &["--auth-file", "bad-keys"]),
        (2, &["--auth-file", "empty"]),
        (1, &["--auth-file", "missing"]),
        (2, &["--tls", "key.pem"]),
        (1, &["--tls", "missing,empty"]),
        (1, &["--tls", "empty,empty"]),
        (1, &["--host", "256.0.0.1"]),
        (1, &["--port", &port]),
        (2, &["--port", "65536"]),
        (2, &["--max-requests", "0"]),
        (2, &["--idle-timeout", "0"]),
    ] {
        let port = if args[0] == "--port" {
            &[][..]
        } else {
            &["--port", "0"]
        };
        let ran = world.run(&[&["server"][..], port, args].concat());
        assert_eq!(
            (ran.code, ran.out.as_str()),
            (Some(code), ""),
            "{args:?}: {}",
            ran.err
        );
        assert!(!ran.err.contains("secret"), "{}", ran.err);
        if code == 1 {
            reason(
                ran.err
                    .lines()
                    .rfind(|line| line.starts_with("wasmstore: "))
                    .map(|line| format!("{line}\n"))
                    .unwrap()
                    .as_str(),
                args,
            );
        }
    }
}

#[test]
fn branch_variable_is_the_default_branch_until_it_is_changed() {
    let world = World::with_store("sha1");
    world.add("m", 1);
    world.ok(&["branch", "side"]);
    world.ok(&["--branch", "side", "remove", "m"]);
    let server = Server::start_with(&world, &[], &[("WASMSTORE_BRANCH", "side")]);
    assert_eq!(server.get("/api/v1/branch").text(), "side");
    assert_eq!(server.get("/api/v1/modules").text(), "{}");
    let main = server.send("GET", "/api/v1/hash/m", &["Wasmstore-Branch: main"], b"");
    assert_eq!(main.text(), world.hash(1));
    let deleted = server.send("DELETE", "/api/v1/branch/side", &[], b"");
    assert_eq!(deleted.status, 409, "{}", deleted.text());
    let fresh = server.send("PUT", "/api/v1/branch/fresh", &[], b"");
    assert_eq!(fresh.status, 200, "{}", fresh.text());
    assert_eq!(
        world.git(&["rev-parse", "fresh"]),
        world.git(&["rev-parse", "side"])
    );
    assert_eq!(
        server.send("PUT", "/api/v1/branch/main", &[], b"").status,
        200
    );
    assert_eq!(server.get("/api/v1/branch").text(), "main");
    assert_eq!(server.get("/api/v1/hash/m").text(), world.hash(1));
    assert_eq!(world.git(&["symbolic-ref", "HEAD"]), "refs/heads/main");
}
