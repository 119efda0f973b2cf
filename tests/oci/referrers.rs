//! Manifests that refer to others: signatures, attestations and SBOMs.

use serde_json::{Value, json};

use super::{EMPTY, INDEX, MANIFEST, Registry, descriptor, image_manifest, is_error};
use crate::http::api::digest_of;

/// Returns a manifest that refers to another one.
fn referrer(subject: &str, n: usize, more: Value) -> String {
    let mut fields = json!({
        "subject": { "mediaType": MANIFEST, "digest": subject, "size": 1 },
        "annotations": { "n": n.to_string() },
    });
    fields
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    image_manifest(&[], &fields)
}

fn list(registry: &Registry, path: &str) -> Vec<Value> {
    let response = registry.v2("GET", path, "");
    assert_eq!(response.status, 200, "{}", response.text());
    response.has("content-type", INDEX);
    let json = response.json();
    assert_eq!(
        (&json["schemaVersion"], &json["mediaType"]),
        (&json!(2), &json!(INDEX))
    );
    json["manifests"].as_array().unwrap().clone()
}

#[test]
fn there_is_always_an_index_of_referrers() {
    let registry = Registry::new();
    let digest = digest_of(b"nothing");
    for name in ["a", "unknown/package"] {
        assert!(list(&registry, &format!("{name}/referrers/{digest}")).is_empty());
    }
    is_error(
        &registry.v2("GET", "a/referrers/sha256:0", ""),
        400,
        "DIGEST_INVALID",
    );
}

#[test]
fn a_signature_of_a_module_that_was_not_pushed_is_listed_and_survives_gc() {
    let registry = Registry::new();
    registry.put("a/1.wasm", 1);
    let subject = registry.digest("a", "1");
    registry.upload("a", b"{}");
    let text = referrer(
        &subject,
        1,
        json!({ "artifactType": "application/x.signature" }),
    );
    let digest = digest_of(text.as_bytes());
    let put = registry.put_manifest("a", &digest, &text);
    assert_eq!(put.status, 201, "{}", put.text());
    put.has("oci-subject", &subject);
    let expected = json!({
        "mediaType": MANIFEST,
        "digest": digest,
        "size": text.len(),
        "artifactType": "application/x.signature",
        "annotations": { "n": "1" },
    });
    let path = format!("a/referrers/{subject}");
    assert_eq!(list(&registry, &path), std::slice::from_ref(&expected));
    assert_eq!(registry.post("/gc", "").status, 200);
    assert_eq!(list(&registry, &path), [expected]);
    assert_eq!(registry.digest("a", "1"), subject);
    registry.manifest("a", &digest).is(200, &text);
    assert_eq!(registry.content(), "/a/1.wasm=1");
    let deleted = registry.v2("DELETE", &format!("a/manifests/{digest}"), "");
    assert_eq!(deleted.status, 202);
    assert!(list(&registry, &path).is_empty());
    registry.is_clean();
}

#[test]
fn referrers_are_filtered_by_their_type() {
    let registry = Registry::new();
    let (subject, _) = registry.push_module("a", "1", 1);
    let kinds = [
        json!({ "artifactType": "x/a" }),
        json!({ "artifactType": "x/b" }),
        json!({}),
    ];
    for (n, more) in kinds.into_iter().enumerate() {
        let text = referrer(&subject, n, more);
        let put = registry.put_manifest("a", &digest_of(text.as_bytes()), &text);
        assert_eq!(put.status, 201, "{}", put.text());
    }
    let path = format!("a/referrers/{subject}");
    assert_eq!(list(&registry, &path).len(), 3);
    registry.v2("GET", &path, "").lacks("oci-filters-applied");
    // The type of the configuration stands for a type that is missing.
    for (kind, n) in [("x%2Fa", "0"), ("x/b", "1"), (EMPTY, "2")] {
        let filtered = format!("{path}?artifactType={}", kind.replace('+', "%2B"));
        let found = list(&registry, &filtered);
        assert_eq!(found.len(), 1, "{kind}");
        assert_eq!(found[0]["annotations"]["n"], n);
        registry
            .v2("GET", &filtered, "")
            .has("oci-filters-applied", "artifactType");
    }
    assert!(list(&registry, &format!("{path}?artifactType=x/c")).is_empty());
}

#[test]
fn many_referrers_are_listed_page_by_page() {
    let registry = Registry::new();
    let (subject, _) = registry.push_module("a", "1", 1);
    // Annotations of 300 KB each: a page of 1 MiB ends after the fourth.
    let filler = "f".repeat(300_000);
    let mut expected = Vec::new();
    for n in 0..10 {
        let text = referrer(
            &subject,
            n,
            json!({ "annotations": { "f": filler, "n": n.to_string() } }),
        );
        let digest = digest_of(text.as_bytes());
        assert_eq!(registry.put_manifest("a", &digest, &text).status, 201);
        expected.push(digest);
    }
    expected.sort();
    let (mut found, mut pages) = (Vec::new(), 0);
    let mut next = Some(format!(
        "/v2/a/referrers/{subject}?artifactType={}",
        EMPTY.replace('+', "%2B")
    ));
    while let Some(url) = next {
        let page = registry.send("GET", &url, &[], "");
        page.has("oci-filters-applied", "artifactType");
        for manifest in page.json()["manifests"].as_array().unwrap() {
            found.push(manifest["digest"].as_str().unwrap().to_owned());
        }
        pages += 1;
        next = page.header("link").map(|link| {
            let url = link.strip_prefix('<').unwrap();
            url.strip_suffix(">; rel=\"next\"").unwrap().to_owned()
        });
    }
    assert_eq!((found, pages), (expected, 3));
}

#[test]
fn an_index_keeps_what_it_names() {
    let registry = Registry::new();
    let (child, text) = registry.push("a", "t", &[("text/plain", b"text")]);
    let index = json!({
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [descriptor(MANIFEST, text.as_bytes())],
    });
    let put = registry.put_manifest("a", "index", &index.to_string());
    assert_eq!(put.status, 201, "{}", put.text());
    assert_eq!(registry.v2("DELETE", "a/manifests/t", "").status, 202);
    assert_eq!(registry.post("/gc", "").status, 200);
    registry
        .manifest("a", "index")
        .is(200, &index.to_string())
        .has("content-type", INDEX);
    registry.manifest("a", &child).is(200, &text);
    registry.is_clean();
}

#[test]
fn a_signature_keeps_the_synthesised_manifest_to_which_it_is_attached() {
    let registry = Registry::new();
    registry.put("a/1.wasm", 1);
    let subject = registry.digest("a", "1");
    let served = registry.manifest("a", &subject).text().to_owned();
    let text = referrer(&subject, 1, json!({}));
    let digest = digest_of(text.as_bytes());
    registry.upload("a", b"{}");
    assert_eq!(registry.put_manifest("a", &digest, &text).status, 201);
    registry.put("a/1.wasm", 2);
    assert_ne!(registry.digest("a", "1"), subject);
    registry.manifest("a", &subject).is(200, &served);
    assert_eq!(registry.post("/gc", "").status, 200);
    registry.manifest("a", &subject).is(200, &served);
    assert_eq!(list(&registry, &format!("a/referrers/{subject}")).len(), 1);
    registry.is_clean();
}
