//! The claims that span several APIs: the branch decides which module a tag is, and `refs/oci/records` with which manifest it is served.

use std::collections::BTreeSet;

use serde_json::json;

use super::{MANIFEST, Registry, WASM, image_manifest, is_error, texts};
use crate::http::api::digest_of;
use crate::support::store::module;

#[test]
fn an_added_module_is_pulled_with_a_synthesized_manifest() {
    let registry = Registry::new();
    registry.put("math/add/1.0.0.wasm", 1);
    assert_eq!(registry.tags("math/add"), ["1.0.0"]);
    let response = registry.manifest("math/add", "1.0.0");
    response
        .has("content-type", MANIFEST)
        .has("docker-content-digest", &digest_of(&response.body));
    let manifest = response.json();
    let layer = &manifest["layers"][0];
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 1);
    assert_eq!(layer["mediaType"], WASM);
    assert_eq!(layer["digest"], digest_of(&module(1)));
    assert_eq!(layer["size"], module(1).len());
    let title = &layer["annotations"]["org.opencontainers.image.title"];
    assert_eq!(title, "1.0.0.wasm");
    let pulled = registry.blob("math/add", layer["digest"].as_str().unwrap());
    assert_eq!((pulled.status, &pulled.body[..]), (200, &module(1)[..]));
    let config = registry.blob("math/add", manifest["config"]["digest"].as_str().unwrap());
    assert_eq!(config.body.len(), manifest["config"]["size"]);
    assert_eq!(config.json()["architecture"], "wasm");
    assert_eq!(config.json()["os"], "wasip1");
    assert_eq!(
        config.json()["layerDigests"],
        json!([digest_of(&module(1))])
    );
    let by_digest = registry.manifest("math/add", &digest_of(&response.body));
    assert_eq!(by_digest.body, response.body);
    // Reads write nothing.
    assert_eq!(registry.git(&["for-each-ref", "refs/oci/records"]), "");
    registry.is_clean();
}

#[test]
fn the_digest_of_a_synthesized_manifest_survives_gc_and_is_the_same_in_every_store() {
    let (first, second) = (Registry::new(), Registry::new());
    first.put("a/1.wasm", 7);
    first.put("a/1.wasm", 1);
    let digest = first.digest("a", "1");
    assert_eq!(first.post("/gc", "").status, 200);
    assert_eq!(first.digest("a", "1"), digest);
    second.put("b/2.wasm", 2);
    second.put("a/1.wasm", 1);
    assert_eq!(second.digest("a", "1"), digest);
    // Another file name is another manifest: the layer has it as its title.
    second.put("a/2.wasm", 1);
    assert_ne!(second.digest("a", "2"), digest);
}

#[test]
fn a_pushed_manifest_is_served_byte_for_byte() {
    let registry = Registry::new();
    let (digest, text) = registry.push_module("a/b", "1.0.0", 1);
    for reference in ["1.0.0", &digest] {
        let response = registry.manifest("a/b", reference);
        response
            .is(200, &text)
            .has("content-type", MANIFEST)
            .has("docker-content-digest", &digest)
            .has("content-length", &text.len().to_string());
    }
    let module_response = registry.get("/module/a/b/1.0.0.wasm");
    assert_eq!(module_response.body, module(1));
    assert_eq!(registry.content(), "/a/b/1.0.0.wasm=1");
    // The commits of the branch and of the records say the same.
    let message = format!("Push a/b:1.0.0\n\nOCI-Manifest: {digest}");
    for reference in ["main", "refs/oci/records"] {
        let log = registry.git(&["log", "-1", "--format=%B", reference]);
        assert_eq!(log.trim_end(), message);
    }
    assert_eq!(registry.post("/gc", "").status, 200);
    registry.manifest("a/b", "1.0.0").is(200, &text);
    registry.is_clean();
}

#[test]
fn a_manifest_without_a_media_type_is_served_with_its_content_type() {
    let registry = Registry::new();
    registry.upload("a", b"{}");
    let text = image_manifest(&[], &json!({}));
    let mut manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    manifest.as_object_mut().unwrap().remove("mediaType");
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    let headers = [("content-type", docker)];
    let put = registry.v2_with("PUT", "a/manifests/t", &headers, manifest.to_string());
    assert_eq!(put.status, 201, "{}", put.text());
    let response = registry.manifest("a", "t");
    response
        .is(200, &manifest.to_string())
        .has("content-type", docker);
    registry.is_clean();
}

