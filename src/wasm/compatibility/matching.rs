//! Decides whether the type of an imported or exported item matches an expected type.
//!
//! The rules are those for [external types](https://webassembly.github.io/spec/core/valid/matching.html#external-types) in the core
//! specification. A host applies the same rules when it links modules.

use wasmparser::types::{CoreTypeId, EntityType, TypesRef};
use wasmparser::{GlobalType, MemoryType, TableType};

use super::references;

/// Returns whether an item of type `actual` can be used where the type `expected` is required. `types` must be from the validator that read
/// both types.
pub(super) fn matches(types: TypesRef<'_>, actual: &EntityType, expected: &EntityType) -> bool {
    match (actual, expected) {
        (EntityType::Func(actual) | EntityType::FuncExact(actual), EntityType::Func(expected)) => {
            is_subtype(types, *actual, *expected)
        }
        (EntityType::FuncExact(actual), EntityType::FuncExact(expected))
        | (EntityType::Tag(actual), EntityType::Tag(expected)) => actual == expected,
        (EntityType::Table(actual), EntityType::Table(expected)) => table(actual, expected),
        (EntityType::Memory(actual), EntityType::Memory(expected)) => memory(actual, expected),
        (EntityType::Global(actual), EntityType::Global(expected)) => {
            global(types, actual, expected)
        }
        _ => false,
    }
}

/// Returns whether `actual` is the type `expected` or a declared subtype of it.
pub(super) fn is_subtype(types: TypesRef<'_>, actual: CoreTypeId, expected: CoreTypeId) -> bool {
    let mut ancestors = std::iter::successors(Some(actual), |id| types.supertype_of(*id));
    ancestors.any(|id| id == expected)
}

/// Returns whether a table type matches. The element types must be equal, because the elements of a table can be read and written.
fn table(actual: &TableType, expected: &TableType) -> bool {
    actual.element_type == expected.element_type
        && actual.shared == expected.shared
        && actual.table64 == expected.table64
        && limits(
            (actual.initial, actual.maximum),
            (expected.initial, expected.maximum),
        )
}

fn memory(actual: &MemoryType, expected: &MemoryType) -> bool {
    let page_log2 = |memory: &MemoryType| memory.page_size_log2.unwrap_or(16);
    actual.shared == expected.shared
        && actual.memory64 == expected.memory64
        && page_log2(actual) == page_log2(expected)
        && limits(
            (actual.initial, actual.maximum),
            (expected.initial, expected.maximum),
        )
}

/// Returns whether the limits (minimum and maximum) of a table or memory match. The actual minimum must be at least the expected minimum,
/// and the actual maximum at most the expected maximum.
fn limits(actual: (u64, Option<u64>), expected: (u64, Option<u64>)) -> bool {
    let is_within = |expected_max| {
        actual
            .1
            .is_some_and(|actual_max| actual_max <= expected_max)
    };
    actual.0 >= expected.0 && expected.1.is_none_or(is_within)
}

/// Returns whether a global type matches. The value types of mutable globals must be equal, because a mutable global can be read and
/// written.
fn global(types: TypesRef<'_>, actual: &GlobalType, expected: &GlobalType) -> bool {
    let content = if actual.mutable {
        actual.content_type == expected.content_type
    } else {
        references::value_matches(types, actual.content_type, expected.content_type)
    };
    content && actual.mutable == expected.mutable && actual.shared == expected.shared
}
