//! Reads the types of the imports and exports of a core module, and formats them in the text format.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::core_item::CoreItem;
use wasmparser::{
    CompositeInnerType, CompositeType, ExternalKind, GlobalType, MemoryType, Parser, Payload,
    SubType, TableType, TypeRef, ValType,
};

/// The types of a module's imports and exports in the text format, in order; empty for a component.
#[derive(Debug, Default)]
pub(super) struct ItemTypes {
    pub imports: Vec<Arc<str>>,
    pub exports: Vec<Arc<str>>,
}

/// The types of all items of a module that can be exported, by the index of the item. In each index space, imports come first, then
/// definitions.
#[derive(Debug, Default)]
pub(super) struct IndexSpaces {
    types: Vec<FormattedType>,
    /// The formatted types of tags, by the index of their function type.
    formatted_tags: HashMap<u32, Arc<str>>,
    funcs: Vec<u32>,
    tags: Vec<u32>,
    tables: Vec<TableType>,
    memories: Vec<MemoryType>,
    globals: Vec<GlobalType>,
}

/// The definition of a type, and its text after it was first used. Each type is formatted only once, because a million functions may share
/// it.
#[derive(Debug)]
struct FormattedType {
    ty: SubType,
    text: Option<Arc<str>>,
}

/// Reads the types of the imports and exports of a module. Does not read the sections after the export section.
pub(super) fn read(bytes: &[u8]) -> wasmparser::Result<ItemTypes> {
    let (mut types, mut indices) = (ItemTypes::default(), IndexSpaces::default());
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let ty = import?.ty;
                    indices.add_import(ty);
                    types.imports.push(indices.type_of(ty));
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    types
                        .exports
                        .push(indices.type_at(export.kind, export.index));
                }
                break;
            }
            Payload::CodeSectionStart { .. } | Payload::End(_) => break,
            other => CoreItem::each(&other, |_, item| indices.define(item)),
        }
    }
    Ok(types)
}

impl IndexSpaces {
    /// Adds a definition. Ignores imports and other items that are not definitions.
    pub(super) fn define(&mut self, item: CoreItem<'_>) {
        match item {
            CoreItem::Types(group) => {
                let formatted = |ty| FormattedType { ty, text: None };
                self.types.extend(group.into_types().map(formatted));
            }
            CoreItem::Function(ty) => self.funcs.push(ty),
            CoreItem::Table(table) => self.tables.push(table.ty),
            CoreItem::Memory(memory) => self.memories.push(memory),
            CoreItem::Tag(tag) => self.tags.push(tag.func_type_idx),
            CoreItem::Global(global) => self.globals.push(global.ty),
            CoreItem::Imports(_)
            | CoreItem::Import(_)
            | CoreItem::Export(_)
            | CoreItem::Element(_)
            | CoreItem::Data(_) => {}
        }
    }

    /// Adds an imported item to its index space.
    pub(super) fn add_import(&mut self, ty: TypeRef) {
        match ty {
            TypeRef::Func(index) | TypeRef::FuncExact(index) => self.funcs.push(index),
            TypeRef::Tag(tag) => self.tags.push(tag.func_type_idx),
            TypeRef::Table(table) => self.tables.push(table),
            TypeRef::Memory(memory) => self.memories.push(memory),
            TypeRef::Global(global) => self.globals.push(global),
        }
    }

    /// Returns the type of an imported item in the text format.
    pub(super) fn type_of(&mut self, ty: TypeRef) -> Arc<str> {
        match ty {
            TypeRef::Func(index) | TypeRef::FuncExact(index) => self.func(index),
            TypeRef::Tag(tag) => self.tag(tag.func_type_idx),
            TypeRef::Table(table) => format_table(&table),
            TypeRef::Memory(memory) => format_memory(&memory),
            TypeRef::Global(global) => format_global(&global),
        }
    }

    /// Returns the type of the item with the index `index` in the text format, or only the name of its kind if there is no such item.
    pub(super) fn type_at(&mut self, kind: ExternalKind, index: u32) -> Arc<str> {
        let position = index as usize;
        let (formatted, kind_name) = match kind {
            ExternalKind::Func | ExternalKind::FuncExact => {
                let ty = self.funcs.get(position).copied();
                (ty.map(|ty| self.func(ty)), "func")
            }
            ExternalKind::Tag => {
                let ty = self.tags.get(position).copied();
                (ty.map(|ty| self.tag(ty)), "tag")
            }
            ExternalKind::Table => (self.tables.get(position).map(format_table), "table"),
            ExternalKind::Memory => (self.memories.get(position).map(format_memory), "memory"),
            ExternalKind::Global => (self.globals.get(position).map(format_global), "global"),
        };
        formatted.unwrap_or_else(|| kind_name.into())
    }

