//! Uploads in chunks: what continues them, what ends them, and to whom they belong.

use std::path::PathBuf;
use std::time::Duration;

use wasmstore::config::{BlobUploadLimits, ModuleLimits, Options};
use wasmstore::http::ServerOptions;
use wasmstore::store::Store;

use super::{Api, TestResponse, api, digest_of};
use crate::support::store::{custom_section, module};

/// Begins an upload, and returns its URL.
#[track_caller]
fn begin(s: &Api, headers: &[(&str, &str)]) -> String {
    let begun = s.send("POST", &api("/uploads"), headers, "");
    assert_eq!(begun.status, 202, "{}", begun.text());
    begun.lacks("range");
    begun.header("location").unwrap().to_owned()
}

fn patch(s: &Api, url: &str, range: Option<&str>, bytes: &[u8]) -> TestResponse {
    let length = bytes.len().to_string();
    let mut headers = vec![("content-length", length.as_str())];
    headers.extend(range.map(|range| ("content-range", range)));
    s.send("PATCH", url, &headers, bytes.to_vec())
}

fn put(s: &Api, url: &str, headers: &[(&str, &str)]) -> TestResponse {
    s.send("PUT", &format!("{url}?path=/a/b.wasm"), headers, "")
}

/// Returns the files of all uploads.
fn files(s: &Api) -> Vec<PathBuf> {
    let mut todo = vec![s.root.join("wasmstore/oci")];
    let mut files = Vec::new();
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(dir).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files
}

#[test]
fn a_module_arrives_in_chunks_and_becomes_a_commit() {
    let s = Api::new();
    let bytes = custom_section(0..200_u8);
    let url = begin(&s, &[]);
    assert!(url.starts_with("/api/v1/uploads/"), "{url}");
    patch(&s, &url, Some("0-99"), &bytes[..100]).has("range", "0-99");
    let second = patch(&s, &url, None, &bytes[100..150]);
    assert_eq!(second.status, 202);
    second.has("range", "0-149").has("location", &url);
    let status = s.send("GET", &url, &[], "");
    status.is(204, "").has("range", "0-149");
    let last = format!("bytes 150-{}/*", bytes.len() - 1);
    let headers = [
        ("content-range", last.as_str()),
        ("wasmstore-author", "Ann <ann@example.org>"),
        ("wasmstore-message", "Large"),
        ("if-none-match", "*"),
    ];
    let closing = format!("{url}?path=/a/b.wasm&digest={}", digest_of(&bytes));
    let stored = s.send("PUT", &closing, &headers, bytes[150..].to_vec());
    stored.is(200, &s.hash_of(&bytes));
    stored
        .has("wasmstore-branch", "main")
        .has("wasmstore-changed", "true")
        .has("wasmstore-commit", &s.rev("main"));
    assert_eq!(s.get("/module/a/b.wasm").body, bytes);
    assert_eq!(s.git(&["log", "-1", "--format=%an %s"]).trim(), "Ann Large");
    assert!(files(&s).is_empty());
    // The response was lost: the same request has the same response, although the path is taken now.
    let again = s.send("PUT", &closing, &headers, bytes[150..].to_vec());
    again
        .is(200, &s.hash_of(&bytes))
        .has("wasmstore-changed", "true");
    for (method, url) in [
        ("GET", url.as_str()),
        ("PUT", &format!("{url}?path=/other")),
    ] {
        let gone = s.send(method, url, &[], "");
        assert_eq!(gone.status, 404, "{method}");
        assert!(
            gone.text().contains("it may have expired"),
            "{}",
            gone.text()
        );
    }
    s.fsck();
}

#[test]
fn chunks_out_of_order_are_416_and_change_nothing() {
    let s = Api::new();
    let url = begin(&s, &[]);
    patch(&s, &url, Some("1-2"), b"23").lacks("range");
    assert_eq!(patch(&s, &url, Some("0-1"), b"01").status, 202);
    for range in ["0-1", "1-2", "3-4", "x", "2-1", "2-9"] {
        let refused = patch(&s, &url, Some(range), b"23");
        assert_eq!(refused.status, 416, "{range}");
        let headers = [("content-range", range), ("content-length", "2")];
        let refused = s.send("PUT", &format!("{url}?path=a"), &headers, "23");
        assert_eq!(refused.status, 416, "{range}");
    }
    patch(&s, &url, Some("5-6"), b"23")
        .is(
            416,
            "the chunk does not begin where the upload ends: it has 2 bytes",
        )
        .has("range", "0-1");
    s.send("GET", &url, &[], "").is(204, "").has("range", "0-1");
}

