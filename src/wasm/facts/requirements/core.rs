//! Determines the WebAssembly features that the sections of a core module require.

use wasmparser::{
    CompositeInnerType, DataKind, Element, ElementItems, ElementKind, GlobalType, Import, Imports,
    MemoryType, Payload, RecGroup, RefType, Table, TableInit, TableType, TypeRef, WasmFeatures,
};

use super::encoding::of_item;
use super::operators::of_constant;
use super::types::{of_group, of_reference, of_value};
use crate::wasm::core_item::CoreItem;

/// The first byte of the encoding of a function type.
const FUNCTION_TYPE: u8 = 0x60;

/// Collects the features that a core module, or the type of a core module in a component, requires.
#[derive(Debug)]
pub(in crate::wasm) struct CoreFeatures {
    used: WasmFeatures,
    /// Whether each type, by its index, is a function type with results. A tag with such a type requires a proposal.
    has_results: Vec<bool>,
    imported_globals: u32,
    tables: u64,
    memories: u64,
}

impl CoreFeatures {
    pub(in crate::wasm) fn new() -> Self {
        Self {
            // `WasmFeatures::default()` is not empty, so it is not used.
            used: WasmFeatures::empty(),
            has_results: Vec::new(),
            imported_globals: 0,
            tables: 0,
            memories: 0,
        }
    }

    /// Returns the features of the payloads so far.
    pub(in crate::wasm) fn used(&self) -> WasmFeatures {
        self.used
    }

    /// Adds the features of a payload of the module. The items in sections are passed to [`add`](Self::add).
    pub(in crate::wasm) fn payload(&mut self, payload: &Payload<'_>) {
        match payload {
            Payload::TagSection(_) => self.used |= WasmFeatures::EXCEPTIONS,
            Payload::DataCountSection { .. } => self.used |= WasmFeatures::BULK_MEMORY,
            _ => {}
        }
    }

    /// Adds the features of an item of the module. `bytes` are the bytes from the start of the item to the end of the section.
    pub(in crate::wasm) fn add(&mut self, item: &CoreItem<'_>, bytes: &[u8]) {
        match item {
            CoreItem::Types(group) => {
                self.group(group);
                // The encoding of a function type is that of version 1.0 and requires no feature.
                if bytes.first() != Some(&FUNCTION_TYPE) {
                    of_item::<RecGroup>(bytes, &[WasmFeatures::GC], &mut self.used);
                }
            }
            CoreItem::Imports(imports) => {
                if !is_plain(imports) {
                    let features = [WasmFeatures::COMPACT_IMPORTS, WasmFeatures::MEMORY64];
                    of_item::<Imports<'_>>(bytes, &features, &mut self.used);
                }
            }
            CoreItem::Import(import) => self.import(import),
            CoreItem::Table(table) => {
                self.count_table();
                self.used |= of_table(&table.ty);
                if let TableInit::Expr(expr) = &table.init {
                    self.used |= WasmFeatures::FUNCTION_REFERENCES;
                    of_constant(expr, self.imported_globals, &mut self.used);
                }
                of_item::<Table<'_>>(bytes, &[WasmFeatures::MEMORY64], &mut self.used);
            }
            CoreItem::Memory(memory) => {
                self.count_memory();
                self.used |= of_memory(memory);
                of_item::<MemoryType>(bytes, &[WasmFeatures::MEMORY64], &mut self.used);
            }
            CoreItem::Tag(tag) => self.tag(tag.func_type_idx),
            CoreItem::Global(global) => {
                self.global(&global.ty);
                of_constant(&global.init_expr, self.imported_globals, &mut self.used);
            }
            CoreItem::Element(element) => self.element(element),
            CoreItem::Data(data) => match &data.kind {
                DataKind::Passive => self.used |= WasmFeatures::BULK_MEMORY,
                DataKind::Active { offset_expr, .. } => {
                    of_constant(offset_expr, self.imported_globals, &mut self.used);
                }
            },
            CoreItem::Function(_) | CoreItem::Export(_) => {}
        }
    }

