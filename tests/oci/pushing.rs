//! Pushes of manifests: into a store, and to a server.

use serde_json::{Value, json};
use wasmstore::config::{ManifestRetention, Options};
use wasmstore::names::{ManifestRef, OciDigest, OciTag, RepositoryName};
use wasmstore::oci::{Error, IMAGE_INDEX, IMAGE_MANIFEST, ManifestPush, Registry, keep_records};
use wasmstore::store::{Change, History, ObjectFormat, Store, sha256};

use crate::support::server::Server;
use crate::support::store::{Scratch, module};

/// A store with a registry that keeps untagged manifests for 30 days.
pub struct Registered {
    pub s: Scratch,
    pub registry: Registry,
}

impl Registered {
    pub fn new() -> Self {
        Self::with_format(ObjectFormat::Sha1)
    }

    pub fn with_format(format: ObjectFormat) -> Self {
        let mut s = Scratch::with_format(format);
        keep_records(&mut s.store);
        Self {
            s,
            registry: Registry::default(),
        }
    }

    /// Opens the store again with another retention time.
    pub fn keep_days(&mut self, keep_days: u64) {
        let manifests = ManifestRetention { keep_days };
        let options = Options {
            manifests,
            ..Options::default()
        };
        self.s.store = Store::open(&self.s.root, options).unwrap();
        let format = ObjectFormat::default();
        self.s.store = Store::open_or_create(&self.s.root, options, format).unwrap();
        keep_records(&mut self.s.store);
    }

    pub fn blob(&self, repository: &str, bytes: &[u8]) -> OciDigest {
        let digest = OciDigest::Sha256(sha256(bytes));
        let mut upload = self.s.store.begin_blob(&name(repository)).unwrap();
        upload.write(bytes).unwrap();
        assert!(upload.complete(&digest).unwrap());
        digest
    }

    /// Puts a manifest under a tag, or under its digest, and returns the digest.
    pub fn manifest(&self, repository: &str, tag: Option<&str>, manifest: &Value) -> OciDigest {
        self.try_manifest(repository, tag, manifest).unwrap()
    }

    /// Puts a manifest that may be refused.
    pub fn try_manifest(
        &self,
        repository: &str,
        tag: Option<&str>,
        manifest: &Value,
    ) -> Result<OciDigest, Error> {
        let bytes = serde_json::to_vec(manifest).unwrap();
        let digest = OciDigest::Sha256(sha256(&bytes));
        let reference = match tag {
            Some(tag) => ManifestRef::Tag(OciTag::parse(tag).unwrap()),
            None => ManifestRef::Digest(digest),
        };
        let push = ManifestPush {
            repository: name(repository),
            reference,
            tags: Vec::new(),
            media_type: manifest["mediaType"].as_str().unwrap().to_owned(),
            bytes,
            author: None,
        };
        let put = self.registry.put_manifest(&self.s.store, &push)?;
        assert_eq!(put.value.digest, digest);
        Ok(digest)
    }

    /// Pushes the module `n` under a tag, and returns the digest of its manifest.
    pub fn push(&self, repository: &str, tag: &str, n: u32) -> OciDigest {
        let layer = self.blob(repository, &module(n));
        let config = self.blob(repository, b"{}");
        let manifest = module_manifest(&layer, &config, n);
        self.manifest(repository, Some(tag), &manifest)
    }

    /// Pushes an artifact that refers to a manifest, such as a signature, under a tag or its digest.
    pub fn sign(&self, repository: &str, tag: Option<&str>, subject: &OciDigest) -> OciDigest {
        let layer = self.blob(repository, format!("signature of {subject}").as_bytes());
        let config = self.blob(repository, b"{}");
        let mut manifest = image(&config, &[("text/plain", &layer)]);
        if tag.is_none() {
            manifest["subject"] = descriptor(IMAGE_MANIFEST, subject);
        }
        self.manifest(repository, tag, &manifest)
    }

    /// Returns the digest of the manifest that a tag or digest names; `None` if there is none.
    pub fn pull(&self, repository: &str, reference: &str) -> Option<OciDigest> {
        let reference = ManifestRef::parse(reference).unwrap();
        let store = &self.s.store;
        let found = self.registry.manifest(store, &name(repository), &reference);
        found.ok().map(|found| found.digest)
    }

    pub fn has_blob(&self, repository: &str, digest: &OciDigest) -> bool {
        let store = &self.s.store;
        self.registry.blob(store, &name(repository), digest).is_ok()
    }

    /// Collects garbage, and checks the store with git and with `verify`.
    pub fn gc(&self, history: History) {
        self.s.store.gc(&Change::default(), history).unwrap();
        self.check();
    }

