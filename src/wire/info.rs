//! What is in a module.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::schema::{Digest, Hash};
use crate::store;

/// What is in a module.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Info {
    /// The module's hash.
    #[schema(value_type = Hash)]
    pub hash: String,
    /// The SHA-256 of its bytes, as `sha256:<hex>`.
    #[schema(value_type = Digest)]
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
    /// `module` or `component`.
    #[schema(pattern = "^(module|component)$")]
    pub kind: String,
    /// What it needs.
    pub imports: Vec<Import>,
    /// What it offers.
    pub exports: Vec<Export>,
    /// The names of its custom sections.
    pub custom_sections: Vec<String>,
    /// What made it, by field of the producers section.
    pub producers: BTreeMap<String, Vec<Producer>>,
}

/// Something that a module needs.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Import {
    /// The module that it comes from; components have none.
    pub module: Option<String>,
    /// Its name.
    pub name: String,
    /// `func`, `table`, `memory`, `global`, `tag`, `type`, `component`, `instance`, `module` or `value`.
    pub kind: String,
}

/// Something that a module offers.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Export {
    /// Its name.
    pub name: String,
    /// As an import's.
    pub kind: String,
}

/// A tool or a language that a module was made with.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Producer {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl From<&store::Info> for Info {
    fn from(info: &store::Info) -> Self {
        let module = &info.module;
        let imports = module.imports.iter().map(|import| Import {
            module: import.module.as_deref().map(str::to_owned),
            name: import.name.clone(),
            kind: import.kind.as_str().to_owned(),
        });
        let exports = module.exports.iter().map(|export| Export {
            name: export.name.clone(),
            kind: export.kind.as_str().to_owned(),
        });
        let mut producers = BTreeMap::<String, Vec<Producer>>::new();
        for (field, tools) in &module.producers {
            let tools = tools.iter().map(|(name, version)| Producer {
                name: name.clone(),
                version: version.clone(),
            });
            producers.entry(field.clone()).or_default().extend(tools);
        }
        Self {
            hash: info.hash.to_string(),
            digest: info.digest.to_string(),
            size: module.size_bytes,
            kind: module.kind.as_str().to_owned(),
            imports: imports.collect(),
            exports: exports.collect(),
            custom_sections: module.custom_sections.clone(),
            producers,
        }
    }
}
