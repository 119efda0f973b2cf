//! The metadata in the custom sections of a module.

use serde::{Deserialize, Serialize};
use wasmparser::{BinaryReader, ComponentName, ComponentNameSectionReader, ProducersSectionReader};

use super::crates::{Crates, CratesCollector};
use super::custom_text::{after_length, build_id, whole};
use super::cut::{Cut, CutList};
use super::item::NAME_BYTES_MAX;
use super::text::{cut_text, json_bytes};

/// The maximum size of the list of producers, in bytes of JSON.
const PRODUCERS_BYTES_MAX: usize = 32 << 10;
/// The maximum number of producers (the tools in the section `producers`) that are remembered to find duplicates. The number is limited
/// because each new producer is compared with all of them.
const PRODUCERS_MAX: usize = 256;
/// The length of the JSON of a producer without its field, name and version, in bytes.
const PRODUCER_BYTES: usize = 48;

/// The metadata in the custom sections of a module. It may be false, because nothing verifies it.
///
/// Only sections of the outermost module or component are read. Exceptions are `producers` and `.dep-v0`, which are also read in nested
/// modules and components. Texts of more than 6 KiB are cut, and end with `…`. A section that is malformed or longer than 64 KiB is
/// ignored, except `.dep-v0`: see [`Crates::Unreadable`]. If several sections have the same name, the first readable one is used, except
/// that all `producers` and the first 8 `.dep-v0` sections are used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// The name of the module or component, from the section `name` or `component-name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A description of the module, from the section `description`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The people or organizations that are responsible for the module, from the section `authors`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authors: Option<String>,
    /// The licenses, as an [SPDX expression](https://spdx.org/licenses/).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licenses: Option<String>,
    /// The URL of the source code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The URL of the project's home page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// The revision of the source code in version control.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The version of the module, from the section `version`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The tools that produced the module, from the
    /// [`producers`](https://github.com/WebAssembly/tool-conventions/blob/main/ProducersSection.md) sections.
    pub producers: Cut<Producer>,
    /// The crates from which the module was built; `None` if no section `.dep-v0` exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crates: Option<Crates>,
    /// The URL of the source map for debuggers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_map_url: Option<String>,
    /// The build id, in hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_id: Option<String>,
    /// The URL of the module with the debug information.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_debug_info: Option<String>,
}

/// A tool that produced a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Producer {
    /// The role of the tool: `language`, `processed-by` or `sdk`.
    pub field: String,
    /// The name of the tool.
    pub name: String,
    /// The version of the tool. It may be empty.
    pub version: String,
}

/// Collects metadata from custom sections.
#[derive(Debug)]
pub(super) struct MetadataCollector {
    metadata: Metadata,
    producers: CutList<Producer>,
    seen_producers: Vec<Producer>,
    crates: CratesCollector,
}

impl MetadataCollector {
    pub(super) fn new() -> Self {
        Self {
            metadata: Metadata::default(),
            producers: CutList::new(PRODUCERS_BYTES_MAX),
            seen_producers: Vec::new(),
            crates: CratesCollector::default(),
        }
    }

    /// Adds a custom section of the outermost module or component.
    pub(super) fn outermost(&mut self, name: &str, data: &[u8]) {
        let metadata = &mut self.metadata;
        let (field, text) = match name {
            "component-name" => (&mut metadata.name, component_name(data)),
            "description" => (&mut metadata.description, whole(data)),
            "authors" => (&mut metadata.authors, whole(data)),
            "licenses" => (&mut metadata.licenses, whole(data)),
            "source" => (&mut metadata.source, whole(data)),
            "homepage" => (&mut metadata.homepage, whole(data)),
            "revision" => (&mut metadata.revision, whole(data)),
            "version" => (&mut metadata.version, whole(data)),
            "sourceMappingURL" => (&mut metadata.source_map_url, after_length(data)),
            "build_id" => (&mut metadata.build_id, build_id(data)),
            "external_debug_info" => (&mut metadata.external_debug_info, after_length(data)),
            _ => return,
        };
        if field.is_none() {
            *field = text;
        }
    }

    /// Adds a custom section of any module or component, nested or not.
    pub(super) fn any(&mut self, name: &str, data: &[u8]) {
        match name {
            // An error is ignored: the producers before the malformed entry have been added already.
            "producers" => drop(self.producers(data)),
            ".dep-v0" => self.crates.section(Some(data)),
            _ => {}
        }
    }

    /// Adds a custom section that is too long to be read.
    pub(super) fn too_long(&mut self, name: &str) {
        if name == ".dep-v0" {
            self.crates.section(None);
        }
    }

    /// Sets the name of the outermost core module.
    pub(super) fn module_name(&mut self, name: &str) {
        let name = || cut_text(name, NAME_BYTES_MAX);
        self.metadata.name.get_or_insert_with(name);
    }

    fn producers(&mut self, data: &[u8]) -> wasmparser::Result<()> {
        for field in ProducersSectionReader::new(BinaryReader::new(data, 0))? {
            let field = field?;
            for value in field.values {
                let value = value?;
                self.producer(field.name, value.name, value.version);
            }
        }
        Ok(())
    }

    fn producer(&mut self, field: &str, name: &str, version: &str) {
        let producer = Producer {
            field: cut_text(field, NAME_BYTES_MAX),
            name: cut_text(name, NAME_BYTES_MAX),
            version: cut_text(version, NAME_BYTES_MAX),
        };
        if self.seen_producers.contains(&producer) {
            return;
        }
        if self.seen_producers.len() < PRODUCERS_MAX {
            self.seen_producers.push(producer.clone());
        }
        let texts = [&producer.field, &producer.name, &producer.version];
        let texts_bytes: usize = texts.into_iter().map(|text| json_bytes(text)).sum();
        self.producers.push(producer, PRODUCER_BYTES + texts_bytes);
    }

    pub(super) fn finish(self) -> Metadata {
        Metadata {
            producers: self.producers.finish(),
            crates: self.crates.finish(),
            ..self.metadata
        }
    }
}

fn component_name(data: &[u8]) -> Option<String> {
    let reader = ComponentNameSectionReader::new(BinaryReader::new(data, 0));
    reader.into_iter().find_map(|subsection| match subsection {
        Ok(ComponentName::Component { name, .. }) => Some(cut_text(name, NAME_BYTES_MAX)),
        _ => None,
    })
}
