//! The requirements and the metadata of a module, as JSON.

use serde::{Deserialize, Serialize};

use crate::store::{Crates, Metadata, Requirements};

/// The features that a module requires of an engine. The module is valid with WebAssembly 1.0 and all of these proposals. It is invalid if
/// any of them is missing.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Requirements)]
pub struct RequirementsJson {
    /// The smallest version of the standard that contains all standardized features of the module: `1.0`, `2.0` or `3.0`.
    pub standard: String,
    /// The proposals that the module uses and that this version of the standard contains, sorted by name.
    pub included: Vec<String>,
    /// The proposals that the module uses and that this version of the standard does not contain, sorted by name.
    pub proposals: Vec<String>,
}

/// The metadata in the custom sections of a module. It is not verified. Texts of more than 6 KiB are cut, and end with `…`.
#[derive(Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Metadata)]
#[serde(default)]
pub struct MetadataJson {
    /// The name of the module.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub name: Option<String>,
    /// The description of the module.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub description: Option<String>,
    /// The people or organizations that are responsible for the module.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub authors: Option<String>,
    /// The licenses, as an SPDX expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub licenses: Option<String>,
    /// The URL of the source code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub source: Option<String>,
    /// The URL of the home page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub homepage: Option<String>,
    /// The revision of the source code in version control.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub revision: Option<String>,
    /// The version of the module.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub version: Option<String>,
    /// The URL of the source map.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub source_map_url: Option<String>,
    /// The build id, in hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub build_id: Option<String>,
    /// The URL of the module with the debug information.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub external_debug_info: Option<String>,
    /// The tools that produced the module and the modules in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub producers: Option<ToolsJson>,
    /// The crates from which the module and the modules in it were built, as cargo-auditable lists them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub crates: Option<CratesJson>,
}

/// The tools that produced a module.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Tools)]
pub struct ToolsJson {
    /// The tools that are listed.
    pub items: Vec<ToolJson>,
    /// The number of tools that are not listed.
    pub left_out: u64,
}

/// A tool that produced a module.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Tool)]
pub struct ToolJson {
    /// The role of the tool: `language`, `processed-by` or `sdk`.
    pub field: String,
    /// The name of the tool.
    pub name: String,
    /// The version of the tool, which may be empty.
    pub version: String,
}

/// The crates from which a module was built.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Crates)]
pub struct CratesJson {
    /// Whether a section with crates is malformed or too long. Then no crates are listed.
    pub unreadable: bool,
    /// The crates that are listed, sorted by name and version.
    pub items: Vec<CrateJson>,
    /// The number of crates that are not listed.
    pub left_out: u64,
}

/// A crate from which a module was built.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Crate)]
pub struct CrateJson {
    /// The name of the crate.
    pub name: String,
    /// The version of the crate, as in `Cargo.lock`.
    pub version: String,
}

impl From<&Requirements> for RequirementsJson {
    fn from(requires: &Requirements) -> Self {
        Self {
            standard: requires.standard.as_str().to_owned(),
            included: requires.included.clone(),
            proposals: requires.proposals.clone(),
        }
    }
}

impl From<&Metadata> for MetadataJson {
    fn from(metadata: &Metadata) -> Self {
        let producers = &metadata.producers;
        let tools = producers.items.iter().map(|tool| ToolJson {
            field: tool.field.clone(),
            name: tool.name.clone(),
            version: tool.version.clone(),
        });
        Self {
            name: metadata.name.clone(),
            description: metadata.description.clone(),
            authors: metadata.authors.clone(),
            licenses: metadata.licenses.clone(),
            source: metadata.source.clone(),
            homepage: metadata.homepage.clone(),
            revision: metadata.revision.clone(),
            version: metadata.version.clone(),
            source_map_url: metadata.source_map_url.clone(),
            build_id: metadata.build_id.clone(),
            external_debug_info: metadata.external_debug_info.clone(),
            producers: (producers.total > 0).then(|| ToolsJson {
                left_out: producers.total.saturating_sub(producers.items.len() as u64),
                items: tools.collect(),
            }),
            crates: metadata.crates.as_ref().map(CratesJson::from),
        }
    }
}

impl From<&Crates> for CratesJson {
    fn from(crates: &Crates) -> Self {
        let Crates::Listed(crates) = crates else {
            return Self {
                unreadable: true,
                items: Vec::new(),
                left_out: 0,
            };
        };
        let items = crates.items.iter().map(|listed| CrateJson {
            name: listed.name.clone(),
            version: listed.version.clone(),
        });
        Self {
            unreadable: false,
            items: items.collect(),
            left_out: crates.total.saturating_sub(crates.items.len() as u64),
        }
    }
}