    fn func(&mut self, ty: u32) -> Arc<str> {
        match self.types.get_mut(ty as usize) {
            Some(ty) => ty.text(),
            None => "func".into(),
        }
    }

    fn tag(&mut self, ty: u32) -> Arc<str> {
        if let Some(formatted) = self.formatted_tags.get(&ty) {
            return Arc::clone(formatted);
        }
        let formatted: Arc<str> = format_tag(&self.func(ty)).into();
        self.formatted_tags.insert(ty, Arc::clone(&formatted));
        formatted
    }
}

impl FormattedType {
    /// Returns the type in the text format.
    fn text(&mut self) -> Arc<str> {
        let format = || format_type(&self.ty).into();
        Arc::clone(self.text.get_or_insert_with(format))
    }
}

/// Returns a type in the text format, as its `Display` does. Function types are formatted here, because `Display` takes several times as
/// long for them, and they are most of the types.
fn format_type(ty: &SubType) -> String {
    let CompositeType {
        inner: CompositeInnerType::Func(function),
        shared: false,
        descriptor_idx: None,
        describes_idx: None,
    } = &ty.composite_type
    else {
        return ty.to_string();
    };
    if !ty.is_final || !ty.supertype_idxs.is_empty() {
        return ty.to_string();
    }
    let types = function.params().len() + function.results().len();
    // Most types have four characters, and a space before them.
    let mut text = String::with_capacity("(func (param) (result))".len() + 5 * types);
    text.push_str("(func");
    for (start, types) in [
        (" (param", function.params()),
        (" (result", function.results()),
    ] {
        if !types.is_empty() {
            text.push_str(start);
            for ty in types {
                text.push(' ');
                text.push_str(&format_value(*ty));
            }
            text.push(')');
        }
    }
    text.push(')');
    text
}

fn format_value(ty: ValType) -> Cow<'static, str> {
    match ty {
        ValType::I32 => "i32".into(),
        ValType::I64 => "i64".into(),
        ValType::F32 => "f32".into(),
        ValType::F64 => "f64".into(),
        ValType::V128 => "v128".into(),
        ValType::Ref(ty) => ty.to_string().into(),
    }
}

/// Returns the type of a tag in the text format, such as `(tag (param i32))`. `function` is its function type in the text format.
pub(super) fn format_tag(function: &str) -> String {
    match function.strip_prefix("(func") {
        Some(rest) => format!("(tag{rest}"),
        None => format!("(tag {function})"),
    }
}

/// Returns the limits of a table or memory in the text format: the minimum, and the maximum if there is one.
fn limits(initial: u64, maximum: Option<u64>) -> String {
    match maximum {
        Some(maximum) => format!("{initial} {maximum}"),
        None => initial.to_string(),
    }
}

pub(super) fn format_table(table: &TableType) -> Arc<str> {
    let (index, shared) = (flag(table.table64, "i64 "), flag(table.shared, "shared "));
    let limits = limits(table.initial, table.maximum);
    format!("(table {shared}{index}{limits} {})", table.element_type).into()
}

pub(super) fn format_memory(memory: &MemoryType) -> Arc<str> {
    let (index, shared) = (
        flag(memory.memory64, "i64 "),
        flag(memory.shared, " shared"),
    );
    let limits = limits(memory.initial, memory.maximum);
    let page = memory.page_size_log2.map_or_else(String::new, |log2| {
        format!(" (pagesize {})", 1u64 << log2.min(63))
    });
    format!("(memory {index}{limits}{shared}{page})").into()
}

pub(super) fn format_global(global: &GlobalType) -> Arc<str> {
    let shared = flag(global.shared, "shared ");
    let content = format_value(global.content_type);
    let (start, end) = match global.mutable {
        true => ("(mut ", "))"),
        false => ("", ")"),
    };
    ["(global ", shared, start, &content, end].concat().into()
}

fn flag(is_set: bool, text: &'static str) -> &'static str {
    if is_set { text } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_type_is_that_of_wasmparser() {
        let module = "(module (type (func)) (type (struct (field i32)))
            (type (func (param i32 i64 f32 f64 v128) (result funcref (ref null 0))))
            (type (sub (func (result i32)))) (type (sub final 3 (func (result i32)))))";
        let module = wat::parse_str(module).unwrap();
        let mut texts = Vec::new();
        for payload in Parser::new(0).parse_all(&module) {
            CoreItem::each(&payload.unwrap(), |_, item| {
                if let CoreItem::Types(group) = item {
                    let types = group.types();
                    texts.extend(types.map(|ty| (format_type(ty), ty.to_string())));
                }
            });
        }
        assert_eq!(texts.len(), 5);
        for (text, expected) in texts {
            assert_eq!(text, expected);
        }
    }
}
