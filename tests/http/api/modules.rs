//! Getting and adding modules.

use wasmstore::store::ObjectFormat;

use super::{Api, digest_of};
use crate::support::store::module;

const FORMATS: [ObjectFormat; 2] = [ObjectFormat::Sha1, ObjectFormat::Sha256];

#[test]
fn a_put_makes_a_blob_and_a_commit() {
    for format in FORMATS {
        let api = Api::with_format(format);
        let root = api.rev("main");
        let hash = api.hash_of(&module(1));
        let put = api.post("/module/a/b.wasm", module(1));
        put.is(200, &hash)
            .has("content-type", "text/plain; charset=utf-8")
            .has("wasmstore-commit", &api.rev("main"))
            .has("cache-control", "no-cache");
        assert_eq!(api.rev("main:a/b.wasm"), hash);
        assert_eq!(api.rev("main^"), root);
        let log = api.git(&["log", "-1", "--format=%an <%ae>|%cn <%ce>|%B"]);
        let store = "wasmstore <wasmstore@localhost>";
        assert_eq!(log.trim(), format!("{store}|{store}|Import /a/b.wasm"));
        assert_eq!(api.content(), "/a/b.wasm=1");
        api.fsck();
    }
}

#[test]
fn the_same_bytes_at_the_same_path_make_no_commit() {
    let api = Api::new();
    let first = api.post("/module/a", module(1));
    let state = api.state();
    let second = api.post("/module/a", module(1));
    second.is(200, first.text());
    assert_eq!(
        second.header("wasmstore-commit"),
        first.header("wasmstore-commit")
    );
    assert_eq!(api.state(), state);
    api.post("/module/a", module(2))
        .is(200, &api.hash_of(&module(2)));
    assert_eq!(api.subjects()[..2], ["Import /a", "Import /a"]);
    assert_eq!(api.value("a"), Some(2));
}

#[test]
fn a_module_by_path_has_all_headers() {
    for format in FORMATS {
        let api = Api::with_format(format);
        let tip = api.put("d/a.wasm", 1).to_string();
        let (hash, digest) = (api.hash_of(&module(1)), digest_of(&module(1)));
        let response = api.get("/module/d/a.wasm");
        assert_eq!((response.status, &response.body[..]), (200, &module(1)[..]));
        response
            .has("content-type", "application/wasm")
            .has("wasmstore-hash", &hash)
            .has("wasmstore-digest", &digest)
            .has("wasmstore-commit", &tip)
            .has("etag", &format!("\"{hash}\""))
            .has("content-length", &module(1).len().to_string())
            .has("accept-ranges", "bytes")
            .has("cache-control", "no-cache")
            .has(
                "vary",
                "Accept-Encoding, Wasmstore-Branch, Wasmstore-Commit",
            )
            .lacks("content-encoding");
        let base64 = response.header("repr-digest").unwrap();
        assert!(
            base64.starts_with("sha-256=:") && base64.ends_with(":"),
            "{base64}"
        );
    }
}

#[test]
fn a_module_by_hash_is_immutable() {
    for format in FORMATS {
        let api = Api::with_format(format);
        api.put("a", 1);
        let (hash, digest) = (api.hash_of(&module(1)), digest_of(&module(1)));
        let bare = &digest["sha256:".len()..];
        let names = [
            hash.clone(),
            hash.to_uppercase(),
            digest.clone(),
            bare.to_owned(),
        ];
        for name in &names {
            let response = api.get(&format!("/module/{name}"));
            assert_eq!(
                (response.status, &response.body[..]),
                (200, &module(1)[..]),
                "{name}"
            );
            response
                .has("wasmstore-hash", &hash)
                .has("wasmstore-digest", &digest)
                .has("cache-control", "public, max-age=31536000, immutable")
                .has("etag", &format!("\"{hash}\""))
                .lacks("wasmstore-commit");
        }
        // A hash is found only while some path has it.
        api.put("a", 2);
        for name in &names {
            let gone = api.get(&format!("/module/{name}"));
            assert_eq!(gone.status, 404);
            let expected = format!("no path has {} now", name.to_lowercase());
            assert!(gone.text().starts_with(&expected), "{}", gone.text());
        }
    }
}

#[test]
fn an_unknown_module_is_404_and_a_malformed_name_400() {
    let api = Api::new();
    api.put("d/a", 1);
    api.get("/module/b").is(404, "there is no module /b");
    api.get("/module/d")
        .is(404, "/d is a directory, not a module");
    api.get("/module/d/a/b")
        .is(404, "there is no module /d/a/b");
    let commit = api.tip();
    api.get(&format!("/module/{commit}"))
        .is(404, &format!("there is no module {commit}"));
    let malformed = "\"sha256:12\" is not a digest: expected `sha256:` and 64 hex digits";
    api.get("/module/sha256:12").is(400, malformed);
    for nameless in ["/module", "/module/", "/module//"] {
        for method in ["GET", "HEAD", "POST", "DELETE"] {
            let response = api.send_empty(method, nameless, &[]);
            assert_eq!(response.status, 400, "{method} {nameless}");
        }
        api.get(nameless)
            .is(400, "a name is missing at the end of the URL");
    }
}

#[test]
fn an_invalid_module_is_rejected_with_the_reason_and_not_stored() {
    let api = Api::new();
    let state = api.state();
    let mut truncated = module(1);
    truncated.pop();
    let mut body = module(1);
    // The function's i32.const becomes an i64.const.
    let at = body.iter().rposition(|byte| *byte == 0x41).unwrap();
    body[at] = 0x42;
    for (bytes, reason) in [
        (
            b"hello".to_vec(),
            "not WebAssembly: the magic number is missing (at offset 0x0)",
        ),
        (truncated, "unexpected end"),
        (Vec::new(), "the module is empty: it has no bytes"),
        (body, "type mismatch"),
    ] {
        let response = api.post("/module/a", bytes);
        assert_eq!(response.status, 400);
        let text = response.text();
        assert!(
            text.starts_with("cannot accept /a: ") && text.contains(reason),
            "{text}"
        );
        assert!(text.contains("(at offset 0x"), "{text}");
    }
    assert_eq!(api.state(), state);
}

#[test]
fn names_in_an_invalid_module_do_not_break_the_line() {
    let api = Api::new();
    let twice =
        "(module (func $f) (export \"a\\0a\\1b\" (func $f)) (export \"a\\0a\\1b\" (func $f)))";
    let response = api.post("/module/a", wat::parse_str(twice).unwrap());
    assert_eq!(response.status, 400);
    assert!(
        response.text().contains("duplicate export name"),
        "{}",
        response.text()
    );
}

#[test]
fn a_path_cannot_be_both_module_and_directory() {
    let api = Api::new();
    api.put("a", 1);
    api.put("d/x", 2);
    let state = api.state();
    let json = [("accept", "application/json")];
    for (path, detail, existing) in [
        ("/a/b", "/a/b cannot be written: /a is a module", "/a"),
        ("/a/b/c", "/a/b/c cannot be written: /a is a module", "/a"),
        ("/d", "/d cannot be written: /d is a directory", "/d"),
    ] {
        api.post(&format!("/module{path}"), module(3))
            .is(409, detail);
        let problem = api.send(
            "POST",
            &super::api(&format!("/module{path}")),
            &json,
            module(3),
        );
        assert_eq!(problem.json()["paths"], serde_json::json!([existing]));
    }
    assert_eq!(api.state(), state);
}
