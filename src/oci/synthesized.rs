//! Makes the manifest of a module that no OCI client has pushed. It is called a synthesised manifest.
//!
//! A synthesised manifest depends only on the bytes of the module and on its file name, so its digest stays the same after a `gc` and is
//! the same in every copy of the store. Signatures refer to the digest, so the format must never change. It follows the CNCF's Wasm OCI
//! artifact layout.

use serde::Serialize;

use super::manifest::{IMAGE_MANIFEST, WASM_LAYER};
use crate::names::{Digest, OciDigest};
use crate::store::{InterfaceNames, is_component, sha256};

/// The media type of the configuration.
const CONFIG: &str = "application/vnd.wasm.config.v0+json";
/// The creation time in the configuration of every synthesised manifest. It is fixed, because the configuration must depend only on the
/// module.
const CREATED: &str = "1970-01-01T00:00:00Z";
/// The annotation with the file name, without which `oras` does not write the layer to a file.
const TITLE: &str = "org.opencontainers.image.title";

/// The manifest that the registry makes for a module that no OCI client has pushed (a synthesised manifest), with its configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Synthesized {
    pub digest: OciDigest,
    pub manifest: Vec<u8>,
    pub config_digest: OciDigest,
    pub config: Vec<u8>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    created: &'static str,
    architecture: &'static str,
    os: &'static str,
    layer_digests: [String; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<ComponentConfig>,
}

#[derive(Serialize)]
struct ComponentConfig {
    exports: Vec<String>,
    imports: Vec<String>,
    target: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ImageManifest<'m> {
    schema_version: u8,
    media_type: &'static str,
    config: Content<'m>,
    layers: [Content<'m>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Content<'m> {
    media_type: &'static str,
    digest: String,
    size: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<std::collections::BTreeMap<&'static str, &'m str>>,
}

impl Synthesized {
    /// Makes the manifest of a module with these bytes, this digest and this file name.
    pub fn new(module: &[u8], digest: Digest, file_name: &str) -> Self {
        let component = is_component(module).then(|| {
            let names = InterfaceNames::of(module);
            ComponentConfig {
                exports: names.exports,
                imports: names.imports,
                target: None,
            }
        });
        let config = to_json(&Config {
            created: CREATED,
            architecture: "wasm",
            os: if component.is_some() {
                "wasip2"
            } else {
                "wasip1"
            },
            layer_digests: [digest.to_string()],
            component,
        });
        let config_digest = OciDigest::Sha256(sha256(&config));
        let manifest = to_json(&ImageManifest {
            schema_version: 2,
            media_type: IMAGE_MANIFEST,
            config: Content {
                media_type: CONFIG,
                digest: config_digest.to_string(),
                size: config.len(),
                annotations: None,
            },
            layers: [Content {
                media_type: WASM_LAYER,
                digest: digest.to_string(),
                size: module.len(),
                annotations: Some([(TITLE, file_name)].into()),
            }],
        });
        Self {
            digest: OciDigest::Sha256(sha256(&manifest)),
            manifest,
            config_digest,
            config,
        }
    }

    /// Returns the size of the value in memory, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        (self.manifest.len() + self.config.len() + size_of::<Self>()) as u64
    }
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("BUG: the fields are text and numbers")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the configuration and the manifest of a module in the text format.
    fn synthesized(module: &str, file_name: &str) -> (String, String) {
        let module = wat::parse_str(module).unwrap();
        let digest = Digest::from_bytes(sha256(&module));
        let made = Synthesized::new(&module, digest, file_name);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (text(made.config), text(made.manifest))
    }

    // Signatures refer to the digests of these texts, so the texts must never change.
    #[test]
    fn the_format_of_a_core_module_is_frozen() {
        let (config, manifest) = synthesized("(module)", "add.wasm");
        let layer = "sha256:93a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f9476";
        assert_eq!(
            config,
            format!(
                r#"{{"created":"1970-01-01T00:00:00Z","architecture":"wasm","os":"wasip1","layerDigests":["{layer}"]}}"#
            )
        );
        let config_digest = OciDigest::Sha256(sha256(config.as_bytes()));
        assert_eq!(
            manifest,
            format!(
                r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.wasm.config.v0+json","digest":"{config_digest}","size":161}},"layers":[{{"mediaType":"application/wasm","digest":"{layer}","size":8,"annotations":{{"org.opencontainers.image.title":"add.wasm"}}}}]}}"#
            )
        );
    }

    #[test]
    fn the_format_of_a_component_is_frozen() {
        let component = r#"(component
            (import "wasi:cli/environment@0.2.0" (instance))
            (export "wasi:cli/run@0.2.0" (instance 0)))"#;
        let (config, manifest) = synthesized(component, "1.0.0.wasm");
        let rest = config.split_once(r#""os":"#).unwrap().1;
        assert!(
            rest.starts_with(r#""wasip2","layerDigests":["sha256:"#),
            "{config}"
        );
        assert!(
            rest.ends_with(
                r#""],"component":{"exports":["wasi:cli/run@0.2.0"],"imports":["wasi:cli/environment@0.2.0"],"target":null}}"#
            ),
            "{config}"
        );
        assert!(
            manifest
                .ends_with(r#""annotations":{"org.opencontainers.image.title":"1.0.0.wasm"}}]}"#)
        );
    }
}
