//! Determines the WebAssembly features that the sections of a core module require.

use wasmparser::{
    CompositeInnerType, DataKind, Element, ElementItems, ElementKind, GlobalType, Import, Imports,
    MemoryType, Payload, RecGroup, RefType, Table, TableInit, TableType, TypeRef, WasmFeatures,
};

use super::encoding::of_section;
use super::operators::of_constant;
use super::types::{of_group, of_reference, of_value};

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

    /// Adds the features of a payload of the module. `contents` are the bytes of the section without its header.
    pub(in crate::wasm) fn payload(&mut self, payload: &Payload<'_>, contents: &[u8]) {
        match payload {
            Payload::TypeSection(section) => {
                let start = section.range().start;
                let mut is_plain = true;
                let groups = section.clone().into_iter_with_offsets();
                for (offset, group) in groups.map_while(Result::ok) {
                    self.group(&group);
                    let position = usize::try_from(offset - start).unwrap_or(usize::MAX);
                    is_plain &= contents.get(position) == Some(&FUNCTION_TYPE);
                }
                // If the section has only function types, its encoding is that of version 1.0 and requires no feature.
                if !is_plain {
                    of_section::<RecGroup>(contents, &[WasmFeatures::GC], &mut self.used);
                }
            }
            Payload::ImportSection(section) => {
                for import in section.clone().into_imports().map_while(Result::ok) {
                    self.import(&import);
                }
                let features = [WasmFeatures::COMPACT_IMPORTS, WasmFeatures::MEMORY64];
                of_section::<Imports<'_>>(contents, &features, &mut self.used);
            }
            Payload::TableSection(section) => {
                for table in section.clone().into_iter().map_while(Result::ok) {
                    self.count_table();
                    self.used |= of_table(&table.ty);
                    if let TableInit::Expr(expr) = &table.init {
                        self.used |= WasmFeatures::FUNCTION_REFERENCES;
                        of_constant(expr, self.imported_globals, &mut self.used);
                    }
                }
                of_section::<Table<'_>>(contents, &[WasmFeatures::MEMORY64], &mut self.used);
            }
            Payload::MemorySection(section) => {
                for memory in section.clone().into_iter().map_while(Result::ok) {
                    self.count_memory();
                    self.used |= of_memory(&memory);
                }
                of_section::<MemoryType>(contents, &[WasmFeatures::MEMORY64], &mut self.used);
            }
            Payload::TagSection(section) => {
                self.used |= WasmFeatures::EXCEPTIONS;
                for tag in section.clone().into_iter().map_while(Result::ok) {
                    self.tag(tag.func_type_idx);
                }
            }
            Payload::GlobalSection(section) => {
                for global in section.clone().into_iter().map_while(Result::ok) {
                    self.global(&global.ty);
                    of_constant(&global.init_expr, self.imported_globals, &mut self.used);
                }
            }
            Payload::ElementSection(section) => {
                for element in section.clone().into_iter().map_while(Result::ok) {
                    self.element(element);
                }
            }
            Payload::DataCountSection { .. } => self.used |= WasmFeatures::BULK_MEMORY,
            Payload::DataSection(section) => {
                for data in section.clone().into_iter().map_while(Result::ok) {
                    match data.kind {
                        DataKind::Passive => self.used |= WasmFeatures::BULK_MEMORY,
                        DataKind::Active { offset_expr, .. } => {
                            of_constant(&offset_expr, self.imported_globals, &mut self.used);
                        }
                    }
                }
            }
            _ => {}
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

    fn element(&mut self, element: Element<'_>) {
        match element.kind {
            ElementKind::Passive | ElementKind::Declared => self.used |= WasmFeatures::BULK_MEMORY,
            ElementKind::Active { offset_expr, .. } => {
                of_constant(&offset_expr, self.imported_globals, &mut self.used);
            }
        }
        if let ElementItems::Expressions(ty, expressions) = element.items {
            self.used |= of_reference(ty);
            for expr in expressions.into_iter().map_while(Result::ok) {
                of_constant(&expr, self.imported_globals, &mut self.used);
            }
        }
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