#[test]
fn a_rollback_brings_the_old_digest_back() {
    let registry = Registry::new();
    let (first, text) = registry.push_module("a", "1", 1);
    let (second, _) = registry.push_module("a", "1", 2);
    assert_eq!(registry.digest("a", "1"), second);
    assert_eq!(registry.post("/rollback/a/1.wasm", "").status, 200);
    assert_eq!(registry.digest("a", "1"), first);
    registry.manifest("a", "1").is(200, &text);
    registry.is_clean();
}

#[test]
fn an_upload_through_the_api_moves_the_tag() {
    let registry = Registry::new();
    let (pushed, text) = registry.push_module("a", "1", 1);
    let uploaded = registry.post("/module/a/1.wasm", module(2));
    assert_eq!(uploaded.status, 200);
    let digest = registry.digest("a", "1");
    assert_ne!(digest, pushed);
    let layers = registry.manifest("a", "1").json()["layers"].clone();
    assert_eq!(layers[0]["digest"], digest_of(&module(2)));
    // The old digest stays pullable, and is the tag's again once the bytes are.
    registry.manifest("a", &pushed).is(200, &text);
    assert_eq!(registry.post("/module/a/1.wasm", module(1)).status, 200);
    assert_eq!(registry.digest("a", "1"), pushed);
    registry.is_clean();
}

#[test]
fn a_removed_module_has_no_tag() {
    let registry = Registry::new();
    let (digest, _) = registry.push_module("a", "1", 1);
    registry.push_module("a", "2", 2);
    assert_eq!(registry.delete("/module/a/1.wasm").status, 200);
    assert_eq!(registry.tags("a"), ["2"]);
    is_error(&registry.manifest("a", "1"), 404, "MANIFEST_UNKNOWN");
    assert_eq!(registry.manifest("a", &digest).status, 200);
    // `rollback` undoes the removal, too.
    assert_eq!(registry.post("/rollback", "").status, 200);
    assert_eq!(registry.digest("a", "1"), digest);
    registry.is_clean();
}

#[test]
fn deleting_a_tag_removes_the_module_in_one_commit() {
    let registry = Registry::new();
    let (digest, text) = registry.push_module("a", "1", 1);
    registry.push_module("a", "2", 2);
    let before = registry.subjects().len();
    let deleted = registry.v2("DELETE", "a/manifests/1", "");
    assert_eq!(deleted.status, 202);
    is_error(&registry.manifest("a", "1"), 404, "MANIFEST_UNKNOWN");
    assert_eq!(registry.get("/module/a/1.wasm").status, 404);
    assert_eq!(registry.content(), "/a/2.wasm=2");
    registry.manifest("a", &digest).is(200, &text);
    assert_eq!(registry.subjects().len(), before + 1);
    assert_eq!(registry.subjects()[0], "Delete a:1");
    registry.is_clean();
}

#[test]
fn deleting_a_digest_removes_all_its_tags_in_one_commit() {
    let registry = Registry::new();
    let (digest, text) = registry.push_module("a", "1", 1);
    assert_eq!(registry.put_manifest("a", "2", &text).status, 201);
    registry.push_module("a", "3", 3);
    let commits = |reference: &str| registry.git(&["rev-list", "--count", reference]);
    let before = (commits("main"), commits("refs/oci/records"));
    let deleted = registry.v2("DELETE", &format!("a/manifests/{digest}"), "");
    assert_eq!(deleted.status, 202);
    is_error(&registry.manifest("a", &digest), 404, "MANIFEST_UNKNOWN");
    assert_eq!(registry.tags("a"), ["3"]);
    assert_eq!(registry.content(), "/a/3.wasm=3");
    let count = |text: String| text.trim().parse::<u32>().unwrap();
    let after = (commits("main"), commits("refs/oci/records"));
    assert_eq!(count(after.0), count(before.0) + 1);
    assert_eq!(count(after.1), count(before.1) + 1);
    registry.is_clean();
}

#[test]
fn a_layer_is_the_same_git_blob_as_the_module() {
    let registry = Registry::new();
    registry.push_module("a", "1", 1);
    registry.put("elsewhere.wasm", 1);
    let hash = registry.hash_of(&module(1));
    let branch = registry.git(&["ls-tree", "-r", "main"]);
    assert_eq!(branch.matches(&hash).count(), 2, "{branch}");
    let records = registry.git(&["ls-tree", "-r", "refs/oci/records"]);
    let digits = digest_of(&module(1)).replace("sha256:", "");
    let path = format!("a/_blobs/sha256/{}/{}", &digits[..2], &digits[2..]);
    let record = format!("100644 blob {hash}\t{path}\n");
    assert!(records.contains(&record), "{records}");
    // Every object is stored once: the pack of the branch has what the records need.
    let objects = registry.git(&[
        "cat-file",
        "--batch-all-objects",
        "--unordered",
        "--batch-check=%(objectname)",
    ]);
    assert_eq!(objects.lines().filter(|id| **id == hash).count(), 1);
    let uploads = registry.root.join("wasmstore/oci");
    let left: Vec<_> = files_below(&uploads).into_iter().collect();
    assert_eq!(left, Vec::<String>::new());
}

