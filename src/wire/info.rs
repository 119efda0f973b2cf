//! What is in a module.

use std::collections::BTreeMap;

use serde::Serialize;

use super::schema::{Digest, Hash};
use crate::store;

/// What is in a module.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Info {
    /// The module's hash.
    #[schema(value_type = Hash)]
    hash: String,
    /// The SHA-256 of its bytes, as `sha256:<hex>`.
    #[schema(value_type = Digest)]
    digest: String,
    /// Its size in bytes.
    size: u64,
    /// `module` or `component`.
    #[schema(pattern = "^(module|component)$")]
    kind: &'static str,
    /// What it needs.
    imports: Vec<Import>,
    /// What it offers.
    exports: Vec<Export>,
    /// The names of its custom sections.
    custom_sections: Vec<String>,
    /// What made it, by field of the producers section.
    producers: BTreeMap<String, Vec<Producer>>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Import {
    /// The module that it comes from; components have none.
    module: Option<String>,
    name: String,
    /// `func`, `table`, `memory`, `global`, `tag`, `type`, `component`, `instance`, `module` or `value`.
    kind: &'static str,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Export {
    name: String,
    /// As an import's.
    kind: &'static str,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Producer {
    name: String,
    version: String,
}

impl From<&store::Info> for Info {
    fn from(info: &store::Info) -> Self {
        let module = &info.module;
        let imports = module.imports.iter().map(|import| Import {
            module: import.module.as_deref().map(str::to_owned),
            name: import.name.clone(),
            kind: import.kind.as_str(),
        });
        let exports = module.exports.iter().map(|export| Export {
            name: export.name.clone(),
            kind: export.kind.as_str(),
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
            kind: module.kind.as_str(),
            imports: imports.collect(),
            exports: exports.collect(),
            custom_sections: module.custom_sections.clone(),
            producers,
        }
    }
}
