//! Parts of modules, compressed forms, and what caches are told.

use std::io::Read as _;

use super::{Answer, Api};
use crate::support::store::module;

/// A module that compresses well.
fn large() -> Vec<u8> {
    let text = "abcdefgh".repeat(2000);
    wat::parse_str(format!(
        "(module (memory 1) (data (i32.const 0) \"{text}\"))"
    ))
    .unwrap()
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(bytes)
        .read_to_end(&mut plain)
        .unwrap();
    plain
}

#[test]
fn a_part_is_answered_of_the_plain_form() {
    let api = Api::new();
    let bytes = large();
    let hash = api.hash_of(&bytes);
    api.post("/module/a", bytes.clone()).is(200, &hash);
    let size = bytes.len();
    let whole = api.get("/module/a");
    for (range, part) in [
        ("bytes=0-3", 0..4),
        ("bytes=10-", 10..size),
        ("bytes=-5", size - 5..size),
        ("bytes=0-999999999", 0..size),
        ("BYTES=7-7", 7..8),
    ] {
        for encoding in ["identity", "gzip, zstd"] {
            let headers = [("range", range), ("accept-encoding", encoding)];
            let answer = api.read("/module/a", &headers);
            assert_eq!(
                (answer.status, &answer.body[..]),
                (206, &bytes[part.clone()]),
                "{range}"
            );
            let content_range = format!("bytes {}-{}/{size}", part.start, part.end - 1);
            answer
                .has("content-range", &content_range)
                .has("content-length", &part.len().to_string())
                .has("etag", &format!("\"{hash}\""))
                .has("content-type", "application/wasm")
                .has("repr-digest", whole.header("repr-digest").unwrap())
                .lacks("content-encoding");
        }
    }
}

#[test]
fn a_part_that_is_not_there_is_416_and_malformed_ones_400() {
    let api = Api::new();
    api.put("a", 1);
    let size = module(1).len();
    for range in [format!("bytes={size}-"), "bytes=-0".to_owned()] {
        let answer = api.read("/module/a", &[("range", &range)]);
        answer.is(416, &format!("the module has {size} bytes"));
        answer.has("content-range", &format!("bytes */{size}"));
    }
    for range in ["bytes=3-1", "bytes", "bytes=x-"] {
        api.read("/module/a", &[("range", range)])
            .is(400, "Range is malformed");
    }
    for passed_over in ["bytes=0-1,3-4", "lines=1-2"] {
        let answer = api.read("/module/a", &[("range", passed_over)]);
        assert_eq!((answer.status, &answer.body[..]), (200, &module(1)[..]));
    }
}

#[test]
fn a_part_of_another_version_is_not_asked_for() {
    let api = Api::new();
    api.put("a", 1);
    let hash = api.hash_of(&module(1));
    let (now, form) = (format!("\"{hash}\""), format!("\"{hash}-gzip\""));
    for (version, status) in [(&*now, 206), ("\"x\"", 200), (&form, 200)] {
        let headers = [("range", "bytes=0-3"), ("if-range", version)];
        assert_eq!(api.read("/module/a", &headers).status, status, "{version}");
    }
    // Whoever has it all needs no part.
    let headers = [("range", "bytes=0-3"), ("if-none-match", &*now)];
    assert_eq!(api.read("/module/a", &headers).status, 304);
}

#[test]
fn only_get_has_parts() {
    let api = Api::new();
    api.put("a", 1);
    for path in ["/module/a", "/version/0/a"] {
        let head = api.change("HEAD", path, &[("range", "bytes=0-3")]);
        assert_eq!(head.status, 200, "{path}");
        head.has("content-length", &module(1).len().to_string())
            .lacks("content-range");
        assert_eq!(
            api.change("HEAD", path, &[("range", "bytes=999-")]).status,
            200
        );
    }
}

fn plain(answer: &Answer) -> Vec<u8> {
    match answer.header("content-encoding") {
        None => answer.body.to_vec(),
        Some("gzip") => gunzip(&answer.body),
        Some("zstd") => zstd::decode_all(&answer.body[..]).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_client_gets_the_form_that_it_accepts() {
    let api = Api::new();
    let bytes = large();
    let hash = api.hash_of(&bytes);
    api.post("/module/a", bytes.clone());
    for (accepted, form) in [
        ("gzip", Some("gzip")),
        ("gzip, deflate, br, zstd", Some("zstd")),
        ("zstd;q=0.1, gzip;q=0.9", Some("gzip")),
        ("*", Some("zstd")),
        ("br", None),
        ("identity", None),
        ("gzip;q=0", None),
    ] {
        for name in ["a", &hash] {
            let answer = api.read(&format!("/module/{name}"), &[("accept-encoding", accepted)]);
            assert_eq!(
                (answer.status, answer.header("content-encoding")),
                (200, form),
                "{accepted}"
            );
            assert_eq!(plain(&answer), bytes, "{accepted}");
            let suffix = form.map(|form| format!("-{form}")).unwrap_or_default();
            answer
                .has("etag", &format!("\"{hash}{suffix}\""))
                .has("content-length", &answer.body.len().to_string())
                .has("content-type", "application/wasm")
                .has("wasmstore-hash", &hash)
                .has(
                    "vary",
                    "Accept-Encoding, Wasmstore-Branch, Wasmstore-Commit",
                );
            assert_eq!(
                answer.header("repr-digest").is_some(),
                form.is_none(),
                "{accepted}"
            );
            assert!(form.is_none() || answer.body.len() < bytes.len() / 10);
        }
    }
}

#[test]
fn the_tag_of_an_unchanged_module_is_the_one_that_the_client_has() {
    let api = Api::new();
    let bytes = large();
    api.post("/module/large", bytes.clone());
    // It would get no smaller.
    api.put("small", 1);
    for path in ["/module/large", "/module/small"] {
        for accepted in ["identity", "gzip", "zstd"] {
            let first = api.read(path, &[("accept-encoding", accepted)]);
            let tag = first.header("etag").unwrap();
            let headers = [("accept-encoding", accepted), ("if-none-match", tag)];
            api.read(path, &headers)
                .is(304, "")
                .has("etag", tag)
                .lacks("content-encoding");
        }
    }
}

#[test]
fn a_304_has_no_length_of_its_own() {
    let api = Api::new();
    api.put("a", 1);
    let answer = api.read("/module/a", &[("if-none-match", "*")]);
    answer.is(304, "").lacks("content-length");
}

#[test]
fn with_keys_answers_are_not_for_shared_caches() {
    let api = Api::with_keys("key:*");
    api.put("a", 1);
    let hash = api.hash_of(&module(1));
    let key = ("wasmstore-auth", "key");
    for (path, control) in [
        ("/module/a".to_owned(), "private, no-cache"),
        (
            format!("/module/{hash}"),
            "private, max-age=31536000, immutable",
        ),
        ("/version/0/a".to_owned(), "private, no-cache"),
        ("/modules".to_owned(), "private, no-cache"),
        ("/hash/a".to_owned(), "private, no-cache"),
        ("/snapshot".to_owned(), "private, no-cache"),
        ("/module/none".to_owned(), "no-store"),
    ] {
        api.read(&path, &[key]).has("cache-control", control);
        let revalidated = api.read(&path, &[key, ("if-none-match", "*")]);
        revalidated.has("cache-control", control);
    }
}
