//! Requests of git clients, sent byte by byte.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{FETCH, git_ok, request, url};
use crate::support::program::World;
use crate::support::server::{Server, read_response};
use crate::support::store::custom_section;

const PROTOCOL: &str = "Git-Protocol: version=2";

fn served() -> (World, Server) {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    let server = Server::start(&world, &[]);
    (world, server)
}

/// Returns a packet line (gitprotocol-common(5)).
fn packet(text: &str) -> String {
    format!("{:04x}{text}", text.len() + 4)
}

/// Returns the request for a clone of the default branch, in protocol version 2.
fn clone_request(world: &World) -> Vec<u8> {
    let lines = [
        packet("command=fetch"),
        "0001".to_owned(),
        packet("no-progress"),
    ];
    let want = [
        packet(&format!("want {}\n", world.tip())),
        packet("done\n"),
        "0000".to_owned(),
    ];
    [lines.concat(), want.concat()].concat().into_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Returns whether a response contains a complete pack, which the flush packet at its end shows.
fn has_complete_pack(body: &[u8]) -> bool {
    body.windows(4).any(|four| four == b"PACK") && body.ends_with(b"0000\r\n0\r\n\r\n")
}

#[test]
fn refs_are_advertised_with_the_right_headers() {
    let (world, server) = served();
    for service in ["git-upload-pack", "git-receive-pack"] {
        let path = format!("info/refs?service={service}");
        let response = request(&server, "GET", &path, &[], b"");
        assert_eq!(response.status, 200);
        let media_type = format!("application/x-{service}-advertisement");
        assert_eq!(response.header("content-type"), Some(media_type.as_str()));
        let control = "no-cache, max-age=0, must-revalidate";
        assert_eq!(response.header("cache-control"), Some(control));
        let preamble = packet(&format!("# service={service}\n")) + "0000";
        assert!(response.text().contains(&preamble), "{}", response.text());
        assert!(response.text().contains(&world.tip()));
        let head = request(&server, "HEAD", &path, &[], b"");
        assert_eq!((head.status, head.body.len()), (200, 0));
    }
}

#[test]
fn version_2_has_no_preamble_and_pushes_have_no_version_2() {
    let (_world, server) = served();
    let advertised = |service: &str, protocol: &str| {
        let path = format!("info/refs?service={service}");
        request(&server, "GET", &path, &[protocol], b"")
    };
    let fetch = advertised("git-upload-pack", PROTOCOL);
    assert!(fetch.text().contains("000eversion 2\n") && !fetch.text().contains("# service"));
    let push = advertised("git-receive-pack", PROTOCOL);
    assert!(!push.text().contains("version 2") && push.text().contains("# service"));
    let odd = advertised("git-upload-pack", "Git-Protocol: version=2;version=1");
    assert!(odd.text().contains("# service"), "{}", odd.text());
}

#[test]
fn dumb_protocol_is_rejected() {
    let (_world, server) = served();
    let smart_only = "only git's smart protocol is supported: `service` must be git-upload-pack or git-receive-pack";
    for path in [
        "info/refs",
        "info/refs?service=git-upload-archive",
        "info/refs?service",
    ] {
        let response = request(&server, "GET", path, &[], b"");
        assert_eq!(
            (response.status, response.text()),
            (403, smart_only),
            "{path}"
        );
        assert_eq!(response.header("cache-control"), Some("no-store"));
    }
    for path in [
        "",
        "HEAD",
        "objects/info/packs",
        "config",
        "git-upload-archive",
        "../config",
    ] {
        assert_eq!(
            request(&server, "GET", path, &[], b"").status,
            404,
            "{path}"
        );
    }
    for (method, path) in [
        ("GET", "git-upload-pack"),
        ("PUT", "git-receive-pack"),
        ("POST", "info/refs?service=git-upload-pack"),
    ] {
        assert_eq!(
            request(&server, method, path, &[], b"").status,
            405,
            "{method} {path}"
        );
    }
}

#[test]
fn media_type_must_match_the_service() {
    let (_world, server) = served();
    let push = FETCH.replace("upload", "receive");
    for headers in [&[][..], &["Content-Type: text/plain"], &[&push]] {
        let response = request(&server, "POST", "git-upload-pack", headers, b"0000");
        let expected = "Content-Type must be application/x-git-upload-pack-request";
        assert_eq!((response.status, response.text()), (415, expected));
    }
    let response = request(&server, "POST", "git-receive-pack", &[FETCH], b"0000");
    assert_eq!(response.status, 415);
}

#[test]
fn empty_request_gets_an_empty_response() {
    let (_world, server) = served();
    let response = request(&server, "POST", "git-upload-pack", &[FETCH], b"0000");
    assert_eq!((response.status, response.text()), (200, "0\r\n\r\n"));
    let media_type = "application/x-git-upload-pack-result";
    assert_eq!(response.header("content-type"), Some(media_type));
}

#[test]
fn malformed_requests_get_400() {
    let (_world, server) = served();
    for (protocol, body) in [
        (PROTOCOL, "nonsense"),
        ("X: y", "nonsense"),
        ("X: y", ""),
        (PROTOCOL, "0012command=bogus\n0000"),
        (PROTOCOL, "0014command=ls-refs\n"),
    ] {
        let headers = [FETCH, protocol];
        let response = request(
            &server,
            "POST",
            "git-upload-pack",
            &headers,
            body.as_bytes(),
        );
        assert_eq!(response.status, 400, "{body:?}");
        assert!(response.text().starts_with("git: "), "{}", response.text());
    }
}

#[test]
fn gzip_is_decoded_and_invalid_gzip_gets_400() {
    let (world, server) = served();
    let want = clone_request(&world);
    let (head, tail) = want.split_at(20);
    let complete = gzip(&want);
    let members = [gzip(head), gzip(tail)].concat();
    for (coding, body, expected) in [
        ("gzip", &complete, 200),
        ("x-gzip", &complete, 200),
        ("gzip", &members, 200),
        ("identity", &want, 200),
        ("gzip", &want, 400),
        ("gzip", &complete[..complete.len() - 4].to_vec(), 400),
        ("zstd", &complete, 415),
        ("br", &complete, 415),
    ] {
        let coding = format!("Content-Encoding: {coding}");
        let headers = [FETCH, PROTOCOL, &coding];
        let response = request(&server, "POST", "git-upload-pack", &headers, body);
        assert_eq!(response.status, expected, "{coding}");
        assert_eq!(
            has_complete_pack(&response.body),
            expected == 200,
            "{coding}"
        );
    }
}

/// git sends requests larger than `http.postBuffer` this way.
#[test]
fn chunked_request_with_expect_100_continue_is_served() {
    let (world, server) = served();
    let mut stream = server.connect();
    let head = format!(
        "POST /wasmstore.git/git-upload-pack HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{FETCH}\r\n{PROTOCOL}\r\n\
         Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
        server.address
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    for byte in clone_request(&world) {
        stream
            .write_all(&[b'1', b'\r', b'\n', byte, b'\r', b'\n'])
            .unwrap();
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    let response = read_response(stream);
    assert_eq!(response.status, 200);
    assert!(has_complete_pack(&response.body));
}

#[test]
fn connection_is_kept_alive_between_requests() {
    let (world, server) = served();
    let want = clone_request(&world);
    let mut stream = server.connect();
    for _ in 0..3 {
        let head = format!(
            "POST /wasmstore.git/git-upload-pack HTTP/1.1\r\nHost: {}\r\n{FETCH}\r\n{PROTOCOL}\r\nContent-Length: {}\r\n\r\n",
            server.address,
            want.len()
        );
        stream
            .write_all(&[head.as_bytes(), &want].concat())
            .unwrap();
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"0000\r\n0\r\n\r\n") {
            let mut chunk = [0; 4096];
            let count = stream.read(&mut chunk).unwrap();
            assert!(count > 0, "{:?}", String::from_utf8_lossy(&bytes));
            bytes.extend_from_slice(&chunk[..count]);
        }
        assert!(bytes.starts_with(b"HTTP/1.1 200 OK\r\n") && has_complete_pack(&bytes));
    }
}

#[test]
fn push_is_received_with_and_without_chunks() {
    let (world, server) = served();
    git_ok(&world, &["clone", "-q", &url(&server), "clone"]);
    let large = (0..50_000u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes());
    std::fs::write(world.path("clone/large.wasm"), custom_section(large)).unwrap();
    git_ok(&world, &["-C", "clone", "add", "."]);
    let own = ["-c", "user.name=A", "-c", "user.email=a@b"];
    git_ok(
        &world,
        &[&["-C", "clone"], &own[..], &["commit", "-qm", "x"]].concat(),
    );
    for (buffer, branch) in [
        ("http.postBuffer=1", "small"),
        ("http.postBuffer=1m", "big"),
    ] {
        let branch = format!("HEAD:refs/heads/{branch}");
        git_ok(
            &world,
            &["-C", "clone", "-c", buffer, "push", "-q", "origin", &branch],
        );
    }
    let refs = world.git(&["for-each-ref", "--format=%(refname:short)"]);
    assert_eq!(refs, "big\nmain\nsmall");
}
