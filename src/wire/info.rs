//! The description of a module, as JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::schema::{DigestSchema, HashSchema};
use crate::store::ModuleDetails;

/// The description of a module.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Info)]
pub struct InfoJson {
    /// The module's hash.
    #[schema(value_type = HashSchema)]
    pub hash: String,
    /// The SHA-256 of its bytes, as `sha256:<hex>`.
    #[schema(value_type = DigestSchema)]
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
    /// `module` or `component`.
    #[schema(pattern = "^(module|component)$")]
    pub kind: String,
    /// The imports of the module.
    pub imports: Vec<ImportJson>,
    /// The exports of the module.
    pub exports: Vec<ExportJson>,
    /// The names of its custom sections.
    pub custom_sections: Vec<String>,
    /// The tools and languages that produced the module, by field of the producers section.
    pub producers: BTreeMap<String, Vec<ProducerJson>>,
}

/// An import of a module.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Import)]
pub struct ImportJson {
    /// The module that the item is imported from; null for a component.
    pub module: Option<String>,
    /// Its name.
    pub name: String,
    /// `func`, `table`, `memory`, `global`, `tag`, `type`, `component`, `instance`, `module` or `value`.
    pub kind: String,
}

/// An export of a module.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Export)]
pub struct ExportJson {
    /// Its name.
    pub name: String,
    /// One of the kinds that imports have.
    pub kind: String,
}

/// A tool or language that produced a module.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Producer)]
pub struct ProducerJson {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl From<&ModuleDetails> for InfoJson {
    fn from(details: &ModuleDetails) -> Self {
        let module = &details.module;
        let imports = module.imports.iter().map(|import| ImportJson {
            module: import.module.as_deref().map(str::to_owned),
            name: import.name.clone(),
            kind: import.kind.as_str().to_owned(),
        });
        let exports = module.exports.iter().map(|export| ExportJson {
            name: export.name.clone(),
            kind: export.kind.as_str().to_owned(),
        });
        let mut producers = BTreeMap::<String, Vec<ProducerJson>>::new();
        for (field, tools) in &module.producers {
            let tools = tools.iter().map(|(name, version)| ProducerJson {
                name: name.clone(),
                version: version.clone(),
            });
            producers.entry(field.clone()).or_default().extend(tools);
        }
        Self {
            hash: details.hash.to_string(),
            digest: details.digest.to_string(),
            size: module.size_bytes,
            kind: module.kind.as_str().to_owned(),
            imports: imports.collect(),
            exports: exports.collect(),
            custom_sections: module.custom_sections.clone(),
            producers,
        }
    }
}
