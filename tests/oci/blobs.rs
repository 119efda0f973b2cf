//! Reads: headers, ranges, HEAD, encodings and digests of both algorithms.

use serde_json::json;
use wasmstore::config::Options;
use wasmstore::http::ServerOptions;

use super::{Registry, WASM, descriptor, image_manifest, is_error, sha512_of};
use crate::http::api::digest_of;
use crate::support::store::module;

#[test]
fn the_base_says_that_the_api_exists() {
    let registry = Registry::new();
    for path in ["/v2", "/v2/"] {
        let response = registry.send("GET", path, &[], "");
        response
            .is(200, "{}")
            .has("content-type", "application/json");
    }
}

#[test]
fn head_returns_the_headers_of_get() {
    let registry = Registry::new();
    registry.put("synthesized/1.wasm", 1);
    let (_, text) = registry.push_module("pushed", "1", 2);
    let uploaded = registry.upload("uploaded", b"a blob");
    for (path, length) in [
        ("pushed/manifests/1".to_owned(), text.len()),
        (
            format!("pushed/blobs/{}", digest_of(&module(2))),
            module(2).len(),
        ),
        (
            "synthesized/manifests/1".to_owned(),
            registry.manifest("synthesized", "1").body.len(),
        ),
        (
            format!("synthesized/blobs/{}", digest_of(&module(1))),
            module(1).len(),
        ),
        (format!("uploaded/blobs/{uploaded}"), 6),
    ] {
        let (head, get) = (
            registry.v2("HEAD", &path, ""),
            registry.v2("GET", &path, ""),
        );
        assert_eq!((head.status, get.status), (200, 200), "{path}");
        assert_eq!(get.body.len(), length);
        for name in [
            "content-length",
            "content-type",
            "docker-content-digest",
            "etag",
            "accept-ranges",
        ] {
            let value = get.header(name).map(str::to_owned);
            let value = value.or_else(|| (name == "content-length").then(|| length.to_string()));
            assert_eq!(head.header(name), value.as_deref(), "{path}: {name}");
        }
        get.has("docker-content-digest", &digest_of(&get.body));
    }
    let missing = format!("pushed/blobs/{}", digest_of(b"missing"));
    assert_eq!(registry.v2("HEAD", &missing, "").status, 404);
}

#[test]
fn blobs_have_ranges() {
    let registry = Registry::new();
    registry.put("a/1.wasm", 1);
    let uploaded = registry.upload("a", b"0123456789");
    let bytes = module(1);
    for (digest, bytes) in [(digest_of(&bytes), &bytes[..]), (uploaded, b"0123456789")] {
        let path = format!("a/blobs/{digest}");
        let get = |range: &str| registry.v2_with("GET", &path, &[("range", range)], "");
        let end = bytes.len();
        for (range, from, to) in [
            ("bytes=2-4", 2, 5),
            ("bytes=5-", 5, end),
            ("bytes=-3", end - 3, end),
            ("bytes=0-0", 0, 1),
            ("bytes=4-999999", 4, end),
        ] {
            let response = get(range);
            assert_eq!(response.status, 206, "{range}");
            assert_eq!(response.body[..], bytes[from..to], "{range}");
            let content_range = format!("bytes {from}-{}/{end}", to - 1);
            response.has("content-range", &content_range);
        }
        for range in [&format!("bytes={end}-"), "bytes=-0", "bytes=5-0", "bytes=x"] {
            let response = get(range);
            is_error(&response, 416, "SIZE_INVALID");
            response.has("content-range", &format!("bytes */{end}"));
        }
        assert_eq!(get("bytes=0-1,3-4").body[..], *bytes);
        assert_eq!(get("lines=0-1").body[..], *bytes);
        for (version, status) in [(format!("\"{digest}\""), 206), ("\"x\"".to_owned(), 200)] {
            let headers = [("range", "bytes=1-2"), ("if-range", version.as_str())];
            assert_eq!(registry.v2_with("GET", &path, &headers, "").status, status);
        }
    }
}

