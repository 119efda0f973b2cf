//! Manifests: OCI image manifests and indexes (OCI image specification 1.1, `manifest.md` and `image-index.md`), and those of Docker, which
//! have the same fields.
//!
//! The types here have only the fields that the registry needs. The bytes of a manifest are stored and served as they were received.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use crate::names::OciDigest;

/// The media type of an image manifest.
pub const IMAGE_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of an image index.
pub const IMAGE_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// The media type of the layer in a manifest that the registry makes for a module.
pub(super) const WASM_LAYER: &str = "application/wasm";

/// The media types of layers that are WebAssembly modules.
const WASM_LAYERS: [&str; 4] = [
    WASM_LAYER,
    "application/vnd.wasm.content.layer.v1+wasm",
    "application/vnd.module.wasm.content.layer.v1+wasm",
    "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm",
];

/// The fields of a manifest.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Manifest {
    /// The media type of the manifest; `None` if the manifest does not contain it.
    pub media_type: Option<String>,
    /// The type of the artifact, which an image for containers does not have.
    pub artifact_type: Option<String>,
    /// The blob with the configuration.
    pub config: Option<Descriptor>,
    /// The layers of an image manifest.
    pub layers: Vec<Descriptor>,
    /// The manifests of an index.
    pub manifests: Vec<Descriptor>,
    /// The manifest to which this one refers.
    pub subject: Option<Descriptor>,
    /// The annotations of the manifest.
    pub annotations: Option<BTreeMap<String, String>>,
}

/// A reference to a blob or a manifest (`descriptor.md`).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The media type of the content.
    pub media_type: String,
    /// The digest of the content.
    #[serde(with = "digest_text")]
    pub digest: OciDigest,
    /// The size of the content, in bytes.
    pub size: u64,
    /// The type of the artifact, if the content is the manifest of one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub artifact_type: Option<String>,
    /// The annotations of the content.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub annotations: Option<BTreeMap<String, String>>,
}

impl Manifest {
    /// Parses a manifest that has this media type.
    ///
    /// # Errors
    /// [`Error::ManifestInvalid`] if it is not a JSON object with the fields of a manifest, or contains another media type.
    pub fn parse(bytes: &[u8], media_type: &str) -> Result<Self> {
        let invalid = |reason: String| Error::ManifestInvalid(reason);
        // This check is needed, because serde would also fill the fields of the struct from the items of a JSON array.
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return Err(invalid("it is not a JSON object".to_owned()));
        }
        let manifest: Self = serde_json::from_slice(bytes)
            .map_err(|error| invalid(format!("it is not a manifest in JSON: {error}")))?;
        match &manifest.media_type {
            Some(contained) if contained != media_type => Err(invalid(format!(
                "its mediaType is {contained:?}, but the Content-Type is {media_type:?}"
            ))),
            _ => Ok(manifest),
        }
    }

    /// Returns the blobs that the registry must have before it accepts the manifest. It does not need layers whose media type says that
    /// they must not be distributed.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        let layers = self.layers.iter();
        let distributed = layers.filter(|layer| !layer.media_type.contains("nondistributable"));
        self.config.iter().chain(distributed)
    }

    /// Returns the digest of the manifest's module: its only layer, if that is WebAssembly; `None` for any other manifest.
    pub fn module(&self) -> Option<OciDigest> {
        match self.layers.as_slice() {
            [layer] if layer.is_wasm() => Some(layer.digest),
            _ => None,
        }
    }

    /// Returns the type of the artifact or, if the manifest does not contain it, the media type of the configuration.
    pub fn effective_artifact_type(&self) -> Option<&str> {
        let config = self
            .config
            .as_ref()
            .map(|config| config.media_type.as_str());
        self.artifact_type.as_deref().or(config)
    }
}

impl Descriptor {
    /// Returns whether the content claims to be WebAssembly.
    pub fn is_wasm(&self) -> bool {
        WASM_LAYERS.contains(&self.media_type.as_str())
    }
}

mod digest_text {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::names::OciDigest;

    pub fn serialize<S: Serializer>(digest: &OciDigest, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(digest)
    }

    pub fn deserialize<'d, D: Deserializer<'d>>(deserializer: D) -> Result<OciDigest, D::Error> {
        let text = String::deserialize(deserializer)?;
        OciDigest::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(media_type: &str, digit: &str) -> String {
        let digest = digit.repeat(64);
        format!(r#"{{"mediaType":"{media_type}","digest":"sha256:{digest}","size":1}}"#)
    }

    fn manifest(layers: &[String]) -> Manifest {
        let text = format!(r#"{{"schemaVersion":2,"layers":[{}]}}"#, layers.join(","));
        Manifest::parse(text.as_bytes(), IMAGE_MANIFEST).unwrap()
    }

    #[test]
    fn a_manifest_with_one_wasm_layer_is_a_module() {
        let wasm = layer("application/wasm", "a");
        let other = layer("text/plain", "b");
        assert!(manifest(std::slice::from_ref(&wasm)).module().is_some());
        assert_eq!(manifest(std::slice::from_ref(&other)).module(), None);
        assert_eq!(manifest(&[wasm, other]).module(), None);
        assert_eq!(manifest(&[]).module(), None);
    }

    #[test]
    fn anything_else_than_a_manifest_is_rejected() {
        for text in [
            "",
            "[]",
            "null",
            "1",
            r#"{"layers":1}"#,
            r#"{"layers":[{}]}"#,
            r#"{"config":{"mediaType":"a","digest":"sha256:0","size":1}}"#,
            r#"{"config":{"mediaType":"a","digest":"sha256:"#,
            r#"{"mediaType":"a"}"#,
            r#"{"mediaType":"application/vnd.oci.image.index.v1+json"}"#,
        ] {
            let parsed = Manifest::parse(text.as_bytes(), IMAGE_MANIFEST);
            assert!(matches!(parsed, Err(Error::ManifestInvalid(_))), "{text}");
        }
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(Manifest::parse(deep.as_bytes(), IMAGE_MANIFEST).is_err());
    }

    #[test]
    fn undistributed_layers_are_not_required() {
        let manifest = manifest(&[
            layer(
                "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip.nondistributable",
                "a",
            ),
            layer("application/wasm", "b"),
        ]);
        assert_eq!(manifest.blobs().count(), 1);
    }
}
