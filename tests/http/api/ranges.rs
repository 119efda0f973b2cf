//! Ranges, compressed variants, and caching.

use std::io::Read as _;

use super::{Api, TestResponse};
use crate::support::store::module;

/// Returns a module that compresses well.
fn large() -> Vec<u8> {
    let text = "abcdefgh".repeat(2000);
    wat::parse_str(format!(
        "(module (memory 1) (data (i32.const 0) \"{text}\"))"
    ))
    .unwrap()
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    flate2::read::GzDecoder::new(bytes)
        .read_to_end(&mut decoded)
        .unwrap();
    decoded
}

#[test]
fn a_range_applies_to_the_uncompressed_bytes() {
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
            let response = api.get_with("/module/a", &headers);
            assert_eq!(
                (response.status, &response.body[..]),
                (206, &bytes[part.clone()]),
                "{range}"
            );
            let content_range = format!("bytes {}-{}/{size}", part.start, part.end - 1);
            response
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
fn an_unsatisfiable_range_is_416_and_a_malformed_one_400() {
    let api = Api::new();
    api.put("a", 1);
    let size = module(1).len();
    for range in [format!("bytes={size}-"), "bytes=-0".to_owned()] {
        let response = api.get_with("/module/a", &[("range", &range)]);
        response.is(416, &format!("the module has {size} bytes"));
        response.has("content-range", &format!("bytes */{size}"));
    }
    for range in ["bytes=3-1", "bytes", "bytes=x-"] {
        api.get_with("/module/a", &[("range", range)])
            .is(400, "Range is malformed");
    }
    for ignored in ["bytes=0-1,3-4", "lines=1-2"] {
        let response = api.get_with("/module/a", &[("range", ignored)]);
        assert_eq!((response.status, &response.body[..]), (200, &module(1)[..]));
    }
}

#[test]
fn a_range_of_another_version_is_ignored() {
    let api = Api::new();
    api.put("a", 1);
    let hash = api.hash_of(&module(1));
    let (etag, variant_etag) = (format!("\"{hash}\""), format!("\"{hash}-gzip\""));
    for (version, status) in [(&*etag, 206), ("\"x\"", 200), (&variant_etag, 200)] {
        let headers = [("range", "bytes=0-3"), ("if-range", version)];
        assert_eq!(
            api.get_with("/module/a", &headers).status,
            status,
            "{version}"
        );
    }
    // `If-None-Match` is evaluated before `Range`.
    let headers = [("range", "bytes=0-3"), ("if-none-match", &*etag)];
    assert_eq!(api.get_with("/module/a", &headers).status, 304);
}

#[test]
fn only_get_supports_ranges() {
    let api = Api::new();
    api.put("a", 1);
    for path in ["/module/a", "/version/0/a"] {
        let head = api.send_empty("HEAD", path, &[("range", "bytes=0-3")]);
        assert_eq!(head.status, 200, "{path}");
        head.has("content-length", &module(1).len().to_string())
            .lacks("content-range");
        assert_eq!(
            api.send_empty("HEAD", path, &[("range", "bytes=999-")])
                .status,
            200
        );
    }
}

fn decode(response: &TestResponse) -> Vec<u8> {
    match response.header("content-encoding") {
        None => response.body.to_vec(),
        Some("gzip") => gunzip(&response.body),
        Some("zstd") => zstd::decode_all(&response.body[..]).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_client_gets_the_variant_that_it_prefers() {
    let api = Api::new();
    let bytes = large();
    let hash = api.hash_of(&bytes);
    api.post("/module/a", bytes.clone());
    for (accepted, coding) in [
        ("gzip", Some("gzip")),
        ("gzip, deflate, br, zstd", Some("zstd")),
        ("zstd;q=0.1, gzip;q=0.9", Some("gzip")),
        ("*", Some("zstd")),
        ("br", None),
        ("identity", None),
        ("gzip;q=0", None),
    ] {
        for name in ["a", &hash] {
            let response =
                api.get_with(&format!("/module/{name}"), &[("accept-encoding", accepted)]);
            assert_eq!(
                (response.status, response.header("content-encoding")),
                (200, coding),
                "{accepted}"
            );
            assert_eq!(decode(&response), bytes, "{accepted}");
            let suffix = coding
                .map(|coding| format!("-{coding}"))
                .unwrap_or_default();
            response
                .has("etag", &format!("\"{hash}{suffix}\""))
                .has("content-length", &response.body.len().to_string())
                .has("content-type", "application/wasm")
                .has("wasmstore-hash", &hash)
                .has(
                    "vary",
                    "Accept-Encoding, Wasmstore-Branch, Wasmstore-Commit",
                );
            assert_eq!(
                response.header("repr-digest").is_some(),
                coding.is_none(),
                "{accepted}"
            );
            assert!(coding.is_none() || response.body.len() < bytes.len() / 10);
        }
    }
}

#[test]
fn a_304_has_the_entity_tag_of_the_clients_variant() {
    let api = Api::new();
    let bytes = large();
    api.post("/module/large", bytes.clone());
    // This module is not compressed, because it would not get smaller.
    api.put("small", 1);
    for path in ["/module/large", "/module/small"] {
        for accepted in ["identity", "gzip", "zstd"] {
            let first = api.get_with(path, &[("accept-encoding", accepted)]);
            let tag = first.header("etag").unwrap();
            let headers = [("accept-encoding", accepted), ("if-none-match", tag)];
            api.get_with(path, &headers)
                .is(304, "")
                .has("etag", tag)
                .lacks("content-encoding");
        }
    }
}

#[test]
fn a_304_has_no_content_length() {
    let api = Api::new();
    api.put("a", 1);
    let response = api.get_with("/module/a", &[("if-none-match", "*")]);
    response.is(304, "").lacks("content-length");
}

#[test]
fn with_keys_responses_are_private() {
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
        api.get_with(&path, &[key]).has("cache-control", control);
        let revalidated = api.get_with(&path, &[key, ("if-none-match", "*")]);
        revalidated.has("cache-control", control);
    }
}
