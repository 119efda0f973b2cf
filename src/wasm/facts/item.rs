//! Imports and exports with their types.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::text::{cut_shared, cut_text, json_bytes};
use crate::wasm::ItemKind;

/// The maximum length of a name, and also of a type in the text format, in bytes of JSON. Longer texts are cut.
pub(super) const NAME_BYTES_MAX: usize = 1024;

/// The maximum size of the list of imports, and of the list of exports, in bytes of JSON.
pub(super) const ITEMS_BYTES_MAX: usize = 160 << 10;
/// The length of the JSON of an import or export without its names and its type, in bytes.
const ITEM_BYTES: usize = 64;

/// An import with its type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypedImport {
    /// The name of the module from which the item is imported; `None` in a component, because an import of a component has only one name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<Arc<str>>,
    /// The name of the item. A name of more than 1 KiB is cut, and ends with `…`.
    pub name: String,
    /// The kind of the item.
    pub kind: ItemKind,
    /// The type in the [text format](https://webassembly.github.io/spec/core/text/types.html). It refers to other types by their index in
    /// the module. It is cut like the name. `None` in a component.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub ty: Option<Arc<str>>,
}

/// An export with its type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypedExport {
    /// The name of the item. A name of more than 1 KiB is cut, and ends with `…`.
    pub name: String,
    /// The kind of the item.
    pub kind: ItemKind,
    /// The type of the item, in the same form as [`TypedImport::ty`].
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub ty: Option<Arc<str>>,
}

impl TypedImport {
    pub(super) fn new(
        module: Option<Arc<str>>,
        name: &str,
        kind: ItemKind,
        ty: Option<Arc<str>>,
    ) -> Self {
        let cut = |text| cut_shared(text, NAME_BYTES_MAX);
        Self {
            module: module.map(cut),
            name: cut_text(name, NAME_BYTES_MAX),
            kind,
            ty: ty.map(cut),
        }
    }

    pub(super) fn json_bytes(&self) -> usize {
        let module = self.module.as_deref().unwrap_or_default();
        ITEM_BYTES + json_bytes(module) + json_bytes(&self.name) + type_bytes(&self.ty)
    }
}

impl TypedExport {
    pub(super) fn new(name: &str, kind: ItemKind, ty: Option<Arc<str>>) -> Self {
        Self {
            name: cut_text(name, NAME_BYTES_MAX),
            kind,
            ty: ty.map(|ty| cut_shared(ty, NAME_BYTES_MAX)),
        }
    }

    pub(super) fn json_bytes(&self) -> usize {
        ITEM_BYTES + json_bytes(&self.name) + type_bytes(&self.ty)
    }
}

/// Returns the length of a type as JSON, without the enclosing quotes, in bytes. The text format of a type has no character that JSON
/// escapes.
fn type_bytes(ty: &Option<Arc<str>>) -> usize {
    ty.as_ref().map_or(0, |ty| ty.len())
}
