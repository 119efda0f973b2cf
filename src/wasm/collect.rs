//! Collects the [`ModuleInfo`] from the payloads that the parser of `wasmparser` returns.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use wasmparser::{
    BinaryReader, ComponentExternalKind, Encoding, ExternalKind, Payload, ProducersSectionReader,
    TypeRef,
};

use super::facts::json_bytes;
use super::info::{Export, Import, ItemKind, ModuleInfo, ModuleKind, Producers};

/// The maximum number of names of custom sections that are kept. A module may have hundreds of millions of custom sections.
const CUSTOM_SECTIONS_MAX: usize = 10_000;
/// The maximum total length of the names of custom sections that are kept, in bytes.
const CUSTOM_SECTION_NAMES_BYTES_MAX: usize = 1 << 20;
/// The maximum length of a `producers` section, in bytes. A longer one is ignored. Real ones have a few hundred bytes.
const PRODUCERS_BYTES_MAX: usize = 64 << 10;

/// The maximum total size of the lists of imports and exports, in bytes of JSON. In a malicious module, a million imports may share one
/// name. Real modules have at most some thousands of imports and exports.
const ITEMS_BYTES_MAX: usize = 4 << 20;
/// The length of the JSON of an import or export without its names, in bytes.
const ITEM_BYTES: usize = 48;

/// Collects the information about a module.
#[derive(Default)]
pub(super) struct InfoCollector {
    /// The number of imports and exports at the beginning that are not collected, because the caller already has them.
    skip: usize,
    /// The number of imports and exports so far, including those that were not collected.
    items: usize,
    items_bytes: usize,
    /// The number of imports and exports before the first one that did not fit into the lists; `None` if all fit.
    next: Option<usize>,
    kind: Option<ModuleKind>,
    imports: Vec<Import>,
    exports: Vec<Export>,
    custom_sections: Vec<String>,
    custom_section_names_bytes: usize,
    producers: Option<Producers>,
}

impl InfoCollector {
    /// Creates a collector that does not collect the first `skip` imports and exports.
    pub(super) fn after(skip: usize) -> Self {
        Self {
            skip,
            ..Self::default()
        }
    }

    /// Counts an import or export with the names `names`. Returns whether it must be added to the lists.
    fn admit(&mut self, names: &[&str]) -> bool {
        let nth = self.items;
        self.items += 1;
        if nth < self.skip || self.next.is_some() {
            return false;
        }
        let names_bytes: usize = names.iter().map(|name| json_bytes(name)).sum();
        let bytes = self.items_bytes + ITEM_BYTES + names_bytes;
        // A single import or export always fits, because the length of a name is limited.
        if bytes > ITEMS_BYTES_MAX && self.items_bytes > 0 {
            self.next = Some(nth);
            return false;
        }
        self.items_bytes = bytes;
        true
    }

