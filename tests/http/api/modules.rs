//! Getting and putting modules.

use wasmstore::store::ObjectFormat;

use super::{Api, digest_of};
use crate::support::store::module;

const FORMATS: [ObjectFormat; 2] = [ObjectFormat::Sha1, ObjectFormat::Sha256];

#[test]
fn a_put_module_is_a_blob_and_a_commit() {
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
fn a_module_got_by_path_is_told_in_full() {
    for format in FORMATS {
        let api = Api::with_format(format);
        let tip = api.put("d/a.wasm", 1).to_string();
        let (hash, digest) = (api.hash_of(&module(1)), digest_of(&module(1)));
        let got = api.get("/module/d/a.wasm");
        assert_eq!((got.status, &got.body[..]), (200, &module(1)[..]));
        got.has("content-type", "application/wasm")
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
        let base64 = got.header("repr-digest").unwrap();
        assert!(
            base64.starts_with("sha-256=:") && base64.ends_with(":"),
            "{base64}"
        );
    }
}

#[test]
fn a_module_got_by_hash_never_changes() {
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
            let got = api.get(&format!("/module/{name}"));
            assert_eq!((got.status, &got.body[..]), (200, &module(1)[..]), "{name}");
            got.has("wasmstore-hash", &hash)
                .has("wasmstore-digest", &digest)
                .has("cache-control", "public, max-age=31536000, immutable")
                .has("etag", &format!("\"{hash}\""))
                .lacks("wasmstore-commit");
        }
        // Only while some path has it.
        api.put("a", 2);
        for name in &names {
            let gone = api.get(&format!("/module/{name}"));
            gone.is(404, &format!("there is no module {}", name.to_lowercase()));
        }
    }
}

#[test]
fn what_is_not_there_is_404_and_what_is_no_name_400() {
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
            let answer = api.change(method, nameless, &[]);
            assert_eq!(answer.status, 400, "{method} {nameless}");
        }
        api.get(nameless)
            .is(400, "the URL ends where a name is needed");
    }
}

#[test]
fn an_invalid_module_is_refused_with_a_reason_and_stored_nowhere() {
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
        let answer = api.post("/module/a", bytes);
        assert_eq!(answer.status, 400);
        let text = answer.text();
        assert!(
            text.starts_with("cannot accept /a: ") && text.contains(reason),
            "{text}"
        );
        assert!(text.contains("(at offset 0x"), "{text}");
    }
    assert_eq!(api.state(), state);
}

#[test]
fn names_in_a_refused_module_do_not_break_the_line() {
    let api = Api::new();
    let twice =
        "(module (func $f) (export \"a\\0a\\1b\" (func $f)) (export \"a\\0a\\1b\" (func $f)))";
    let answer = api.post("/module/a", wat::parse_str(twice).unwrap());
    assert_eq!(answer.status, 400);
    assert!(
        answer.text().contains("duplicate export name"),
        "{}",
        answer.text()
    );
}

#[test]
fn a_path_is_never_module_and_folder_at_once() {
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
