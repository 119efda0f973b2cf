//! Several modules in one request: archives of stock tar, forms, conditions, limits, and archives that do harm.

use std::io::Write as _;
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use wasmstore::config::{ModuleLimits, Options, ServerLimits};
use wasmstore::http::ServerOptions;

use super::{Api, TestResponse, api};
use crate::support::store::{custom_section, module};

const TAR: (&str, &str) = ("content-type", "application/x-tar");

/// Returns an archive of these files, as stock tar writes it with these options.
fn tar(options: &[&str], files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let mut command = Command::new("tar");
    command.arg("--create").args(options);
    command.args(["--directory", dir.path().to_str().unwrap(), "."]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

fn form(parts: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (disposition, bytes) in parts {
        write!(
            body,
            "--x\r\ncontent-disposition: form-data; {disposition}\r\n\r\n"
        )
        .unwrap();
        body.extend(bytes);
        body.extend(b"\r\n");
    }
    body.extend(b"--x--\r\n");
    body
}

fn send(s: &Api, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> TestResponse {
    s.send("POST", &api(path), headers, body)
}

#[test]
fn archives_of_every_format_and_forms_are_one_commit() {
    let s = Api::new();
    let long = format!("{}/b.wasm", "d".repeat(99));
    let longer = format!("{}/{}.wasm", "e".repeat(150), "f".repeat(150));
    let mut count = 0;
    for (format, name) in [
        ("v7", "d/b.wasm"),
        ("ustar", &long),
        ("gnu", &longer),
        ("posix", &longer),
    ] {
        count += 2;
        let (one, two) = (module(count), module(count + 1));
        let files = [("a.wasm", one.clone()), (name, two.clone())];
        let body = tar(&["--format", format], &files);
        let response = send(&s, "/modules/x", &[TAR], body);
        let expected =
            json!({ "/x/a.wasm": s.hash_of(&one), format!("/x/{name}"): s.hash_of(&two) });
        assert_eq!(
            (response.status, response.json()),
            (200, expected),
            "{format}"
        );
        response.has("wasmstore-changed", "true");
        response.has("wasmstore-branch", "main");
        response.has("wasmstore-commit", &s.rev("main"));
        assert_eq!(s.subjects().len(), count as usize / 2 + 1);
        assert_eq!(s.subjects()[0], "Import /x");
    }
    let body = zstd::encode_all(&*tar(&[], &[("z", module(90))]), 3).unwrap();
    send(&s, "/modules", &[TAR, ("content-encoding", "zstd")], body)
        .is(200, &json!({ "/z": s.hash_of(&module(90)) }).to_string());
    assert_eq!(s.subjects()[0], "Import");

    let parts = [
        (
            "name=\"math/add.wasm\"; filename=\"adder.wasm\"",
            module(80),
        ),
        ("name=file; filename=\"größe/b.wasm\"", module(81)),
        (
            "name=\"/c\"",
            custom_section((0..300_000).map(|n| (n % 255) as u8)),
        ),
    ];
    let headers = [
        ("content-type", "multipart/form-data; boundary=x"),
        ("wasmstore-message", "Three"),
        ("wasmstore-author", "Ann <a@example.org>"),
    ];
    let response = send(&s, "/modules/f", &headers, form(&parts));
    assert_eq!(response.status, 200, "{}", response.text());
    let paths: Vec<_> = response
        .json()
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    assert_eq!(paths, ["/f/c", "/f/größe/b.wasm", "/f/math/add.wasm"]);
    assert_eq!(s.git(&["log", "-1", "--format=%an %s"]), "Ann Three\n");
    // Nothing is left to change.
    send(&s, "/modules/f", &headers, form(&parts)).has("wasmstore-changed", "false");
    s.fsck();
}

#[test]
fn one_bad_entry_refuses_all_and_is_named() {
    let s = Api::new();
    s.put("d/x", 1);
    let state = s.state();
    let good = ("a.wasm", module(7));
    for (bad, status, detail) in [
        (
            ("b.wasm", b"text".to_vec()),
            400,
            "cannot accept /b.wasm: not WebAssembly",
        ),
        (
            ("b.wasm", module(8)[..9].to_vec()),
            400,
            "cannot accept /b.wasm: ",
        ),
        (("x\\y", module(8)), 400, "cannot accept x\\y: path segment"),
        (("d", module(8)), 409, "/d"),
        (("d/x/y", module(8)), 409, "/d/x"),
    ] {
        let name = bad.0;
        let response = send(&s, "/modules", &[TAR], tar(&[], &[good.clone(), bad]));
        assert_eq!(response.status, status, "{name}: {}", response.text());
        assert!(
            response.text().contains(detail),
            "{name}: {}",
            response.text()
        );
        assert_eq!(s.git(&["for-each-ref"]), state[0]);
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("m"), module(9)).unwrap();
    let archive = |script: &str| {
        let script = format!("{script} && tar c *");
        let output = Command::new("sh")
            .args(["-c", &script])
            .current_dir(&dir)
            .output();
        output.unwrap().stdout
    };
    for (script, detail) in [
        ("ln -s m l", "l: it is a symbolic link"),
        ("rm l; ln m n", "n: it is a hard link"),
        ("rm n; mkfifo f", "f: it is a device or a FIFO"),
    ] {
        let response = send(&s, "/modules", &[TAR], archive(script));
        assert_eq!(response.status, 400);
        assert!(response.text().contains(detail), "{}", response.text());
    }
    let twice = [("name=a", module(1)), ("name=\"/a/\"", module(2))];
    let headers = [("content-type", "multipart/form-data; boundary=x")];
    send(&s, "/modules/q", &headers, form(&twice)).is(400, "two modules would be at /q/a");
    let digest = ("content-digest", "sha-256=:AAAA:");
    let response = send(&s, "/modules/q", &[headers[0], digest], form(&twice[..1]));
    assert_eq!(response.status, 400);
    assert!(
        response.text().contains("Content-Digest is malformed"),
        "{}",
        response.text()
    );
    let cut = form(&twice[..1]);
    assert_eq!(
        send(&s, "/modules", &headers, cut[..cut.len() - 9].to_vec()).status,
        400
    );
    let whole = tar(&[], &[good]);
    for (body, detail) in [
        (
            whole[..1536].to_vec(),
            "the tar archive is truncated: its end is missing",
        ),
        (vec![b'x'; 512], "the body is not a tar archive"),
        (
            Vec::new(),
            "the tar archive is truncated: its end is missing",
        ),
    ] {
        send(&s, "/modules", &[TAR], body).is(400, detail);
    }
    send(&s, "/modules", &[], whole.clone()).is(
        415,
        "Content-Type must be application/x-tar or multipart/form-data, and is missing; nothing was changed",
    );
    assert_eq!(send(&s, "/modules/..", &[TAR], whole.clone()).status, 400);
    let none = [TAR, ("wasmstore-branch", "none")];
    assert_eq!(send(&s, "/modules", &none, whole).status, 404);
    assert_eq!(s.git(&["for-each-ref"]), state[0]);
    s.fsck();
}

#[test]
fn conditions_hold_for_each_path() {
    let s = Api::new();
    let body = |n| tar(&[], &[("a", module(n)), ("b", module(n + 1))]);
    let put = |header: (&str, &str), n| send(&s, "/modules/v", &[TAR, header], body(n));
    let absent = ("wasmstore-if-none-match", "*");
    assert_eq!(put(absent, 1).status, 200);
    // The same bytes, as from a job that runs twice.
    put(absent, 1).has("wasmstore-changed", "false");
    let hash = s.hash_of(&module(1));
    let failed = format!("the precondition failed: the current value at /v/a is {hash}");
    put(absent, 2).is(412, &failed);
    put(("wasmstore-if-none-match", "/v/b, /v/a"), 2).is(412, &failed);
    let matching = format!("/v/a {hash}");
    assert_eq!(put(("wasmstore-if-match", &matching), 3).status, 200);
    assert_eq!(put(("wasmstore-if-match", &matching), 5).status, 412);
    put(("wasmstore-if-match", &format!("/v/c {hash}")), 5).is(
        400,
        "the precondition names /v/c, but the request does not write this path",
    );
    // The tag of the whole tree is the commit.
    assert_eq!(put(("if-match", "\"0\""), 5).status, 412);
    let tip = format!("\"{}\"", s.rev("main"));
    assert_eq!(put(("if-match", &tip), 5).status, 200);
}

#[test]
fn limits_are_for_each_module_and_for_all() {
    let limits = ServerLimits {
        spool_bytes_max: 300 << 10,
        ..ServerLimits::default()
    };
    let server_options = ServerOptions {
        limits,
        ..ServerOptions::default()
    };
    let modules = ModuleLimits {
        module_bytes_max: 200 << 10,
        ..ModuleLimits::default()
    };
    let options = Options {
        modules,
        ..Options::default()
    };
    let s = Api::with_options(server_options, options);
    let state = s.state();
    let sized = |bytes: u32| custom_section((0..bytes).map(|n| n as u8));
    let response = send(&s, "/modules", &[TAR], tar(&[], &[("a", sized(250 << 10))]));
    assert_eq!(response.status, 413);
    assert!(
        response
            .text()
            .starts_with("cannot accept /a: the module is larger")
    );
    let two = [("a", sized(180 << 10)), ("b", sized(180 << 10))];
    let response = send(&s, "/modules", &[TAR], tar(&[], &two));
    assert_eq!(response.status, 413);
    assert!(
        response
            .text()
            .contains("307200 bytes in all (--spool-mib)")
    );
    assert_eq!(s.state(), state);
    // The quota is free again.
    assert_eq!(
        send(&s, "/modules", &[TAR], tar(&[], &two[..1])).status,
        200
    );
    assert_eq!(s.subjects().len(), 2);
}

/// Returns the value of a `Content-Digest` of these bytes.
fn content_digest(bytes: &[u8]) -> String {
    let digest = BASE64_STANDARD.encode(Sha256::digest(bytes));
    format!("sha-256=:{digest}:")
}

#[test]
fn a_form_and_each_part_may_have_a_digest() {
    let s = Api::new();
    let state = s.state();
    let media_type = ("content-type", "multipart/form-data; boundary=x");
    let part = |digest: &str| {
        let disposition = format!("name=a\r\ncontent-digest: {digest}");
        form(&[("name=b", module(2)), (&disposition, module(1))])
    };
    let whole = form(&[("name=c", module(3))]);
    let other = content_digest(b"other");
    let differs = "the sha-256 digest of the body is not the one in Content-Digest: the body was damaged, or the header is for other bytes";
    send(&s, "/modules", &[media_type], part(&other)).is(400, differs);
    send(&s, "/modules", &[media_type], part("sha-256=x")).is(
        400,
        "Content-Digest is malformed: it must be like `sha-256=:BASE64:` (RFC 9530)",
    );
    send(
        &s,
        "/modules",
        &[media_type, ("content-digest", &other)],
        whole.clone(),
    )
    .is(400, differs);
    assert_eq!(s.state(), state);
    let right = part(&content_digest(&module(1)));
    assert_eq!(send(&s, "/modules", &[media_type], right).status, 200);
    // What follows the last part belongs to the body.
    let whole = [whole, vec![b'\n'; 100_000]].concat();
    let digest = content_digest(&whole);
    let headers = [media_type, ("repr-digest", digest.as_str())];
    assert_eq!(send(&s, "/modules", &headers, whole).status, 200);
    assert_eq!(s.content(), "/a=1 /b=2 /c=3");
}

#[test]
fn long_names_are_not_repeated_in_full() {
    let s = Api::new();
    let long = format!("{}/..", "d".repeat(20_000));
    let body = form(&[(&format!("name=\"{long}\""), module(1))]);
    let response = send(
        &s,
        "/modules",
        &[("content-type", "multipart/form-data; boundary=x")],
        body,
    );
    assert_eq!(response.status, 400);
    let start = format!("cannot accept {}…: ", "d".repeat(200));
    assert!(response.text().starts_with(&start), "{}", response.text());
    assert!(response.text().len() < 500);
}

#[test]
fn a_key_needs_post() {
    let s = Api::with_keys("reader:GET\nwriter:POST:CI <ci@example.org>");
    let body = tar(&[], &[("a", module(1))]);
    let put = |key| {
        send(
            &s,
            "/modules",
            &[TAR, ("wasmstore-auth", key)],
            body.clone(),
        )
    };
    assert_eq!(put("reader").status, 403);
    assert_eq!(put("writer").status, 200);
    assert_eq!(s.git(&["log", "-1", "--format=%an"]), "CI\n");
    assert_eq!(send(&s, "/modules", &[TAR], body.clone()).status, 401);
}