#[test]
fn an_upload_survives_refusals_that_do_not_depend_on_its_bytes() {
    let s = Api::new();
    s.put("a/b.wasm", 1);
    s.put("taken", 1);
    let state = s.state();
    let bytes = module(2);
    let url = begin(&s, &[]);
    assert_eq!(patch(&s, &url, None, &bytes).status, 202);
    for (path, headers, status) in [
        ("a/b.wasm", &[("if-none-match", "*")][..], 412),
        ("a/b.wasm", &[("if-match", "\"x\"")], 412),
        ("taken/b.wasm", &[], 409),
        ("a/b.wasm", &[("wasmstore-branch", "next")], 404),
        ("a/../b", &[], 400),
        ("a", &[("content-digest", "sha-256=:x:")], 400),
        ("a", &[("repr-digest", "sha-256=:x:")], 400),
        ("a", &[("content-encoding", "gzip")], 415),
        ("a", &[("wasmstore-commit", "main")], 400),
    ] {
        let refused = s.send("PUT", &format!("{url}?path={path}"), headers, "");
        assert_eq!(
            refused.status,
            status,
            "{path} {headers:?}: {}",
            refused.text()
        );
        if !["a", "a/../b"].contains(&path) {
            // The same is found before the bytes are sent.
            let begun = s.send("POST", &api(&format!("/uploads?path={path}")), headers, "");
            assert_eq!(begun.status, status, "{path} {headers:?}");
        }
    }
    assert_eq!(s.send("PUT", &url, &[], "").status, 400, "no path");
    assert_eq!(s.state(), state);
    s.send("GET", &url, &[], "")
        .has("range", &format!("0-{}", bytes.len() - 1));
    put(&s, &url, &[]).is(200, &s.hash_of(&bytes));
    assert_eq!(s.value("a/b.wasm"), Some(2));
}

#[test]
fn an_upload_whose_bytes_are_wrong_is_discarded_and_not_stored() {
    let s = Api::new();
    let state = s.state();
    let zeros = format!("&digest=sha256:{}", "0".repeat(64));
    let repr = format!("sha-256=:{}=:", "A".repeat(43));
    for (bytes, query, headers, reason) in [
        (
            &b"no module"[..],
            "",
            &[][..],
            "the magic number is missing",
        ),
        (&module(1)[..9], "", &[], "cannot accept /a/b.wasm"),
        (b"", "", &[], "cannot accept /a/b.wasm"),
        (&module(1), &zeros, &[], "the digest of the module is not"),
        (
            &module(1),
            "",
            &[("repr-digest", repr.as_str())],
            "the digest of the module is not",
        ),
    ] {
        let url = begin(&s, &[]);
        assert_eq!(patch(&s, &url, None, bytes).status, 202);
        let closing = format!("{url}?path=/a/b.wasm{query}");
        let refused = s.send("PUT", &closing, headers, "");
        assert_eq!(refused.status, 400, "{reason}");
        assert!(refused.text().contains(reason), "{}", refused.text());
        assert_eq!(s.send("PUT", &closing, headers, "").status, 404);
        assert!(files(&s).is_empty());
    }
    assert_eq!(s.state(), state);
}

#[test]
fn an_upload_belongs_to_its_user_and_needs_post() {
    let s = Api::with_keys("ann:POST:Ann <a@b>\nnew:POST:Ann <a@b>\nbob:*\nreader:GET,PUT,DELETE");
    let url = begin(&s, &[("wasmstore-auth", "ann")]);
    let send = |method: &str, key: &str| {
        let url = format!("{url}?path=a");
        s.send(method, &url, &[("wasmstore-auth", key)], "").status
    };
    for method in ["GET", "PATCH", "PUT", "DELETE"] {
        assert_eq!(send(method, "bob"), 404, "{method}");
        assert_eq!(send(method, "reader"), 403, "{method}");
        assert_eq!(s.send(method, &url, &[], "").status, 401, "{method}");
    }
    let bytes = module(1);
    let headers = [("wasmstore-auth", "ann"), ("content-range", "0-3")];
    assert_eq!(
        s.send("PATCH", &url, &headers, bytes[..4].to_vec()).status,
        202
    );
    // Another key of the same author continues.
    assert_eq!(send("GET", "new"), 204);
    let headers = [("wasmstore-auth", "new")];
    let put = s.send(
        "PUT",
        &format!("{url}?path=a"),
        &headers,
        bytes[4..].to_vec(),
    );
    put.is(200, &s.hash_of(&bytes));
    assert_eq!(s.git(&["log", "-1", "--format=%an"]).trim(), "Ann");
}

#[test]
fn uploads_that_never_end_expire() {
    let s = Api::new();
    let url = begin(&s, &[]);
    assert_eq!(patch(&s, &url, None, b"01").status, 202);
    assert_eq!(files(&s).len(), 1);
    // A later process, for which it is old.
    let options = Options {
        blob_uploads: BlobUploadLimits {
            age_max: Duration::from_millis(1),
            ..BlobUploadLimits::default()
        },
        ..Options::default()
    };
    std::thread::sleep(Duration::from_millis(20));
    Store::open(&s.root, options)
        .unwrap()
        .remove_expired_blobs()
        .unwrap();
    for method in ["GET", "PATCH", "DELETE"] {
        assert_eq!(s.send(method, &url, &[], "").status, 404, "{method}");
    }
    assert_eq!(put(&s, &url, &[]).status, 404);
    assert!(files(&s).is_empty());
}