    /// Checks the store with git and with `verify`.
    pub fn check(&self) {
        self.s.fsck();
        assert_eq!(super::verified::findings(&self.s.store), [""; 0]);
    }

    /// Returns the records, as paths.
    pub fn records(&self) -> Vec<String> {
        let listed = self
            .s
            .git(&["ls-tree", "-r", "--name-only", "refs/oci/records"]);
        listed.lines().map(str::to_owned).collect()
    }

    /// Returns the number of objects with this content: 1 or 0.
    pub fn copies(&self, bytes: &[u8]) -> usize {
        let all = self
            .s
            .git(&["cat-file", "--batch-all-objects", "--batch-check"]);
        let input =
            crate::support::store::git_with_input(&self.s.root, &["hash-object", "--stdin"], bytes);
        all.lines()
            .filter(|line| line.starts_with(input.trim()))
            .count()
    }

    /// Moves each record of an untagged manifest to a day in the past.
    pub fn age(&self, repository: &str, days: u64) {
        let write = self.s.store.begin_registry_write(None).unwrap();
        let directory = format!("{repository}/_untagged").parse().unwrap();
        let aged = write.publish(|draft| {
            let records = draft.records(&directory)?;
            let (old, new): (Vec<_>, Vec<_>) = records
                .into_iter()
                .map(|(path, hash)| {
                    let mut parts = path.as_str().rsplit('/');
                    let (id, day) = (parts.next().unwrap(), parts.next().unwrap());
                    let day = day.parse::<u64>().unwrap() - days;
                    let to = format!("{repository}/_untagged/{day}/{id}");
                    (path.clone(), (to.parse().unwrap(), hash))
                })
                .unzip();
            draft.remove_records(&old)?;
            draft.set_records(&new)?;
            Ok::<_, wasmstore::store::Error>(("Age".to_owned(), ()))
        });
        aged.unwrap();
    }
}

pub fn name(text: &str) -> RepositoryName {
    RepositoryName::parse(text).unwrap()
}

pub fn descriptor(media_type: &str, digest: &OciDigest) -> Value {
    json!({"mediaType": media_type, "digest": digest.to_string(), "size": 1})
}

pub fn image(config: &OciDigest, layers: &[(&str, &OciDigest)]) -> Value {
    let layers: Vec<_> = layers
        .iter()
        .map(|(media_type, digest)| descriptor(media_type, digest))
        .collect();
    json!({
        "schemaVersion": 2,
        "mediaType": IMAGE_MANIFEST,
        "config": descriptor("application/vnd.oci.empty.v1+json", config),
        "layers": layers,
    })
}

pub fn index(manifests: &[OciDigest]) -> Value {
    let manifests: Vec<_> = manifests
        .iter()
        .map(|digest| descriptor(IMAGE_MANIFEST, digest))
        .collect();
    json!({"schemaVersion": 2, "mediaType": IMAGE_INDEX, "manifests": manifests})
}

pub fn module_manifest(layer: &OciDigest, config: &OciDigest, n: u32) -> Value {
    let mut manifest = image(config, &[("application/wasm", layer)]);
    manifest["annotations"] = json!({"n": n.to_string()});
    manifest
}

/// Pushes a module to a server, and returns the digest of its manifest.
#[track_caller]
pub fn push_to(server: &Server, repository: &str, tag: &str, module: &[u8]) -> String {
    let layer = OciDigest::Sha256(sha256(module));
    let config = OciDigest::Sha256(sha256(b"{}"));
    for (digest, bytes) in [(&layer, module), (&config, b"{}")] {
        let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        let sent = server.send("POST", &path, &[], bytes);
        assert_eq!(sent.status, 201, "{}", sent.text());
    }
    let manifest = serde_json::to_vec(&module_manifest(&layer, &config, 0)).unwrap();
    let path = format!("/v2/{repository}/manifests/{tag}");
    let content_type = format!("Content-Type: {IMAGE_MANIFEST}");
    let put = server.send("PUT", &path, &[&content_type], &manifest);
    assert_eq!(put.status, 201, "{}", put.text());
    put.header("docker-content-digest").unwrap().to_owned()
}

/// Returns the digest of the manifest that a server serves for a tag; the status if it serves none.
pub fn digest_at(server: &Server, repository: &str, tag: &str) -> String {
    let response = server.get(&format!("/v2/{repository}/manifests/{tag}"));
    let digest = response.header("docker-content-digest");
    digest.map_or_else(|| response.status.to_string(), str::to_owned)
}
