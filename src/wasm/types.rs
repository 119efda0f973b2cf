//! The types of what a core module imports and exports, as the text format spells them.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use wasmparser::{
    ExternalKind, GlobalType, MemoryType, Parser, Payload, SubType, TableType, TypeRef,
};

/// The types of a module's imports and exports, in their order; none for a component's.
#[derive(Debug, Default)]
pub(super) struct Types {
    pub imports: Vec<Arc<str>>,
    pub exports: Vec<Arc<str>>,
}

/// What stands at the indices of a module, as far as it may be exported: imports first, then its own.
#[derive(Default)]
struct Indices {
    types: Vec<SubType>,
    /// Spelled types: one may be that of a million functions.
    spelled: HashMap<u32, Arc<str>>,
    funcs: Vec<u32>,
    tags: Vec<u32>,
    tables: Vec<TableType>,
    memories: Vec<MemoryType>,
    globals: Vec<GlobalType>,
}

/// Reads the sections up to that of the exports, and no further.
pub(super) fn read(bytes: &[u8]) -> wasmparser::Result<Types> {
    let (mut types, mut indices) = (Types::default(), Indices::default());
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    types.imports.push(indices.import(import?.ty));
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    types.exports.push(indices.at(export.kind, export.index));
                }
                break;
            }
            Payload::CodeSectionStart { .. } | Payload::End(_) => break,
            other => indices.own(other)?,
        }
    }
    Ok(types)
}

impl Indices {
    /// Takes what the module defines itself.
    fn own(&mut self, payload: Payload<'_>) -> wasmparser::Result<()> {
        match payload {
            Payload::TypeSection(section) => {
                for group in section {
                    self.types.extend(group?.into_types());
                }
            }
            Payload::FunctionSection(section) => {
                for index in section {
                    self.funcs.push(index?);
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    self.tables.push(table?.ty);
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    self.memories.push(memory?);
                }
            }
            Payload::TagSection(section) => {
                for tag in section {
                    self.tags.push(tag?.func_type_idx);
                }
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    self.globals.push(global?.ty);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes what the module imports, and spells its type.
    fn import(&mut self, ty: TypeRef) -> Arc<str> {
        match ty {
            TypeRef::Func(index) | TypeRef::FuncExact(index) => {
                self.funcs.push(index);
                self.func(index)
            }
            TypeRef::Tag(tag) => {
                self.tags.push(tag.func_type_idx);
                self.tag(tag.func_type_idx)
            }
            TypeRef::Table(table) => {
                self.tables.push(table);
                spell_table(&table)
            }
            TypeRef::Memory(memory) => {
                self.memories.push(memory);
                spell_memory(&memory)
            }
            TypeRef::Global(global) => {
                self.globals.push(global);
                spell_global(&global)
            }
        }
    }

    /// Spells the type of what stands at an index; only that it is of this kind if nothing stands there.
    fn at(&mut self, kind: ExternalKind, index: u32) -> Arc<str> {
        let at = index as usize;
        let (spelled, noun) = match kind {
            ExternalKind::Func | ExternalKind::FuncExact => {
                let ty = self.funcs.get(at).copied();
                (ty.map(|ty| self.func(ty)), "func")
            }
            ExternalKind::Tag => {
                let ty = self.tags.get(at).copied();
                (ty.map(|ty| self.tag(ty)), "tag")
            }
            ExternalKind::Table => (self.tables.get(at).map(spell_table), "table"),
            ExternalKind::Memory => (self.memories.get(at).map(spell_memory), "memory"),
            ExternalKind::Global => (self.globals.get(at).map(spell_global), "global"),
        };
        spelled.unwrap_or_else(|| noun.into())
    }

    fn func(&mut self, ty: u32) -> Arc<str> {
        let types = &self.types;
        let spell = || match types.get(ty as usize) {
            Some(ty) => ty.to_string().into(),
            None => "func".into(),
        };
        Arc::clone(self.spelled.entry(ty).or_insert_with(spell))
    }

    fn tag(&mut self, ty: u32) -> Arc<str> {
        format!("(tag {})", self.func(ty)).into()
    }
}

/// Limits as the text format has them: the least, and the most if there is one.
fn limits(initial: u64, maximum: Option<u64>) -> String {
    match maximum {
        Some(maximum) => format!("{initial} {maximum}"),
        None => initial.to_string(),
    }
}

fn spell_table(table: &TableType) -> Arc<str> {
    let (index, shared) = (flag(table.table64, "i64 "), flag(table.shared, "shared "));
    let limits = limits(table.initial, table.maximum);
    format!("(table {shared}{index}{limits} {})", table.element_type).into()
}

fn spell_memory(memory: &MemoryType) -> Arc<str> {
    let (index, shared) = (
        flag(memory.memory64, "i64 "),
        flag(memory.shared, " shared"),
    );
    let limits = limits(memory.initial, memory.maximum);
    let page = memory.page_size_log2.map(|log2| 1u64 << log2.min(63));
    let page = page.map_or_else(String::new, |page| format!(" (pagesize {page})"));
    format!("(memory {index}{limits}{shared}{page})").into()
}

fn spell_global(global: &GlobalType) -> Arc<str> {
    let shared = flag(global.shared, "shared ");
    let content: &dyn fmt::Display = &global.content_type;
    match global.mutable {
        true => format!("(global {shared}(mut {content}))").into(),
        false => format!("(global {shared}{content})").into(),
    }
}

fn flag(is_set: bool, text: &'static str) -> &'static str {
    if is_set { text } else { "" }
}
