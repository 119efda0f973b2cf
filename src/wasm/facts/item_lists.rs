//! Collects the imports and exports of the outermost module or component, with their types.

use wasmparser::{Export, Import, Payload};

use super::cut::{Cut, CutList};
use super::item::{ITEMS_BYTES_MAX, TypedExport, TypedImport};
use crate::wasm::collect::{component_kind, core_kind, import_kind};
use crate::wasm::core_item::CoreItem;
use crate::wasm::types::IndexSpaces;

/// The imports and exports of the outermost module or component.
#[derive(Debug)]
pub(super) struct ItemLists {
    imports: CutList<TypedImport>,
    exports: CutList<TypedExport>,
    /// The index spaces of the outermost module, if that is a core module. They give the types of imports and exports.
    spaces: IndexSpaces,
}

impl ItemLists {
    pub(super) fn new() -> Self {
        Self {
            imports: CutList::new(ITEMS_BYTES_MAX),
            exports: CutList::new(ITEMS_BYTES_MAX),
            spaces: IndexSpaces::default(),
        }
    }

    /// Adds an item of the outermost core module.
    pub(super) fn add(&mut self, item: CoreItem<'_>) {
        match item {
            CoreItem::Import(import) => self.core_import(&import),
            CoreItem::Export(export) => self.core_export(&export),
            definition => self.spaces.define(definition),
        }
    }

    fn core_import(&mut self, import: &Import<'_>) {
        self.spaces.add_import(import.ty);
        if self.imports.is_cut() {
            return self.imports.count();
        }
        let last = self.imports.last().and_then(|last| last.module.clone());
        let module = last.filter(|last| **last == *import.module);
        let module = module.unwrap_or_else(|| import.module.into());
        let ty = self.spaces.type_of(import.ty);
        let kind = import_kind(import.ty);
        self.import(TypedImport::new(Some(module), import.name, kind, Some(ty)));
    }

    fn core_export(&mut self, export: &Export<'_>) {
        if self.exports.is_cut() {
            return self.exports.count();
        }
        let ty = self.spaces.type_at(export.kind, export.index);
        let kind = core_kind(export.kind);
        self.export(TypedExport::new(export.name, kind, Some(ty)));
    }

    /// Adds the imports or exports in a payload of the outermost component.
    pub(super) fn component(&mut self, payload: &Payload<'_>) {
        match payload {
            Payload::ComponentImportSection(section) => {
                for import in section.clone().into_iter().map_while(Result::ok) {
                    let kind = component_kind(import.ty.kind());
                    self.import(TypedImport::new(None, &import.name.full_name(), kind, None));
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section.clone().into_iter().map_while(Result::ok) {
                    let kind = component_kind(export.kind);
                    self.export(TypedExport::new(&export.name.full_name(), kind, None));
                }
            }
            _ => {}
        }
    }

    fn import(&mut self, import: TypedImport) {
        let bytes = import.json_bytes();
        self.imports.push(import, bytes);
    }

    fn export(&mut self, export: TypedExport) {
        let bytes = export.json_bytes();
        self.exports.push(export, bytes);
    }

    /// Returns the imports and the exports.
    pub(super) fn finish(self) -> (Cut<TypedImport>, Cut<TypedExport>) {
        (self.imports.finish(), self.exports.finish())
    }
}
