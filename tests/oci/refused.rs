//! Bad input: each gets the error code of the specification, leaves nothing half-written, and leaves `git fsck` and `verify` clean.
//!
//! | input | test |
//! |---|---|
//! | a manifest that names a missing blob | `a_manifest_that_names_missing_content_is_rejected` |
//! | a broken module behind a media type of WebAssembly | `a_broken_module_is_rejected_with_the_reason` |
//! | a manifest of 4 MiB + 1 | `a_manifest_of_more_than_four_mebibytes_is_rejected` |
//! | anything else than a manifest | `anything_else_than_a_manifest_is_rejected` |
//! | chunks out of order | `uploads::chunks_out_of_order_are_rejected_and_change_nothing` |
//! | uploads that never end | `uploads::uploads_that_never_end_expire`, `uploads::uploads_have_limits` |
//! | wrong digests, SHA-256 and SHA-512 | `uploads::a_blob_with_another_digest_is_rejected`, `a_digest_that_is_malformed_begins_no_upload` |
//! | names at every edge of the grammar | `tags::names_and_tags_at_the_edges_of_the_grammar_are_pushed_and_pulled`, `tags::names_and_tags_outside_of_the_grammar_are_rejected`, `tags::a_name_whose_path_is_too_long_for_git_is_rejected_with_a_reason` |
//! | 10,000 tags | `tags::ten_thousand_tags_are_listed_page_by_page` |
//! | a tag that is also a directory | `a_path_that_is_a_directory_or_below_a_module_is_a_conflict` |
//! | a delete at the same time as a push of the tag | `races::a_delete_of_a_tag_and_a_push_of_it_happen_one_after_the_other`, `races::a_delete_of_a_digest_does_not_delete_what_its_tag_is_now` |
//! | `gc` at the same time as a push | `races::gc_loses_no_push_that_runs_at_the_same_time`, `pruned::every_acknowledged_push_of_what_gc_removes_is_there_afterwards` |

use serde_json::json;

use super::one_store::files_below;
use super::{
    EMPTY, INDEX, MANIFEST, Registry, WASM, descriptor, image_manifest, is_error, sha512_of,
};
use crate::http::api::digest_of;
use crate::support::store::module;

#[test]
fn a_broken_module_is_rejected_with_the_reason() {
    let registry = Registry::new();
    registry.put("a/1.wasm", 1);
    let broken = [&module(2)[..], b"\x0a\x01"].concat();
    registry.upload("a", b"{}");
    registry.upload("a", &broken);
    let before = registry.state();
    for media_type in [WASM, "application/vnd.wasm.content.layer.v1+wasm"] {
        let text = image_manifest(&[(media_type, &broken)], &json!({}));
        for reference in ["1", &digest_of(text.as_bytes())] {
            let response = registry.put_manifest("a", reference, &text);
            let message = is_error(&response, 400, "MANIFEST_INVALID");
            assert!(
                message.contains("offset") || message.contains("unexpected"),
                "{message}"
            );
        }
    }
    // Also as one of several layers.
    let layers: [(&str, &[u8]); 2] = [("text/plain", b"{}"), (WASM, &broken)];
    let response = registry.put_manifest("a", "2", &image_manifest(&layers, &json!({})));
    is_error(&response, 400, "MANIFEST_INVALID");
    assert_eq!(registry.state(), before);
    assert_eq!(registry.content(), "/a/1.wasm=1");
    registry.is_clean();
}

#[test]
fn a_broken_module_that_another_manifest_stores_is_no_module_either() {
    let registry = Registry::new();
    registry.push("a", "text", &[("text/plain", b"no module")]);
    let text = image_manifest(&[(WASM, b"no module")], &json!({}));
    let response = registry.put_manifest("a", "1", &text);
    is_error(&response, 400, "MANIFEST_INVALID");
    assert_eq!(registry.tags("a"), ["text"]);
    registry.is_clean();
}