    /// Adds a payload of the outermost module or component. The payload may be unvalidated.
    pub(super) fn payload(&mut self, payload: &Payload<'_>) -> wasmparser::Result<()> {
        match payload {
            Payload::Version { encoding, .. } => {
                self.kind = Some(match encoding {
                    Encoding::Module => ModuleKind::Module,
                    Encoding::Component => ModuleKind::Component,
                });
            }
            Payload::CustomSection(section) => {
                self.custom_section(section.name());
                if section.name() == "producers" {
                    self.producers(section.data());
                }
            }
            Payload::ImportSection(section) => {
                for import in section.clone().into_imports() {
                    self.import(&import?);
                }
            }
            Payload::ExportSection(section) => {
                for export in section.clone() {
                    let export = export?;
                    self.export(export.name, core_kind(export.kind));
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    let import = import?;
                    let name = import.name.full_name();
                    if self.admit(&[&name]) {
                        self.imports.push(Import {
                            module: None,
                            name: name.into_owned(),
                            kind: component_kind(import.ty.kind()),
                        });
                    }
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section.clone() {
                    let export = export?;
                    self.export(&export.name.full_name(), component_kind(export.kind));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Adds the name of a custom section whose contents are not read.
    pub(super) fn custom_section(&mut self, name: &str) {
        let names_bytes = self.custom_section_names_bytes.saturating_add(name.len());
        if self.custom_sections.len() < CUSTOM_SECTIONS_MAX
            && names_bytes <= CUSTOM_SECTION_NAMES_BYTES_MAX
        {
            self.custom_section_names_bytes = names_bytes;
            self.custom_sections.push(name.to_owned());
        }
    }

    /// Returns the collected information, with the size and the SHA-256 of the module.
    pub(super) fn finish(self, size_bytes: u64, sha256: Sha256) -> ModuleInfo {
        ModuleInfo {
            kind: self
                .kind
                .expect("BUG: a module was parsed to its end without a header"),
            size_bytes,
            sha256: sha256.finalize().into(),
            imports: self.imports,
            exports: self.exports,
            next: self.next,
            custom_sections: self.custom_sections,
            producers: self.producers.unwrap_or_default(),
        }
    }

    /// Adds an import. The compact encoding of imports has the name of a module once for many imports. A copy of the name for each import
    /// could turn a few megabytes into gigabytes, so consecutive imports share one copy.
    fn import(&mut self, import: &wasmparser::Import<'_>) {
        if !self.admit(&[import.module, import.name]) {
            return;
        }
        let last = self.imports.last().and_then(|last| last.module.clone());
        let module = last.filter(|last| **last == *import.module);
        self.imports.push(Import {
            module: Some(module.unwrap_or_else(|| Arc::from(import.module))),
            name: import.name.to_owned(),
            kind: import_kind(import.ty),
        });
    }

    fn export(&mut self, name: &str, kind: ItemKind) {
        if !self.admit(&[name]) {
            return;
        }
        self.exports.push(Export {
            name: name.to_owned(),
            kind,
        });
    }

    /// Reads a `producers` section. A malformed section is ignored, because a custom section cannot make a module invalid.
    fn producers(&mut self, data: &[u8]) {
        if self.producers.is_none() && data.len() <= PRODUCERS_BYTES_MAX {
            self.producers = read_producers(data).ok();
        }
    }
}

fn read_producers(data: &[u8]) -> wasmparser::Result<Producers> {
    let fields = ProducersSectionReader::new(BinaryReader::new(data, 0))?;
    fields
        .into_iter()
        .map(|field| {
            let field = field?;
            let values = field.values.into_iter().map(|value| {
                let value = value?;
                Ok((value.name.to_owned(), value.version.to_owned()))
            });
            Ok((
                field.name.to_owned(),
                values.collect::<wasmparser::Result<_>>()?,
            ))
        })
        .collect()
}

pub(super) fn import_kind(ty: TypeRef) -> ItemKind {
    match ty {
        TypeRef::Func(_) | TypeRef::FuncExact(_) => ItemKind::Func,
        TypeRef::Table(_) => ItemKind::Table,
        TypeRef::Memory(_) => ItemKind::Memory,
        TypeRef::Global(_) => ItemKind::Global,
        TypeRef::Tag(_) => ItemKind::Tag,
    }
}

pub(super) fn core_kind(kind: ExternalKind) -> ItemKind {
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => ItemKind::Func,
        ExternalKind::Table => ItemKind::Table,
        ExternalKind::Memory => ItemKind::Memory,
        ExternalKind::Global => ItemKind::Global,
        ExternalKind::Tag => ItemKind::Tag,
    }
}

pub(super) fn component_kind(kind: ComponentExternalKind) -> ItemKind {
    match kind {
        ComponentExternalKind::Module => ItemKind::Module,
        ComponentExternalKind::Func => ItemKind::Func,
        ComponentExternalKind::Value => ItemKind::Value,
        ComponentExternalKind::Type => ItemKind::Type,
        ComponentExternalKind::Instance => ItemKind::Instance,
        ComponentExternalKind::Component => ItemKind::Component,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_custom_sections_is_bounded() {
        let mut many = InfoCollector::default();
        (0..=CUSTOM_SECTIONS_MAX).for_each(|_| many.custom_section(""));
        assert_eq!(many.custom_sections.len(), CUSTOM_SECTIONS_MAX);

        let mut long = InfoCollector::default();
        let name = "n".repeat(100_000);
        (0..100).for_each(|_| long.custom_section(&name));
        assert_eq!(
            long.custom_sections.len(),
            CUSTOM_SECTION_NAMES_BYTES_MAX / name.len()
        );
    }

    #[test]
    fn a_malformed_producers_section_is_ignored() {
        let good = b"\x01\x08language\x01\x01C\x0299";
        let mut collector = InfoCollector::default();
        collector.producers(&good[..good.len() - 1]);
        collector.producers(&vec![0; PRODUCERS_BYTES_MAX + 1]);
        assert_eq!(collector.producers, None);
        collector.producers(good);
        collector.producers(b"\0");
        let c = ("C".to_owned(), "99".to_owned());
        assert_eq!(
            collector.producers,
            Some(vec![("language".to_owned(), vec![c])])
        );
    }
}