    /// Adds the WebAssembly features that a type definition requires.
    pub(super) fn group(&mut self, group: &RecGroup) {
        self.used |= of_group(group);
        let has_results = group.types().map(|ty| match &ty.composite_type.inner {
            CompositeInnerType::Func(ty) => !ty.results().is_empty(),
            _ => false,
        });
        self.has_results.extend(has_results);
    }

    /// Adds a type that is defined outside of the module. Its results are not known, so it is regarded as a type without results.
    pub(super) fn outer_type(&mut self) {
        self.has_results.push(false);
    }

    pub(super) fn import(&mut self, import: &Import<'_>) {
        match import.ty {
            TypeRef::Table(_) => self.count_table(),
            TypeRef::Memory(_) => self.count_memory(),
            _ => {}
        }
        self.item(import.ty);
        if let TypeRef::Global(_) = import.ty {
            self.imported_globals += 1;
        }
    }

    /// Adds the features of the type of an imported item, or of an exported item in the type of a module.
    pub(super) fn item(&mut self, ty: TypeRef) {
        match ty {
            TypeRef::Func(_) => {}
            TypeRef::FuncExact(_) => self.used |= WasmFeatures::CUSTOM_DESCRIPTORS,
            TypeRef::Table(ty) => self.used |= of_table(&ty),
            TypeRef::Memory(ty) => self.used |= of_memory(&ty),
            TypeRef::Global(ty) => self.global(&ty),
            TypeRef::Tag(ty) => {
                self.used |= WasmFeatures::EXCEPTIONS;
                self.tag(ty.func_type_idx);
            }
        }
    }

    fn count_table(&mut self) {
        self.tables += 1;
        if self.tables > 1 {
            self.used |= WasmFeatures::REFERENCE_TYPES;
        }
    }

    fn count_memory(&mut self) {
        self.memories += 1;
        if self.memories > 1 {
            self.used |= WasmFeatures::MULTI_MEMORY;
        }
    }

    fn tag(&mut self, ty: u32) {
        if self.has_results.get(ty as usize) == Some(&true) {
            self.used |= WasmFeatures::STACK_SWITCHING;
        }
    }

    fn global(&mut self, ty: &GlobalType) {
        self.used |= of_value(ty.content_type);
        if ty.shared {
            self.used |= WasmFeatures::SHARED_EVERYTHING_THREADS;
        }
    }

    fn element(&mut self, element: &Element<'_>) {
        match &element.kind {
            ElementKind::Passive | ElementKind::Declared => self.used |= WasmFeatures::BULK_MEMORY,
            ElementKind::Active { offset_expr, .. } => {
                of_constant(offset_expr, self.imported_globals, &mut self.used);
            }
        }
        if let ElementItems::Expressions(ty, expressions) = &element.items {
            self.used |= of_reference(*ty);
            for expr in expressions.clone().into_iter().map_while(Result::ok) {
                of_constant(&expr, self.imported_globals, &mut self.used);
            }
        }
    }
}

/// Returns whether the encoding of imports is surely that of version 1.0: a single import whose type has no limits.
fn is_plain(imports: &Imports<'_>) -> bool {
    match imports {
        Imports::Single(_, import) => !matches!(import.ty, TypeRef::Table(_) | TypeRef::Memory(_)),
        Imports::Compact1 { .. } | Imports::Compact2 { .. } => false,
    }
}

fn of_table(ty: &TableType) -> WasmFeatures {
    let mut used = WasmFeatures::empty();
    // Version 1.0 has tables of `funcref`, so these require no proposal.
    if ty.element_type != RefType::FUNCREF {
        used |= of_reference(ty.element_type);
    }
    if ty.table64 {
        used |= WasmFeatures::MEMORY64;
    }
    if ty.shared {
        used |= WasmFeatures::SHARED_EVERYTHING_THREADS;
    }
    used
}

fn of_memory(ty: &MemoryType) -> WasmFeatures {
    let mut used = WasmFeatures::empty();
    if ty.memory64 {
        used |= WasmFeatures::MEMORY64;
    }
    if ty.shared {
        used |= WasmFeatures::THREADS;
    }
    if ty.page_size_log2.is_some() {
        used |= WasmFeatures::CUSTOM_PAGE_SIZES;
    }
    used
}
