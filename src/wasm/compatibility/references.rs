//! Decides whether a value of one type can be used where another type is required, by the [matching
//! rules](https://webassembly.github.io/spec/core/valid/matching.html#reference-types) for reference types.

use wasmparser::types::TypesRef;
use wasmparser::{AbstractHeapType, CompositeInnerType, HeapType, RefType, UnpackedIndex, ValType};

use super::matching::is_subtype;

/// Returns whether each value of type `actual` is also a value of type `expected`.
pub(super) fn value_matches(types: TypesRef<'_>, actual: ValType, expected: ValType) -> bool {
    match (actual, expected) {
        (ValType::Ref(actual), ValType::Ref(expected)) => {
            reference_matches(types, actual, expected)
        }
        _ => actual == expected,
    }
}

fn reference_matches(types: TypesRef<'_>, actual: RefType, expected: RefType) -> bool {
    let is_null_allowed = expected.is_nullable() || !actual.is_nullable();
    is_null_allowed && heap_matches(types, actual.heap_type(), expected.heap_type())
}

fn heap_matches(types: TypesRef<'_>, actual: HeapType, expected: HeapType) -> bool {
    use HeapType::{Abstract, Concrete, Exact};
    match (actual, expected) {
        _ if actual == expected => true,
        (
            Abstract { shared, ty },
            Abstract {
                shared: expected_shared,
                ty: expected_ty,
            },
        ) => shared == expected_shared && abstract_matches(ty, expected_ty),
        (Concrete(actual) | Exact(actual), Abstract { shared, ty }) => {
            let defined = abstraction(types, actual);
            defined.is_some_and(|(is_shared, defined)| {
                is_shared == shared && (defined == ty || abstract_matches(defined, ty))
            })
        }
        (Abstract { shared, ty }, Concrete(expected) | Exact(expected)) => {
            let defined = abstraction(types, expected);
            defined.is_some_and(|(is_shared, defined)| {
                is_shared == shared && is_bottom(ty) && abstract_matches(ty, defined)
            })
        }
        (Concrete(actual) | Exact(actual), Concrete(expected)) => {
            let ids = actual.as_core_type_id().zip(expected.as_core_type_id());
            ids.is_some_and(|(actual, expected)| is_subtype(types, actual, expected))
        }
        (Concrete(_) | Exact(_), Exact(_)) => false,
    }
}

/// Returns whether the defined type at `index` is shared, and the smallest abstract type that contains it; `None` if `index` is relative to
/// a module or recursion group.
fn abstraction(types: TypesRef<'_>, index: UnpackedIndex) -> Option<(bool, AbstractHeapType)> {
    let composite = &types[index.as_core_type_id()?].composite_type;
    let ty = match composite.inner {
        CompositeInnerType::Func(_) => AbstractHeapType::Func,
        CompositeInnerType::Array(_) => AbstractHeapType::Array,
        CompositeInnerType::Struct(_) => AbstractHeapType::Struct,
        CompositeInnerType::Cont(_) => AbstractHeapType::Cont,
    };
    Some((composite.shared, ty))
}

/// Returns whether null is the only value of this type.
fn is_bottom(ty: AbstractHeapType) -> bool {
    use AbstractHeapType::{NoCont, NoExn, NoExtern, NoFunc, None};
    matches!(ty, None | NoFunc | NoExtern | NoExn | NoCont)
}

fn abstract_matches(actual: AbstractHeapType, expected: AbstractHeapType) -> bool {
    use AbstractHeapType::{
        Any, Array, Cont, Eq, Exn, Extern, Func, I31, NoCont, NoExn, NoExtern, NoFunc, None, Struct,
    };
    match expected {
        _ if actual == expected => true,
        Any => matches!(actual, Eq | I31 | Struct | Array | None),
        Eq => matches!(actual, I31 | Struct | Array | None),
        I31 | Struct | Array => actual == None,
        Func => actual == NoFunc,
        Extern => actual == NoExtern,
        Exn => actual == NoExn,
        Cont => actual == NoCont,
        None | NoFunc | NoExtern | NoExn | NoCont => false,
    }
}
