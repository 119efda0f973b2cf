//! The description of a module, as JSON.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::metadata::{MetadataJson, RequirementsJson};
use super::schema::{DigestSchema, HashSchema};
use crate::oci::OciModule;
use crate::store::{ModuleDetails, WitItem};

/// The description of a module.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Info)]
pub struct InfoJson {
    /// The module's hash.
    #[schema(value_type = HashSchema)]
    pub hash: String,
    /// The SHA-256 of the module's bytes, as `sha256:<hex>`.
    #[schema(value_type = DigestSchema)]
    pub digest: String,
    /// The size of the module in bytes.
    pub size: u64,
    /// `module` or `component`.
    #[schema(pattern = "^(module|component)$")]
    pub kind: String,
    /// The imports of the module.
    pub imports: Vec<ImportJson>,
    /// The exports of the module.
    pub exports: Vec<ExportJson>,
    /// The number of imports and exports of a core module whose types are left out: the server stores at most 160 KiB of the list of
    /// imports, and at most 160 KiB of the list of exports. Absent if all are known. A search does not find the module by these imports and
    /// exports.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schema(required = false)]
    pub types_left_out: u64,
    /// The names of the module's custom sections.
    pub custom_sections: Vec<String>,
    /// The tools and languages that produced the module, by field of the producers section.
    pub producers: BTreeMap<String, Vec<ProducerJson>>,
    /// The name under which OCI clients pull the module. Absent if the path of the module is not a valid name in OCI, or if the default
    /// branch has another module at the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub oci: Option<OciJson>,
    /// The features that the module requires of an engine. Absent if they cannot be determined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub requires: Option<RequirementsJson>,
    /// The metadata in the custom sections of the module. Absent if the sections cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub metadata: Option<MetadataJson>,
}

/// The name under which OCI clients pull a module.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = OciName)]
pub struct OciJson {
    /// The repository.
    pub repository: String,
    /// The tag.
    pub tag: String,
    /// The digest of the manifest, as `sha256:<hex>`.
    pub digest: String,
}

impl From<&OciModule> for OciJson {
    fn from(module: &OciModule) -> Self {
        Self {
            repository: module.repository.to_string(),
            tag: module.tag.to_string(),
            digest: module.digest.to_string(),
        }
    }
}

/// An import of a module.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Import)]
pub struct ImportJson {
    /// The module that the item is imported from; null for a component.
    pub module: Option<String>,
    /// The name of the imported item.
    pub name: String,
    /// `func`, `table`, `memory`, `global`, `tag`, `type`, `component`, `instance`, `module` or `value`.
    pub kind: String,
    /// The type in the text format; in a component, the WIT of a function or type. A long type is cut, and ends with `…`. Absent for an
    /// interface, and after the first 160 KiB of the list.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub ty: Option<String>,
    /// The functions and types of an interface of a component. Absent if there are none, or if the WIT cannot be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub members: Vec<MemberJson>,
}

/// A function or type of an interface.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = InterfaceMember)]
pub struct MemberJson {
    /// The name. The name of a method follows the name of its resource, as in `counter.increment`.
    pub name: String,
    /// The definition in WIT, on one line, such as `func(by: u32) -> u32`.
    #[serde(rename = "type")]
    pub ty: String,
}

/// An export of a module.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Export)]
pub struct ExportJson {
    /// The name of the exported item.
    pub name: String,
    /// The kind of the exported item: one of the kinds of imports.
    pub kind: String,
    /// The type, as for an import.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub ty: Option<String>,
    /// The functions and types of an interface of a component. Absent if there are none, or if the WIT cannot be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub members: Vec<MemberJson>,
}

/// A tool or language that produced a module.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Producer)]
pub struct ProducerJson {
    /// The name of the tool or language.
    pub name: String,
    /// The version of the tool or language.
    pub version: String,
}

impl From<&ModuleDetails> for InfoJson {
    fn from(details: &ModuleDetails) -> Self {
        let module = &details.module;
        let facts = details.facts.as_ref();
        let wit = details.wit.as_ref();
        let imported = WitItems::new(wit.map(|wit| &*wit.imports));
        let exported = WitItems::new(wit.map(|wit| &*wit.exports));
        // The lists in `facts` start with the first import and the first export. The lists in `module` may start later.
        let (skipped_imports, skipped_exports) = details.skipped_items();
        let imports = (skipped_imports..).zip(&module.imports);
        let imports = imports.map(|(position, import)| ImportJson {
            module: import.module.as_deref().map(str::to_owned),
            name: import.name.clone(),
            kind: import.kind.as_str().to_owned(),
            ty: facts
                .and_then(|facts| facts.imports.items.get(position)?.ty.as_deref())
                .map(str::to_owned)
                .or_else(|| imported.ty(&import.name)),
            members: imported.members(&import.name),
        });
        let exports = (skipped_exports..).zip(&module.exports);
        let exports = exports.map(|(position, export)| ExportJson {
            name: export.name.clone(),
            kind: export.kind.as_str().to_owned(),
            ty: facts
                .and_then(|facts| facts.exports.items.get(position)?.ty.as_deref())
                .map(str::to_owned)
                .or_else(|| exported.ty(&export.name)),
            members: exported.members(&export.name),
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
            types_left_out: details.types_left_out(),
            custom_sections: module.custom_sections.clone(),
            producers,
            oci: None,
            requires: facts.map(|facts| RequirementsJson::from(&facts.requires)),
            metadata: facts.map(|facts| MetadataJson::from(&facts.metadata)),
        }
    }
}

/// The imports or exports of a component's WIT world, by their names in the component.
struct WitItems<'w>(HashMap<String, &'w WitItem>);

impl<'w> WitItems<'w> {
    fn new(items: Option<&'w [WitItem]>) -> Self {
        let items = items.unwrap_or_default().iter();
        Self(items.map(|item| (item.full_name(), item)).collect())
    }

    /// Returns the WIT of a function or type that is imported or exported directly, not in an interface.
    fn ty(&self, name: &str) -> Option<String> {
        let item = self.0.get(name).filter(|item| !item.is_interface())?;
        Some(item.members.first()?.text.clone())
    }

    /// Returns the functions and types of an interface.
    fn members(&self, name: &str) -> Vec<MemberJson> {
        let item = self.0.get(name).filter(|item| item.is_interface());
        let members = item.into_iter().flat_map(|item| &item.members);
        let members = members.map(|member| MemberJson {
            name: member.name.clone(),
            ty: member.text.clone(),
        });
        members.collect()
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}