#[test]
fn nothing_is_ever_compressed() {
    let registry = Registry::new();
    let large = crate::support::store::custom_section(std::iter::repeat_n(b'a', 100_000));
    let added = registry.post("/module/a/1.wasm", large.clone());
    assert_eq!(added.status, 200);
    let accept = [("accept-encoding", "gzip, br, zstd")];
    let api = registry.get_with("/module/a/1.wasm", &accept);
    assert!(
        api.header("content-encoding").is_some(),
        "the API compresses it"
    );
    for path in [
        "a/manifests/1".to_owned(),
        format!("a/blobs/{}", digest_of(&large)),
        "a/tags/list".to_owned(),
        "_catalog".to_owned(),
        format!("a/referrers/{}", digest_of(&large)),
    ] {
        let plain = registry.v2("GET", &path, "");
        let response = registry.v2_with("GET", &path, &accept, "");
        assert_eq!(
            (response.status, &response.body),
            (200, &plain.body),
            "{path}"
        );
        response.lacks("content-encoding");
    }
}

#[test]
fn content_of_sha512_is_pushed_and_pulled() {
    let registry = Registry::new();
    let digest = sha512_of(&module(1));
    let path = format!("a/blobs/uploads/?digest={digest}");
    let response = registry.v2("POST", &path, module(1));
    assert_eq!(response.status, 201, "{}", response.text());
    response.has("docker-content-digest", &digest);
    registry.upload("a", b"{}");
    let mut layer = descriptor(WASM, &module(1));
    layer["digest"] = json!(digest);
    let text = image_manifest(&[], &json!({ "layers": [layer] }));
    let response = registry.put_manifest("a", "1", &text);
    assert_eq!(response.status, 201, "{}", response.text());
    assert_eq!(registry.content(), "/a/1.wasm=1");
    // The pushed manifest is served, although modules have a SHA-256.
    registry.manifest("a", "1").is(200, &text);
    assert_eq!(registry.blob("a", &digest).body, module(1));
    let by_digest = sha512_of(text.as_bytes());
    let response = registry.put_manifest("a", &by_digest, &text);
    assert_eq!(response.status, 201, "{}", response.text());
    response.has("docker-content-digest", &by_digest);
    let response = registry.manifest("a", &by_digest);
    response
        .is(200, &text)
        .has("docker-content-digest", &by_digest);
    assert_eq!(registry.post("/gc", "").status, 200);
    registry.manifest("a", "1").is(200, &text);
    assert_eq!(registry.post("/module/a/1.wasm", module(2)).status, 200);
    assert_ne!(registry.manifest("a", "1").text(), text);
    assert_eq!(registry.post("/rollback/a/1.wasm", "").status, 200);
    registry.manifest("a", "1").is(200, &text);
    registry.is_clean();
}

#[test]
fn a_blob_is_mounted_from_another_repository() {
    let registry = Registry::new();
    registry.put("a/1.wasm", 1);
    let digest = digest_of(&module(1));
    let mount = |to: &str, query: &str| {
        registry.v2("POST", &format!("{to}/blobs/uploads/?mount={query}"), "")
    };
    let mounted = mount("b", &format!("{digest}&from=a"));
    assert_eq!(mounted.status, 201);
    mounted.has("location", &format!("/v2/b/blobs/{digest}"));
    assert_eq!(registry.blob("b", &digest).body, module(1));
    // Without `from`, any repository will do.
    registry.push("c", "t", &[("text/plain", b"text")]);
    assert_eq!(mount("d", &digest_of(b"text")).status, 201);
    // A blob that is missing is uploaded instead.
    let missing = mount("b", &format!("{}&from=a", digest_of(b"missing")));
    assert_eq!(missing.status, 202);
    assert!(
        missing
            .header("location")
            .unwrap()
            .starts_with("/v2/b/blobs/uploads/")
    );
    registry.upload("b", b"{}");
    let text = image_manifest(&[(WASM, &module(1))], &json!({}));
    assert_eq!(registry.put_manifest("b", "2", &text).status, 201);
    assert_eq!(registry.content(), "/a/1.wasm=1 /b/2.wasm=1");
    registry.is_clean();
}

