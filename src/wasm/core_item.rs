//! Decodes the items in the sections of a core module.

use wasmparser::{
    Data, Element, Export, FromReader, Global, Import, Imports, MemoryType, Payload, RecGroup,
    SectionLimited, Table, TagType,
};

/// An item in a section of a core module.
pub(super) enum CoreItem<'a> {
    Types(RecGroup),
    /// One import, or several imports in the compact encoding. Each of them follows as an [`Import`](Self::Import).
    Imports(Imports<'a>),
    Import(Import<'a>),
    /// A function that the module defines, as the index of its type.
    Function(u32),
    Table(Table<'a>),
    Memory(MemoryType),
    Tag(TagType),
    Global(Global<'a>),
    Export(Export<'a>),
    Element(Element<'a>),
    Data(Data<'a>),
}

impl<'a> CoreItem<'a> {
    /// Calls `found` with each item in a section, up to the first malformed item, and with the offset of the item in the outermost module or
    /// component. Does nothing if the payload is not a section with items.
    pub(super) fn each(payload: &Payload<'a>, mut found: impl FnMut(u64, Self)) {
        match payload {
            Payload::TypeSection(section) => each(section, Self::Types, found),
            Payload::ImportSection(section) => {
                let groups = section.clone().into_iter_with_offsets();
                for (offset, group) in groups.map_while(Result::ok) {
                    found(offset, Self::Imports(group.clone()));
                    for (_, import) in group.into_iter().map_while(Result::ok) {
                        found(offset, Self::Import(import));
                    }
                }
            }
            Payload::FunctionSection(section) => each(section, Self::Function, found),
            Payload::TableSection(section) => each(section, Self::Table, found),
            Payload::MemorySection(section) => each(section, Self::Memory, found),
            Payload::TagSection(section) => each(section, Self::Tag, found),
            Payload::GlobalSection(section) => each(section, Self::Global, found),
            Payload::ExportSection(section) => each(section, Self::Export, found),
            Payload::ElementSection(section) => each(section, Self::Element, found),
            Payload::DataSection(section) => each(section, Self::Data, found),
            _ => {}
        }
    }
}

fn each<'a, T: FromReader<'a>>(
    section: &SectionLimited<'a, T>,
    item: fn(T) -> CoreItem<'a>,
    mut found: impl FnMut(u64, CoreItem<'a>),
) {
    let items = section.clone().into_iter_with_offsets();
    for (offset, decoded) in items.map_while(Result::ok) {
        found(offset, item(decoded));
    }
}