#[test]
fn uploads_have_limits() {
    let options = Options {
        blob_uploads: BlobUploadLimits {
            bytes_max: 10,
            files_max: 2,
            ..BlobUploadLimits::default()
        },
        modules: ModuleLimits {
            module_bytes_max: 8,
            ..ModuleLimits::default()
        },
        ..Options::default()
    };
    let s = Api::with_options(ServerOptions::default(), options);
    let announced = s.post("/uploads?size=9", "");
    announced.is(
        413,
        "the module is larger than 8 bytes (--max-module-bytes)",
    );
    let url = begin(&s, &[]);
    assert_eq!(patch(&s, &url, None, b"012345678").status, 413);
    assert_eq!(patch(&s, &url, None, b"01234567").status, 202);
    // An upload of an OCI client counts, too.
    let oci = s.send("POST", "/v2/a/blobs/uploads/", &[], "");
    assert_eq!(oci.status, 202);
    assert_eq!(s.post("/uploads", "").status, 507);
    let oci = oci.header("location").unwrap();
    assert_eq!(patch(&s, oci, None, b"0123").status, 507);
    // What is cancelled makes room.
    assert_eq!(s.send("DELETE", &url, &[], "").status, 204);
    assert_eq!(s.send("GET", &url, &[], "").status, 404);
    assert_eq!(patch(&s, oci, None, b"0123").status, 202);
    begin(&s, &[]);
}

fn content_digest(bytes: &[u8]) -> String {
    use base64::Engine as _;
    let digest = <sha2::Sha256 as sha2::Digest>::digest(bytes);
    let encoded = base64::prelude::BASE64_STANDARD.encode(digest);
    format!("sha-256=:{encoded}:")
}

#[test]
fn a_chunk_with_another_digest_is_not_appended() {
    let s = Api::new();
    let bytes = custom_section((0..600_000).map(|n: u32| n as u8));
    let (first, last) = bytes.split_at(400_000);
    let url = begin(&s, &[]);
    let send = |method: &str, url: &str, digest: &str, bytes: &[u8]| {
        s.send(method, url, &[("content-digest", digest)], bytes.to_vec())
    };
    let refused = send("PATCH", &url, &content_digest(last), first);
    assert_eq!(refused.status, 400);
    let text = refused.text();
    assert!(text.contains("is not the one in Content-Digest"), "{text}");
    assert_eq!(send("PATCH", &url, "sha-256=:x:", first).status, 400);
    s.send("GET", &url, &[], "").is(204, "").lacks("range");
    let appended = send("PATCH", &url, &content_digest(first), first);
    assert_eq!(appended.status, 202, "{}", appended.text());
    appended.has("range", "0-399999");
    let closing = format!("{url}?path=a");
    assert_eq!(
        send("PUT", &closing, &content_digest(first), last).status,
        400
    );
    assert_eq!(
        send("PUT", &closing, &content_digest(first), b"").status,
        400
    );
    s.send("GET", &url, &[], "").has("range", "0-399999");
    let digest = format!("md5=:eA==:, {}", content_digest(last));
    send("PUT", &closing, &digest, last).is(200, &s.hash_of(&bytes));
    let url = begin(&s, &[]);
    let refused = send(
        "PATCH",
        &url,
        &content_digest(b""),
        &vec![0; (16 << 20) + 1],
    );
    assert_eq!(refused.status, 413);
    let text = refused.text();
    assert!(text.contains("send smaller chunks"), "{text}");
    let repr = [("repr-digest", &*content_digest(first))];
    let refused = s.send("PATCH", &url, &repr, first.to_vec());
    assert_eq!(refused.status, 400);
}

/// Conditions that are not checked when an upload begins are refused there, so that no client relies on them.
#[test]
fn conditions_belong_to_the_end_of_an_upload() {
    let s = Api::new();
    s.put("a", 1);
    let hash = s.hash_of(&module(1));
    let item = format!("/a {hash}");
    let tag = format!("\"{hash}\"");
    for (query, header) in [
        ("", ("wasmstore-if-match", item.as_str())),
        ("?path=a", ("wasmstore-if-match", &item)),
        ("?path=a", ("wasmstore-if-none-match", "*")),
        ("", ("if-match", &tag)),
        ("", ("if-none-match", "*")),
    ] {
        let refused = s.send("POST", &api(&format!("/uploads{query}")), &[header], "");
        assert_eq!(refused.status, 400, "{query} {header:?}");
        let text = refused.text();
        assert!(
            text.contains("send them with the PUT that completes it"),
            "{text}"
        );
    }
    assert!(files(&s).is_empty());
    let begun = s.send("POST", &api("/uploads?path=a"), &[("if-match", &tag)], "");
    assert_eq!(begun.status, 202);
    let url = begun.header("location").unwrap();
    assert_eq!(patch(&s, url, None, &module(2)).status, 202);
    let other = format!("/a {}", s.hash_of(&module(3)));
    for (header, status) in [(other.as_str(), 412), (&item, 200)] {
        let headers = [("wasmstore-if-match", header)];
        let put = s.send("PUT", &format!("{url}?path=a"), &headers, "");
        assert_eq!(put.status, status, "{header}: {}", put.text());
    }
}
