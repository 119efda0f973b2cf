//! The sizes of sections.

use serde::{Deserialize, Serialize};
use wasmparser::{Encoding, Payload};

use super::cut::{Cut, CutList};
use super::item::NAME_BYTES_MAX;
use super::text::{cut_text, json_bytes};

/// The maximum size of the list of sections, in bytes of JSON.
const SECTIONS_BYTES_MAX: usize = 64 << 10;
/// The length of the JSON of a section without its name, in bytes.
const SECTION_BYTES: usize = 96;

/// A section of a module, with its size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SectionSize {
    /// The kind of the section.
    pub kind: SectionKind,
    /// The name of a custom section. A name of more than 1 KiB is cut, and ends with `…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The offset of the section in the module, in bytes.
    pub offset: u64,
    /// The size of the section with its id and its length field, in bytes.
    pub size_bytes: u64,
}

/// The kind of a section. The names are those in the binary formats of
/// [modules](https://webassembly.github.io/spec/core/binary/modules.html#sections) and
/// [components](https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are those of the binary formats")]
pub enum SectionKind {
    /// The magic number and the version, before the first section.
    Header,
    Custom,
    Type,
    Import,
    Function,
    Table,
    Memory,
    Global,
    Export,
    Start,
    Element,
    Code,
    Data,
    DataCount,
    Tag,
    CoreModule,
    CoreInstance,
    CoreType,
    Component,
    Instance,
    Alias,
    Canon,
}

impl SectionKind {
    /// Returns the name of the kind, which is the same as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Custom => "custom",
            Self::Type => "type",
            Self::Import => "import",
            Self::Function => "function",
            Self::Table => "table",
            Self::Memory => "memory",
            Self::Global => "global",
            Self::Export => "export",
            Self::Start => "start",
            Self::Element => "element",
            Self::Code => "code",
            Self::Data => "data",
            Self::DataCount => "data-count",
            Self::Tag => "tag",
            Self::CoreModule => "core-module",
            Self::CoreInstance => "core-instance",
            Self::CoreType => "core-type",
            Self::Component => "component",
            Self::Instance => "instance",
            Self::Alias => "alias",
            Self::Canon => "canon",
        }
    }

    /// Returns the kind of a section with the id `id`; `None` for an unknown id.
    pub(in crate::wasm) fn of_id(encoding: Encoding, id: u8) -> Option<Self> {
        Some(match (encoding, id) {
            (_, 0) => Self::Custom,
            (Encoding::Module, 1) => Self::Type,
            (Encoding::Module, 2) => Self::Import,
            (Encoding::Module, 3) => Self::Function,
            (Encoding::Module, 4) => Self::Table,
            (Encoding::Module, 5) => Self::Memory,
            (Encoding::Module, 6) => Self::Global,
            (Encoding::Module, 7) => Self::Export,
            (Encoding::Module, 8) => Self::Start,
            (Encoding::Module, 9) => Self::Element,
            (Encoding::Module, 10) => Self::Code,
            (Encoding::Module, 11) => Self::Data,
            (Encoding::Module, 12) => Self::DataCount,
            (Encoding::Module, 13) => Self::Tag,
            (Encoding::Component, 1) => Self::CoreModule,
            (Encoding::Component, 2) => Self::CoreInstance,
            (Encoding::Component, 3) => Self::CoreType,
            (Encoding::Component, 4) => Self::Component,
            (Encoding::Component, 5) => Self::Instance,
            (Encoding::Component, 6) => Self::Alias,
            (Encoding::Component, 7) => Self::Type,
            (Encoding::Component, 8) => Self::Canon,
            (Encoding::Component, 9) => Self::Start,
            (Encoding::Component, 10) => Self::Import,
            (Encoding::Component, 11) => Self::Export,
            _ => return None,
        })
    }
}

/// Collects the sizes of the sections of the outermost module or component.
#[derive(Debug)]
pub(super) struct Sections(CutList<SectionSize>);

impl Sections {
    pub(super) fn new() -> Self {
        Self(CutList::new(SECTIONS_BYTES_MAX))
    }

    /// Adds the section whose start the parser reports with `payload`. `offset` is the offset of the section in the module. Does nothing if
    /// the payload is not the start of a section.
    pub(super) fn payload(&mut self, encoding: Encoding, payload: &Payload<'_>, offset: u64) {
        let kind_and_end = match payload {
            Payload::Version { range, .. } => Some((SectionKind::Header, range.end)),
            payload => payload.as_section().and_then(|(id, range)| {
                SectionKind::of_id(encoding, id).map(|kind| (kind, range.end))
            }),
        };
        let name = match payload {
            Payload::CustomSection(section) => Some(section.name()),
            _ => None,
        };
        if let Some((kind, end)) = kind_and_end {
            self.add(kind, name, offset, end.saturating_sub(offset));
        }
    }

    /// Adds a custom section whose contents are not read.
    pub(super) fn custom(&mut self, name: &str, offset: u64, size_bytes: u64) {
        self.add(SectionKind::Custom, Some(name), offset, size_bytes);
    }

    fn add(&mut self, kind: SectionKind, name: Option<&str>, offset: u64, size_bytes: u64) {
        if self.0.is_cut() {
            return self.0.count();
        }
        let name = name.map(|name| cut_text(name, NAME_BYTES_MAX));
        let bytes = SECTION_BYTES + json_bytes(name.as_deref().unwrap_or_default());
        let section = SectionSize {
            kind,
            name,
            offset,
            size_bytes,
        };
        self.0.push(section, bytes);
    }

    pub(super) fn finish(self) -> Cut<SectionSize> {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_kinds_are_those_in_json() {
        for encoding in [Encoding::Module, Encoding::Component] {
            for kind in (0..20).filter_map(|id| SectionKind::of_id(encoding, id)) {
                assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            }
        }
    }
}
