//! Converts the sizes of sections, functions and data segments of a module to JSON.

use super::sizes::PartJson;
use crate::store::{FunctionSize, GroupSize, SectionSize, SegmentSize};

/// Returns the list entry for a section, with its size.
pub(super) fn section(section: &SectionSize) -> PartJson {
    PartJson {
        name: section.kind.as_str().to_owned(),
        size: section.size_bytes,
        custom: section.name.clone(),
        offset: Some(section.offset),
        ..PartJson::default()
    }
}

/// Returns the list entry for a function, with its size.
pub(super) fn function(function: &FunctionSize) -> PartJson {
    let (name, symbol) = match (function.demangled_name(), &function.name) {
        (Some(name), symbol) => (name, symbol.clone()),
        (None, Some(name)) => (name.clone(), None),
        (None, None) => (format!("func[{}]", function.index), None),
    };
    PartJson {
        name,
        size: function.size_bytes,
        symbol,
        module: function.module,
        index: Some(function.index),
        ..PartJson::default()
    }
}

/// Converts the total size of the functions of a crate or namespace.
pub(super) fn group(group: &GroupSize) -> PartJson {
    PartJson {
        name: group.name.clone(),
        size: group.size_bytes,
        functions: Some(group.functions),
        ..PartJson::default()
    }
}

/// Converts the size of a data segment to JSON.
pub(super) fn segment(segment: &SegmentSize) -> PartJson {
    PartJson {
        name: format!("data[{}]", segment.index),
        size: segment.size_bytes,
        module: segment.module,
        index: Some(segment.index),
        memory: segment.memory,
        address: segment.address,
        data_size: Some(segment.data_bytes),
        ..PartJson::default()
    }
}
