//! The sizes of the parts of a module, as JSON.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::schema::HashSchema;
use super::size_parts;
use crate::names::ModuleHash;
use crate::store::{Cut, Facts};

/// The number of functions, the number of crates (or C++ namespaces and classes), and the number of data segments that are listed if the
/// request has no `top`.
const TOP_DEFAULT: usize = 20;

/// The maximum size of a list of parts, in bytes of JSON. Demangled names may be much longer than symbols.
const LIST_BYTES_MAX: usize = 1 << 20;

/// The sizes of the parts of a module. Each list is present only if it was requested.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ModuleSizes)]
pub struct SizesJson {
    /// The module's hash.
    #[schema(value_type = HashSchema)]
    pub hash: String,
    /// The size of the module in bytes.
    pub size: u64,
    /// The sections of the module, in order, with their header. A nested module or component is one section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub sections: Option<PartsJson>,
    /// The largest functions, the largest first. For a component, the functions of all its core modules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub functions: Option<PartsJson>,
    /// The functions summed up by crate (Rust), or by outermost namespace or class (C++), the largest first. Functions whose names contain
    /// no crate, namespace or class are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub crates: Option<PartsJson>,
    /// The largest data segments, the largest first. For a component, the segments of all its core modules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub data_segments: Option<PartsJson>,
}

/// A list of parts of a module.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ModuleParts)]
pub struct PartsJson {
    /// The parts that are listed.
    pub parts: Vec<PartJson>,
    /// The total size of the parts that are listed, in bytes.
    pub size: u64,
    /// The number of all parts, listed or not.
    pub total: u64,
    /// The number of parts that are not listed.
    pub left_out: u64,
}

/// A part of a module.
#[derive(Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ModulePart)]
pub struct PartJson {
    /// For a section, its kind; for a function, its name in the source, or `func[INDEX]` if it has none; for a crate or namespace, its
    /// name; for a data segment, `data[INDEX]`.
    pub name: String,
    /// The size in bytes. It includes the bytes before the content: the id and the length of a section, the length of a function, the
    /// header of a segment.
    pub size: u64,
    /// The name of a custom section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub custom: Option<String>,
    /// The name of a function in the module, such as a mangled symbol. Present only if `name` is a different name, from the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub symbol: Option<String>,
    /// In a component, the number of the core module that has the function or segment. Core modules are counted from 0, in the order in
    /// which they occur in the bytes of the component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub module: Option<u32>,
    /// The index of a function or segment in its module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub index: Option<u32>,
    /// The offset of a section in the module, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub offset: Option<u64>,
    /// The number of functions of a crate or namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub functions: Option<u64>,
    /// The index of the memory that an active segment initializes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub memory: Option<u32>,
    /// The address of an active segment, if it is a constant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub address: Option<u64>,
    /// The size of the data in a segment, in bytes, without its mode, address and length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    pub data_size: Option<u64>,
}

/// The kinds of parts whose sizes are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PartKind {
    /// Sections.
    Section,
    /// Functions.
    Function,
    /// Crates, namespaces and classes.
    Crate,
    /// Data segments.
    Data,
}

impl PartKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Section, Self::Function, Self::Crate, Self::Data];

    /// Returns the name of the kind, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Section => "section",
            Self::Function => "function",
            Self::Crate => "crate",
            Self::Data => "data",
        }
    }
}

impl fmt::Display for PartKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A selection of the parts to list, by kind and number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartSelection {
    /// The kind of the parts; `None` for all kinds.
    pub by: Option<PartKind>,
    /// The number of the largest parts to list. `None` lists all sections in their order, and the 20 largest parts of each other kind.
    pub top: Option<usize>,
}

impl SizesJson {
    /// Returns the selected sizes. A list is at most 1 MiB of JSON.
    pub fn of(hash: ModuleHash, facts: &Facts, selection: PartSelection) -> Self {
        let PartSelection { by, top } = selection;
        let is_selected = |kind| by.is_none_or(|by| by == kind);
        let top_or_default = top.unwrap_or(TOP_DEFAULT);
        Self {
            hash: hash.to_string(),
            size: facts.size_bytes,
            sections: is_selected(PartKind::Section).then(|| {
                let mut sections = facts.sections.clone();
                if top.is_some() {
                    let size = |section: &crate::store::SectionSize| section.size_bytes;
                    sections
                        .items
                        .sort_by_key(|section| std::cmp::Reverse(size(section)));
                }
                PartsJson::of(&sections, top.unwrap_or(usize::MAX), size_parts::section)
            }),
            functions: is_selected(PartKind::Function)
                .then(|| PartsJson::of(&facts.functions, top_or_default, size_parts::function)),
            crates: is_selected(PartKind::Crate)
                .then(|| PartsJson::of(&facts.groups, top_or_default, size_parts::group)),
            data_segments: is_selected(PartKind::Data)
                .then(|| PartsJson::of(&facts.data_segments, top_or_default, size_parts::segment)),
        }
    }

    /// Returns the list of a kind, if it is present.
    pub fn parts(&self, kind: PartKind) -> Option<&PartsJson> {
        match kind {
            PartKind::Section => self.sections.as_ref(),
            PartKind::Function => self.functions.as_ref(),
            PartKind::Crate => self.crates.as_ref(),
            PartKind::Data => self.data_segments.as_ref(),
        }
    }
}

impl PartsJson {
    /// Lists the first `count` parts, or fewer if the list would be too long.
    fn of<T>(list: &Cut<T>, count: usize, part: impl Fn(&T) -> PartJson) -> Self {
        let mut left_bytes = LIST_BYTES_MAX;
        let fits = |part: &PartJson| {
            let bytes = serde_json::to_vec(part).map_or(usize::MAX, |json| json.len() + 1);
            let left = left_bytes.checked_sub(bytes);
            left_bytes = left.unwrap_or(0);
            left.is_some()
        };
        let parts = list.items.iter().take(count).map(part);
        let parts: Vec<_> = parts.take_while(fits).collect();
        Self {
            size: parts.iter().map(|part| part.size).sum(),
            total: list.total,
            left_out: list.total.saturating_sub(parts.len() as u64),
            parts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_bounded_and_says_how_many_parts_are_left_out() {
        let sizes = Cut {
            items: (0..4096).collect::<Vec<u64>>(),
            total: 5000,
        };
        let part = |name: &str, size: &u64| PartJson {
            name: name.to_owned(),
            size: *size,
            ..PartJson::default()
        };
        let list = PartsJson::of(&sizes, 3, |size| part("a", size));
        assert_eq!((list.parts.len(), list.size), (3, 1 + 2));
        assert_eq!((list.total, list.left_out), (5000, 4997));
        let long = "\u{1}".repeat(1000);
        let list = PartsJson::of(&sizes, usize::MAX, |size| part(&long, size));
        assert!(serde_json::to_string(&list).unwrap().len() < LIST_BYTES_MAX + 100);
        assert_eq!(list.parts.len() as u64 + list.left_out, 5000);
        assert!(list.parts.len() > 150);
    }

    #[test]
    fn the_names_of_kinds_are_those_in_json() {
        for kind in PartKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
