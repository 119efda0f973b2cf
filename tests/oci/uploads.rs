//! Uploads in chunks, their limits, and their end.

use std::time::Duration;

use wasmstore::config::{BlobUploadLimits, ModuleLimits, Options};
use wasmstore::http::ServerOptions;
use wasmstore::names::RepositoryName;
use wasmstore::store::Store;

use super::one_store::files_below;
use super::{Registry, is_error, sha512_of};
use crate::http::api::{TestResponse, digest_of};

/// Begins an upload, and returns its location.
fn begin(registry: &Registry) -> String {
    let begun = registry.v2("POST", "a/blobs/uploads/", "");
    assert_eq!(begun.status, 202);
    begun.has("range", "0-0");
    begun.header("location").unwrap().to_owned()
}

fn patch(registry: &Registry, url: &str, range: Option<&str>, body: &'static str) -> TestResponse {
    let length = body.len().to_string();
    let mut headers = vec![("content-length", length.as_str())];
    headers.extend(range.map(|range| ("content-range", range)));
    registry.send("PATCH", url, &headers, body)
}

#[test]
fn a_blob_arrives_in_chunks() {
    let registry = Registry::new();
    let url = begin(&registry);
    patch(&registry, &url, Some("0-3"), "0123").has("range", "0-3");
    let second = patch(&registry, &url, None, "45");
    assert_eq!(second.status, 202);
    second.has("range", "0-5").has("location", &url);
    let status = registry.send("GET", &url, &[], "");
    assert_eq!(status.status, 204);
    status.has("range", "0-5");
    let digest = digest_of(b"0123456789");
    let headers = [("content-range", "6-9")];
    let put = registry.send("PUT", &format!("{url}?digest={digest}"), &headers, "6789");
    assert_eq!(put.status, 201, "{}", put.text());
    put.has("location", &format!("/v2/a/blobs/{digest}"));
    assert_eq!(&registry.blob("a", &digest).body[..], b"0123456789");
    is_error(
        &registry.send("GET", &url, &[], ""),
        404,
        "BLOB_UPLOAD_UNKNOWN",
    );
}

#[test]
fn chunks_out_of_order_are_rejected_and_change_nothing() {
    let registry = Registry::new();
    let url = begin(&registry);
    let digest = digest_of(b"0123");
    assert_eq!(patch(&registry, &url, Some("0-1"), "01").status, 202);
    for range in ["0-1", "1-2", "3-4", "x", "2-1", "2-9"] {
        let refused = patch(&registry, &url, Some(range), "23");
        is_error(&refused, 416, "BLOB_UPLOAD_INVALID");
        let headers = [("content-range", range), ("content-length", "2")];
        let put = registry.send("PUT", &format!("{url}?digest={digest}"), &headers, "23");
        is_error(&put, 416, "BLOB_UPLOAD_INVALID");
    }
    registry.send("GET", &url, &[], "").has("range", "0-1");
    let put = registry.send("PUT", &format!("{url}?digest={digest}"), &[], "23");
    assert_eq!(put.status, 201);
    assert_eq!(&registry.blob("a", &digest).body[..], b"0123");
    assert_eq!(files_below(&registry.root.join("wasmstore/oci")).len(), 1);
    registry.is_clean();
}

#[test]
fn a_blob_with_another_digest_is_rejected() {
    let registry = Registry::new();
    for wrong in [digest_of(b"other"), sha512_of(b"other")] {
        let url = begin(&registry);
        let put = registry.send("PUT", &format!("{url}?digest={wrong}"), &[], "0123");
        is_error(&put, 400, "DIGEST_INVALID");
        is_error(
            &registry.send("PUT", &format!("{url}?digest={wrong}"), &[], "x"),
            404,
            "BLOB_UPLOAD_UNKNOWN",
        );
        is_error(&registry.blob("a", &wrong), 404, "NAME_UNKNOWN");
        let whole = format!("a/blobs/uploads/?digest={wrong}");
        is_error(&registry.v2("POST", &whole, "0123"), 400, "DIGEST_INVALID");
    }
    let left = files_below(&registry.root.join("wasmstore/oci"));
    assert!(left.is_empty(), "{left:?}");
    let url = begin(&registry);
    is_error(&registry.send("PUT", &url, &[], "x"), 400, "DIGEST_INVALID");
    registry.is_clean();
}

#[test]
fn a_cancelled_upload_is_gone() {
    let registry = Registry::new();
    let url = begin(&registry);
    assert_eq!(patch(&registry, &url, None, "01").status, 202);
    assert_eq!(registry.send("DELETE", &url, &[], "").status, 204);
    for method in ["GET", "PATCH", "DELETE"] {
        is_error(
            &registry.send(method, &url, &[], ""),
            404,
            "BLOB_UPLOAD_UNKNOWN",
        );
    }
    for id in ["x", "..", "%2e%2e%2f", &"a".repeat(32)] {
        let response = registry.v2("PATCH", &format!("a/blobs/uploads/{id}"), "x");
        assert_eq!(response.status, 404, "{id}");
    }
    // An upload belongs to its repository.
    let other = begin(&registry).replace("/v2/a/", "/v2/b/");
    is_error(
        &registry.send("PATCH", &other, &[], "x"),
        404,
        "BLOB_UPLOAD_UNKNOWN",
    );
}

#[test]
fn uploads_that_never_end_expire() {
    let registry = Registry::new();
    let url = begin(&registry);
    assert_eq!(patch(&registry, &url, None, "01").status, 202);
    let blob = registry.upload("b", b"a blob");
    assert_eq!(files_below(&registry.root.join("wasmstore/oci")).len(), 2);
    // A later process, for which they are old.
    let limits = BlobUploadLimits {
        age_max: Duration::from_millis(1),
        ..BlobUploadLimits::default()
    };
    let options = Options {
        blob_uploads: limits,
        ..Options::default()
    };
    std::thread::sleep(Duration::from_millis(20));
    let later = Store::open(&registry.root, options).unwrap();
    later
        .begin_blob(&RepositoryName::parse("c").unwrap())
        .unwrap();
    is_error(
        &registry.send("GET", &url, &[], ""),
        404,
        "BLOB_UPLOAD_UNKNOWN",
    );
    is_error(&registry.blob("b", &blob), 404, "NAME_UNKNOWN");
    assert_eq!(files_below(&registry.root.join("wasmstore/oci")).len(), 1);
    registry.is_clean();
}

#[test]
fn uploads_have_limits() {
    let limits = BlobUploadLimits {
        bytes_max: 10,
        files_max: 3,
        ..BlobUploadLimits::default()
    };
    let options = Options {
        blob_uploads: limits,
        modules: ModuleLimits {
            module_bytes_max: 8,
            ..ModuleLimits::default()
        },
        ..Options::default()
    };
    let registry = Registry::with_options(ServerOptions::default(), options);
    let url = begin(&registry);
    is_error(
        &patch(&registry, &url, None, "012345678"),
        413,
        "SIZE_INVALID",
    );
    assert_eq!(patch(&registry, &url, None, "01234567").status, 202);
    let other = begin(&registry);
    is_error(
        &patch(&registry, &other, None, "0123"),
        507,
        "TOOMANYREQUESTS",
    );
    registry.send("GET", &other, &[], "").has("range", "0-0");
    begin(&registry);
    is_error(
        &registry.v2("POST", "a/blobs/uploads/", ""),
        507,
        "TOOMANYREQUESTS",
    );
    // What is cancelled makes room.
    assert_eq!(registry.send("DELETE", &url, &[], "").status, 204);
    assert_eq!(patch(&registry, &other, None, "0123").status, 202);
    begin(&registry);
}