/// Returns the files below a directory.
pub fn files_below(directory: &std::path::Path) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.insert(path.to_string_lossy().into_owned());
        }
    }
    files
}

#[test]
fn a_manifest_of_several_layers_is_stored_but_is_no_module() {
    let registry = Registry::new();
    registry.push_module("a", "1", 1);
    let (wasm, text) = (module(2), b"text".to_vec());
    let (digest, manifest) = registry.push("a", "2", &[(WASM, &wasm), ("text/plain", &text)]);
    registry.manifest("a", "2").is(200, &manifest);
    assert_eq!(registry.tags("a"), ["1", "2"]);
    assert_eq!(registry.content(), "/a/1.wasm=1");
    let layer = registry.blob("a", &digest_of(b"text"));
    assert_eq!((layer.status, &layer.body[..]), (200, &b"text"[..]));
    // It replaces the module of its tag.
    assert_eq!(registry.put_manifest("a", "1", &manifest).status, 201);
    assert_eq!(registry.digest("a", "1"), digest);
    assert_eq!(registry.content(), "");
    // A module replaces it in turn.
    let (module_digest, _) = registry.push_module("a", "2", 3);
    assert_eq!(registry.digest("a", "2"), module_digest);
    assert_eq!(registry.content(), "/a/2.wasm=3");
    registry.is_clean();
}

#[test]
fn a_module_behind_each_media_type_of_wasm_is_a_module() {
    let registry = Registry::new();
    let types = [
        WASM,
        "application/vnd.wasm.content.layer.v1+wasm",
        "application/vnd.module.wasm.content.layer.v1+wasm",
        "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm",
    ];
    for (n, media_type) in (0..).zip(types) {
        registry.push("a", &format!("t{n}"), &[(media_type, &module(n))]);
    }
    let content = "/a/t0.wasm=0 /a/t1.wasm=1 /a/t2.wasm=2 /a/t3.wasm=3";
    assert_eq!(registry.content(), content);
    registry.push("a", "text", &[("text/plain", b"text")]);
    assert_eq!(registry.content(), content);
    registry.is_clean();
}

#[test]
fn a_component_has_its_imports_and_exports_in_the_configuration() {
    let registry = Registry::new();
    let component = include_bytes!("../../fixtures/wit/filter.wasm");
    let added = registry.post("/module/a/1.wasm", &component[..]);
    assert_eq!(added.status, 200);
    let manifest = registry.manifest("a", "1").json();
    let config = registry.blob("a", manifest["config"]["digest"].as_str().unwrap());
    let config = config.json();
    assert_eq!(config["os"], "wasip2");
    let exports = texts(&config["component"]["exports"]);
    let imports = texts(&config["component"]["imports"]);
    assert!(!exports.is_empty() || !imports.is_empty(), "{config}");
}

#[test]
fn other_branches_are_not_served() {
    let registry = Registry::new();
    registry.put("a/1.wasm", 1);
    registry.post("/branch/dev", "").is(200, "");
    registry.put_on(Some("dev"), "a/2.wasm", 2);
    assert_eq!(registry.tags("a"), ["1"]);
    is_error(&registry.manifest("a", "2"), 404, "MANIFEST_UNKNOWN");
    // They show again what is merged.
    assert_eq!(registry.post("/merge/dev", "").status, 200);
    assert_eq!(registry.tags("a"), ["1", "2"]);
}

#[test]
fn a_failed_push_leaves_neither_ref_changed() {
    let registry = Registry::new();
    registry.push_module("a", "1", 1);
    registry.put("b/1.wasm/x", 5);
    let before = registry.state();
    let (wasm, text) = (module(2), image_manifest(&[(WASM, &module(2))], &json!({})));
    registry.upload("b", b"{}");
    registry.upload("b", &wasm);
    let refused = registry.put_manifest("b", "1", &text);
    let message = is_error(&refused, 409, "MANIFEST_INVALID");
    assert!(message.contains("b/1.wasm"), "{message}");
    assert_eq!(registry.state()[..2], before[..2]);
    registry.is_clean();
}
