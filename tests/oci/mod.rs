//! The OCI registry API: requests go straight to the router, and stock git checks the results.
//!
//! The claims that span several APIs are in `one_store.rs`: what one API writes, every other one reads. `claims.rs` lists all of them with their
//! tests, `refused.rs` those of bad input.

mod blobs;
mod branches;
mod broken_branch;
mod claims;
mod copies;
mod kept;
mod keys;
mod one_store;
mod pruned;
mod pushing;
mod races;
mod referrers;
mod refused;
mod reindexed;
mod replicas;
mod scoped;
mod tags;
mod unread;
mod uploads;
mod verified;

use std::ops::Deref;

use axum::body::Body;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};
use wasmstore::config::Options;
use wasmstore::http::ServerOptions;

use crate::http::api::{Api, TestResponse, digest_of};
use crate::support::store::module;

pub const WASM: &str = "application/wasm";
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A store and its registry API.
pub struct Registry(Api);

impl Deref for Registry {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.0
    }
}

impl Registry {
    pub fn new() -> Self {
        Self(Api::new())
    }

    pub fn with_keys(keys: &str) -> Self {
        Self(Api::with_keys(keys))
    }

    pub fn with_options(server_options: ServerOptions, options: Options) -> Self {
        Self(Api::with_options(server_options, options))
    }

    /// Sends a request to a path below `/v2/`, without headers.
    pub fn v2(&self, method: &str, path: &str, body: impl Into<Body>) -> TestResponse {
        self.v2_with(method, path, &[], body)
    }

    pub fn v2_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> TestResponse {
        self.send(method, &format!("/v2/{path}"), headers, body)
    }

    /// Uploads a blob in one request, and returns its digest.
    #[track_caller]
    pub fn upload(&self, repository: &str, bytes: &[u8]) -> String {
        let digest = digest_of(bytes);
        let path = format!("{repository}/blobs/uploads/?digest={digest}");
        let response = self.v2("POST", &path, bytes.to_vec());
        assert_eq!(response.status, 201, "{}", response.text());
        response.has("docker-content-digest", &digest);
        digest
    }

    /// Puts a manifest.
    pub fn put_manifest(&self, repository: &str, reference: &str, manifest: &str) -> TestResponse {
        let path = format!("{repository}/manifests/{reference}");
        let parsed: Value = serde_json::from_str(manifest).unwrap_or_default();
        let media_type = parsed["mediaType"].as_str().unwrap_or(MANIFEST);
        self.v2_with(
            "PUT",
            &path,
            &[("content-type", media_type)],
            manifest.to_owned(),
        )
    }

    /// Uploads the blobs of an image manifest with these layers, puts it, and returns its digest and text.
    #[track_caller]
    pub fn push(
        &self,
        repository: &str,
        reference: &str,
        layers: &[(&str, &[u8])],
    ) -> (String, String) {
        self.upload(repository, b"{}");
        for (_, bytes) in layers {
            self.upload(repository, bytes);
        }
        let text = image_manifest(layers, &json!({}));
        let response = self.put_manifest(repository, reference, &text);
        assert_eq!(response.status, 201, "{}", response.text());
        let digest = digest_of(text.as_bytes());
        response.has("docker-content-digest", &digest);
        (digest, text)
    }

    /// Pushes the module `n`, and returns the digest and text of its manifest.
    #[track_caller]
    pub fn push_module(&self, repository: &str, tag: &str, n: u32) -> (String, String) {
        self.push(repository, tag, &[(WASM, &module(n))])
    }

    /// Returns the digest with which a tag is served.
    #[track_caller]
    pub fn digest(&self, repository: &str, tag: &str) -> String {
        let response = self.manifest(repository, tag);
        assert_eq!(response.status, 200, "{}", response.text());
        let digest = response.header("docker-content-digest").unwrap();
        assert_eq!(digest, digest_of(&response.body));
        digest.to_owned()
    }

    /// Gets a manifest by tag or digest.
    pub fn manifest(&self, repository: &str, reference: &str) -> TestResponse {
        self.v2("GET", &format!("{repository}/manifests/{reference}"), "")
    }

    /// Gets a blob.
    pub fn blob(&self, repository: &str, digest: &str) -> TestResponse {
        self.v2("GET", &format!("{repository}/blobs/{digest}"), "")
    }

    /// Returns the tags of a repository.
    #[track_caller]
    pub fn tags(&self, repository: &str) -> Vec<String> {
        let response = self.v2("GET", &format!("{repository}/tags/list"), "");
        assert_eq!(response.status, 200, "{}", response.text());
        assert_eq!(response.json()["name"], repository);
        texts(&response.json()["tags"])
    }

    /// Asserts that neither `git fsck` nor `verify` finds a fault.
    #[track_caller]
    pub fn is_clean(&self) {
        self.fsck();
        let mut faults = Vec::new();
        let mut report = |finding: wasmstore::store::Finding| faults.push(format!("{finding:?}"));
        let derived = wasmstore::store::DerivedFaults::Report;
        self.store.verify(derived, &mut report, &mut || {}).unwrap();
        assert_eq!(faults, Vec::<String>::new());
    }
}

/// Returns the items of a JSON list of strings.
pub fn texts(list: &Value) -> Vec<String> {
    let items = list.as_array().unwrap().iter();
    items
        .map(|item| item.as_str().unwrap().to_owned())
        .collect()
}

/// Returns the text of an image manifest with an empty configuration, these layers and more fields. It has spaces that no encoder writes, so
/// that a manifest that was encoded again differs.
pub fn image_manifest(layers: &[(&str, &[u8])], more: &Value) -> String {
    let layers = layers.iter().map(|(kind, bytes)| descriptor(kind, bytes));
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(EMPTY, b"{}"),
        "layers": layers.collect::<Vec<_>>(),
    });
    let fields = manifest.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    format!(" {manifest}\n")
}

/// Returns the descriptor of bytes.
pub fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": digest_of(bytes), "size": bytes.len() })
}

pub fn sha512_of(bytes: &[u8]) -> String {
    let digest = Sha512::digest(bytes);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha512:{hex}")
}

/// Asserts that a response is an error with this status and this code, and only that code. Returns the message.
#[track_caller]
pub fn is_error(response: &TestResponse, status: u16, code: &str) -> String {
    assert_eq!(response.status, status, "{}", response.text());
    response.has("content-type", "application/json");
    let json = response.json();
    let errors = json["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1, "{json}");
    assert_eq!(errors[0]["code"], code, "{json}");
    let message = errors[0]["message"].as_str().unwrap();
    assert!(!message.is_empty());
    message.to_owned()
}