#[test]
fn a_manifest_that_names_missing_content_is_rejected() {
    let registry = Registry::new();
    registry.push_module("other", "1", 1);
    registry.upload("a", b"{}");
    let before = registry.state();
    // A blob of another repository is missing, too.
    let text = image_manifest(&[(WASM, &module(1))], &json!({}));
    let message = is_error(
        &registry.put_manifest("a", "1", &text),
        404,
        "MANIFEST_BLOB_UNKNOWN",
    );
    assert!(message.contains(&digest_of(&module(1))), "{message}");
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor(MANIFEST, b"x")] });
    let response = registry.put_manifest("a", "1", &index.to_string());
    is_error(&response, 404, "MANIFEST_BLOB_UNKNOWN");
    assert_eq!(registry.state(), before);
    registry.is_clean();
}

#[test]
fn a_manifest_of_more_than_four_mebibytes_is_rejected() {
    let registry = Registry::new();
    registry.upload("a", b"{}");
    let padded = |length: usize| {
        let text = image_manifest(&[], &json!({ "annotations": { "a": "" } }));
        let padding = "p".repeat(length - text.len());
        text.replace(r#""a":"""#, &format!(r#""a":"{padding}""#))
    };
    let (largest, larger) = (padded(4 << 20), padded((4 << 20) + 1));
    let before = registry.state();
    is_error(
        &registry.put_manifest("a", "1", &larger),
        413,
        "SIZE_INVALID",
    );
    assert_eq!(registry.state(), before);
    assert_eq!(registry.put_manifest("a", "1", &largest).status, 201);
    assert_eq!(registry.manifest("a", "1").body, largest);
    registry.is_clean();
}

#[test]
fn anything_else_than_a_manifest_is_rejected() {
    let registry = Registry::new();
    registry.upload("a", b"{}");
    let before = registry.state();
    for text in [
        "",
        "[]",
        "null",
        "{",
        "{\"layers\":1}",
        "{\"mediaType\":\"text/plain\"}",
    ] {
        let headers = [("content-type", MANIFEST)];
        let response = registry.v2_with("PUT", "a/manifests/1", &headers, text);
        is_error(&response, 400, "MANIFEST_INVALID");
    }
    let text = image_manifest(&[], &json!({}));
    let headers = [("content-type", INDEX)];
    let response = registry.v2_with("PUT", "a/manifests/1", &headers, text.clone());
    is_error(&response, 400, "MANIFEST_INVALID");
    let wrong = digest_of(b"other");
    is_error(
        &registry.put_manifest("a", &wrong, &text),
        400,
        "DIGEST_INVALID",
    );
    is_error(
        &registry.put_manifest("a", &sha512_of(b"other"), &text),
        400,
        "DIGEST_INVALID",
    );
    is_error(
        &registry.put_manifest("a", "md5:00", &text),
        400,
        "DIGEST_INVALID",
    );
    assert_eq!(registry.state(), before);
    registry.is_clean();
}

#[test]
fn a_path_that_is_a_directory_or_below_a_module_is_a_conflict() {
    let registry = Registry::new();
    registry.put("r/1.wasm/inner", 1);
    registry.put("m", 2);
    for (repository, tag, path) in [("r", "1", "r/1.wasm"), ("m", "1", "m")] {
        registry.upload(repository, b"{}");
        registry.upload(repository, &module(3));
        let text = image_manifest(&[(WASM, &module(3))], &json!({}));
        let refused = registry.put_manifest(repository, tag, &text);
        let message = is_error(&refused, 409, "MANIFEST_INVALID");
        assert!(message.contains(path), "{message}");
        is_error(&registry.manifest(repository, tag), 404, "MANIFEST_UNKNOWN");
    }
    assert_eq!(registry.content(), "/m=2 /r/1.wasm/inner=1");
    registry.is_clean();
}

#[test]
fn a_blob_of_a_module_is_deleted_with_the_module_only() {
    let registry = Registry::new();
    registry.put("a/1.wasm", 1);
    let path = format!("a/blobs/{}", digest_of(&module(1)));
    let message = is_error(&registry.v2("DELETE", &path, ""), 405, "UNSUPPORTED");
    assert!(message.contains("a/1.wasm"), "{message}");
    assert_eq!(registry.v2("GET", &path, "").body, module(1));
}

#[test]
fn a_deleted_blob_stays_in_other_repositories() {
    let registry = Registry::new();
    registry.push("a", "t", &[("text/plain", b"text")]);
    registry.push("b", "t", &[("text/plain", b"text")]);
    let digest = digest_of(b"text");
    let path = format!("a/blobs/{digest}");
    assert_eq!(registry.v2("DELETE", &path, "").status, 202);
    is_error(&registry.v2("GET", &path, ""), 404, "BLOB_UNKNOWN");
    assert_eq!(&registry.blob("b", &digest).body[..], b"text");
    registry.is_clean();
}

#[test]
fn a_digest_that_is_malformed_begins_no_upload() {
    let registry = Registry::new();
    for digest in ["sha256:0", "md5:00", "", "sha256%3A"] {
        let path = format!("a/blobs/uploads/?digest={digest}");
        is_error(&registry.v2("POST", &path, "x"), 400, "DIGEST_INVALID");
    }
    let path = format!("a/blobs/uploads/?digest={}", digest_of(b"other"));
    is_error(&registry.v2("POST", &path, "x"), 400, "DIGEST_INVALID");
    let left = files_below(&registry.root.join("wasmstore/oci"));
    assert!(left.is_empty(), "{left:?}");
    registry.is_clean();
}

#[test]
fn methods_and_endpoints_that_do_not_exist_are_unsupported() {
    let registry = Registry::new();
    for (method, path, status) in [
        ("POST", "a/manifests/1", 405),
        ("PUT", "a/tags/list", 405),
        ("DELETE", "_catalog", 405),
        ("GET", "a/nothing", 404),
        ("GET", "a", 404),
    ] {
        is_error(&registry.v2(method, path, ""), status, "UNSUPPORTED");
    }
    let text = image_manifest(&[], &json!({ "config": descriptor(EMPTY, b"{}") }));
    is_error(
        &registry.put_manifest("a", "1", &text),
        404,
        "MANIFEST_BLOB_UNKNOWN",
    );
}

#[test]
fn an_upload_that_was_damaged_is_not_recorded() {
    let registry = Registry::new();
    registry.upload("a", b"{}");
    let digest = registry.upload("a", &module(1));
    let digits = digest.strip_prefix("sha256:").unwrap();
    let file = registry.store.root().join("wasmstore/oci/a/_blobs/sha256");
    std::fs::write(file.join(digits), module(2)).unwrap();
    let text = image_manifest(&[(WASM, &module(1))], &json!({}));
    let refused = registry.put_manifest("a", "1", &text);
    is_error(&refused, 404, "MANIFEST_BLOB_UNKNOWN");
    assert_eq!(registry.content(), "");
    assert_eq!(registry.blob("a", &digest).status, 404);
    registry.upload("a", &module(1));
    assert_eq!(registry.put_manifest("a", "1", &text).status, 201);
    assert_eq!(registry.content(), "/a/1.wasm=1");
    registry.is_clean();
}

#[test]
fn the_largest_content_range_is_not_an_empty_chunk() {
    let registry = Registry::new();
    let begun = registry.v2("POST", "a/blobs/uploads/", "");
    let path = begun.header("location").unwrap().to_owned();
    let range = format!("0-{}", u64::MAX);
    let headers = [("content-range", range.as_str()), ("content-length", "0")];
    let response = registry.send("PATCH", &path, &headers, "");
    is_error(&response, 416, "BLOB_UPLOAD_INVALID");
}
