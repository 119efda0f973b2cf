//! Keys: a client is challenged at `/v2/`, a key that may POST may push, one that may GET may pull.

use serde_json::json;

use super::{Registry, WASM, image_manifest, is_error};
use crate::http::api::{TestResponse, digest_of};
use crate::support::store::module;

const KEYS: &str =
    "reader:GET\nwriter:GET,POST\nann:GET,POST:Ann <ann@example.org>\ndeleter:DELETE\nall:*";

/// Sends a request with a key as the password of `Basic`, as OCI clients do.
fn send(registry: &Registry, key: &str, method: &str, path: &str, body: Vec<u8>) -> TestResponse {
    let basic = format!("Basic {}", base64(&format!("user:{key}")));
    registry.v2_with(method, path, &[("authorization", &basic)], body)
}

fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::new();
    for three in text.as_bytes().chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at) & 63) as usize];
            encoded.push(if at <= three.len() { digit.into() } else { '=' });
        }
    }
    encoded
}

/// Pushes the module `n`, and returns the status of the last request.
fn push(registry: &Registry, key: &str, tag: &str, n: u32) -> u16 {
    for bytes in [b"{}".to_vec(), module(n)] {
        let path = format!("a/blobs/uploads/?digest={}", digest_of(&bytes));
        let response = send(registry, key, "POST", &path, bytes);
        if response.status != 201 {
            return response.status;
        }
    }
    let text = image_manifest(&[(WASM, &module(n))], &json!({}));
    let path = format!("a/manifests/{tag}");
    send(registry, key, "PUT", &path, text.into_bytes()).status
}

#[test]
fn a_client_without_a_key_is_challenged() {
    let registry = Registry::with_keys(KEYS);
    for path in ["", "a/tags/list", "_catalog"] {
        let response = registry.v2("GET", path, "");
        is_error(&response, 401, "UNAUTHORIZED");
        let challenge = response.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("Basic realm="), "{challenge}");
    }
    assert_eq!(send(&registry, "reader", "GET", "", Vec::new()).status, 200);
    let wrong = send(&registry, "wrong", "GET", "", Vec::new());
    is_error(&wrong, 401, "UNAUTHORIZED");
}

#[test]
fn a_key_that_may_get_only_pulls() {
    let registry = Registry::with_keys(KEYS);
    registry.put("a/1.wasm", 1);
    let get = |path: &str| send(&registry, "reader", "GET", path, Vec::new());
    assert_eq!(get("a/tags/list").json()["tags"], json!(["1"]));
    assert_eq!(get("a/manifests/1").status, 200);
    assert_eq!(
        get(&format!("a/blobs/{}", digest_of(&module(1)))).body,
        module(1)
    );
    let before = registry.state();
    for (method, path) in [
        ("POST", "a/blobs/uploads/"),
        ("PATCH", "a/blobs/uploads/x"),
        ("PUT", "a/blobs/uploads/x"),
        ("PUT", "a/manifests/1"),
        ("DELETE", "a/manifests/1"),
    ] {
        let response = send(&registry, "reader", method, path, Vec::new());
        is_error(&response, 403, "DENIED");
    }
    assert_eq!(push(&registry, "reader", "2", 2), 403);
    assert_eq!(registry.state(), before);
    assert!(!registry.root.join("wasmstore/oci").exists());
}

#[test]
fn a_key_that_may_post_pushes_and_one_that_may_delete_deletes() {
    let registry = Registry::with_keys(KEYS);
    assert_eq!(push(&registry, "writer", "1", 1), 201);
    assert_eq!(registry.content(), "/a/1.wasm=1");
    let begun = send(&registry, "writer", "POST", "a/blobs/uploads/", Vec::new());
    let url = begun
        .header("location")
        .unwrap()
        .strip_prefix("/v2/")
        .unwrap()
        .to_owned();
    assert_eq!(
        send(&registry, "writer", "PATCH", &url, b"x".to_vec()).status,
        202
    );
    let url = format!("{url}?digest={}", digest_of(b"x"));
    assert_eq!(
        send(&registry, "writer", "PUT", &url, Vec::new()).status,
        201
    );
    let delete = |key: &str| send(&registry, key, "DELETE", "a/manifests/1", Vec::new());
    is_error(&delete("writer"), 403, "DENIED");
    assert_eq!(delete("deleter").status, 202);
    assert_eq!(registry.content(), "");
    registry.is_clean();
}

#[test]
fn the_author_of_a_key_is_the_author_of_both_commits() {
    let registry = Registry::with_keys(KEYS);
    assert_eq!(push(&registry, "ann", "1", 1), 201);
    for reference in ["main", "refs/oci/records"] {
        let author = registry.git(&["log", "-1", "--format=%an <%ae>|%cn <%ce>", reference]);
        assert!(
            author.starts_with("Ann <ann@example.org>|"),
            "{reference}: {author}"
        );
    }
    registry.is_clean();
}