#[test]
fn clients_with_the_content_get_304() {
    let registry = Registry::new();
    registry.put("a/1.wasm", 1);
    for path in [
        "a/manifests/1".to_owned(),
        format!("a/blobs/{}", digest_of(&module(1))),
    ] {
        let etag = registry
            .v2("GET", &path, "")
            .header("etag")
            .unwrap()
            .to_owned();
        let response = registry.v2_with("GET", &path, &[("if-none-match", &etag)], "");
        assert_eq!((response.status, response.body.len()), (304, 0));
    }
}

#[test]
fn locations_are_below_the_base_path() {
    let options = ServerOptions {
        base_path: "/store".parse().unwrap(),
        ..ServerOptions::default()
    };
    let registry = Registry::with_options(options, Options::default());
    let begun = registry.send("POST", "/store/v2/a/blobs/uploads/", &[], "");
    let location = begun.header("location").unwrap().to_owned();
    assert!(
        location.starts_with("/store/v2/a/blobs/uploads/"),
        "{location}"
    );
    let url = format!("{location}?digest={}", digest_of(b"{}"));
    let put = registry.send("PUT", &url, &[], "{}");
    put.has(
        "location",
        &format!("/store/v2/a/blobs/{}", digest_of(b"{}")),
    );
    let text = image_manifest(&[], &json!({}));
    let put = registry.send("PUT", "/store/v2/a/manifests/1", &[], text.clone());
    assert_eq!(put.status, 201, "{}", put.text());
    let location = format!("/store/v2/a/manifests/{}", digest_of(text.as_bytes()));
    put.has("location", &location);
    let list = registry.send("GET", "/store/v2/_catalog?n=0", &[], "");
    assert_eq!(list.json(), json!({ "repositories": [] }));
    is_error(
        &registry.send("GET", "/store/v2/b/tags/list", &[], ""),
        404,
        "NAME_UNKNOWN",
    );
}

#[test]
fn wkg_learns_that_packages_are_pulled_by_oci() {
    let registry = Registry::new();
    let response = registry.send("GET", "/.well-known/wasm-pkg/registry.json", &[], "");
    response.has("content-type", "application/json");
    assert_eq!(response.json()["preferredProtocol"], "oci");
    // wkg does not send its key with this request.
    let registry = Registry::with_keys("reader:GET");
    let response = registry.send("GET", "/.well-known/wasm-pkg/registry.json", &[], "");
    assert_eq!(response.status, 200);
}

#[test]
fn unsupported_methods_are_refused_with_the_supported_ones() {
    let registry = Registry::new();
    let (digest, _) = registry.push_module("a", "1", 1);
    let layer = digest_of(&module(1));
    for (method, path, allowed) in [
        ("POST", "", "GET,HEAD"),
        ("DELETE", "_catalog", "GET, HEAD"),
        ("PUT", "a/tags/list", "GET, HEAD"),
        ("POST", &format!("a/referrers/{digest}"), "GET, HEAD"),
        ("POST", "a/manifests/1", "GET, HEAD, PUT, DELETE"),
        ("PUT", &format!("a/blobs/{layer}"), "GET, HEAD, DELETE"),
        ("GET", "a/blobs/uploads/", "POST"),
        ("POST", "a/blobs/uploads/x", "GET, HEAD, PATCH, PUT, DELETE"),
    ] {
        let response = registry.v2(method, path, "");
        is_error(&response, 405, "UNSUPPORTED");
        response.has("allow", allowed);
    }
    // The blob of a module is deleted with the module only.
    registry.put("a/2.wasm", 2);
    let path = format!("a/blobs/{}", digest_of(&module(2)));
    let response = registry.v2("DELETE", &path, "");
    is_error(&response, 405, "UNSUPPORTED");
    response.has("allow", "GET, HEAD");
    // The configuration of that module's manifest is in no repository by itself.
    let manifest = registry.v2("GET", "a/manifests/2", "").json();
    let configuration = manifest["config"]["digest"].as_str().unwrap();
    let response = registry.v2("DELETE", &format!("a/blobs/{configuration}"), "");
    let message = is_error(&response, 405, "UNSUPPORTED");
    assert!(
        message.contains("configuration of a module's manifest"),
        "{message}"
    );
}
