//! Classes of sections. The validator needs about the same time and memory per byte for all sections of a class.

use std::ops::Range;

use wasmparser::Payload;

/// The class of a section. It depends on the items that the section declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SectionClass {
    /// Type sections of core modules, and core types in components.
    Types,
    /// The imports and exports of core modules.
    Names,
    /// The function section, which has the type index of each function.
    Functions,
    /// Tables, tags, globals and element segments. Most of them contain constant expressions.
    Expressions,
    Memories,
    Data,
    Custom,
    /// The sections of a component for instances, types, aliases, canonical functions, imports and exports.
    Component,
}

impl SectionClass {
    /// Returns the class of a section and the length of its contents, in bytes; `None` if the payload is not a whole section, such as a
    /// function body.
    pub(super) fn of_payload(payload: &Payload<'_>) -> Option<(Self, u64)> {
        let (range, class): (Range<u64>, _) = match payload {
            Payload::TypeSection(section) => (section.range(), Self::Types),
            Payload::CoreTypeSection(section) => (section.range(), Self::Types),
            Payload::ImportSection(section) => (section.range(), Self::Names),
            Payload::ExportSection(section) => (section.range(), Self::Names),
            Payload::FunctionSection(section) => (section.range(), Self::Functions),
            Payload::TableSection(section) => (section.range(), Self::Expressions),
            Payload::TagSection(section) => (section.range(), Self::Expressions),
            Payload::GlobalSection(section) => (section.range(), Self::Expressions),
            Payload::ElementSection(section) => (section.range(), Self::Expressions),
            Payload::MemorySection(section) => (section.range(), Self::Memories),
            Payload::DataSection(section) => (section.range(), Self::Data),
            Payload::CustomSection(section) => (section.range(), Self::Custom),
            Payload::InstanceSection(section) => (section.range(), Self::Component),
            Payload::ComponentTypeSection(section) => (section.range(), Self::Component),
            Payload::ComponentAliasSection(section) => (section.range(), Self::Component),
            Payload::ComponentInstanceSection(section) => (section.range(), Self::Component),
            Payload::ComponentCanonicalSection(section) => (section.range(), Self::Component),
            Payload::ComponentImportSection(section) => (section.range(), Self::Component),
            Payload::ComponentExportSection(section) => (section.range(), Self::Component),
            _ => return None,
        };
        Some((class, range.end - range.start))
    }
}
