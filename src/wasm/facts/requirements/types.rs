//! Determines the WebAssembly features that types require.

use wasmparser::{
    AbstractHeapType, CompositeInnerType, FieldType, HeapType, RecGroup, RefType, StorageType,
    SubType, ValType, WasmFeatures,
};

/// A flag for references to a type by its index. They require `function-references` or `gc`. `wasmparser` has no such flag, so this is one
/// of its unused bits.
pub(super) const TYPED_REFERENCE: WasmFeatures = WasmFeatures::from_bits_retain(1 << 63);

pub(super) fn of_value(ty: ValType) -> WasmFeatures {
    match ty {
        ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64 => WasmFeatures::empty(),
        ValType::V128 => WasmFeatures::SIMD,
        ValType::Ref(ty) => of_reference(ty),
    }
}

pub(super) fn of_reference(ty: RefType) -> WasmFeatures {
    WasmFeatures::REFERENCE_TYPES | of_heap(ty.heap_type(), ty.is_nullable())
}

fn of_heap(ty: HeapType, is_nullable: bool) -> WasmFeatures {
    use AbstractHeapType::*;
    let (shared, ty) = match ty {
        HeapType::Concrete(_) => return TYPED_REFERENCE,
        HeapType::Exact(_) => return WasmFeatures::CUSTOM_DESCRIPTORS,
        HeapType::Abstract { shared, ty } => (shared, ty),
    };
    let features = match ty {
        Func | Extern if is_nullable => WasmFeatures::empty(),
        Func | Extern => WasmFeatures::FUNCTION_REFERENCES,
        Any | None | Eq | Struct | Array | I31 | NoExtern | NoFunc => WasmFeatures::GC,
        Exn | NoExn => WasmFeatures::EXCEPTIONS,
        Cont | NoCont => WasmFeatures::STACK_SWITCHING,
    };
    if shared {
        features | WasmFeatures::SHARED_EVERYTHING_THREADS
    } else {
        features
    }
}

pub(super) fn of_group(group: &RecGroup) -> WasmFeatures {
    let types = group.types().map(of_sub_type);
    let features = types.fold(WasmFeatures::empty(), WasmFeatures::union);
    if group.is_explicit_rec_group() {
        features | WasmFeatures::GC
    } else {
        features
    }
}

fn of_sub_type(ty: &SubType) -> WasmFeatures {
    let mut features = WasmFeatures::empty();
    if !ty.is_final || !ty.supertype_idxs.is_empty() {
        features |= WasmFeatures::GC;
    }
    let composite = &ty.composite_type;
    if composite.shared {
        features |= WasmFeatures::SHARED_EVERYTHING_THREADS;
    }
    if composite.descriptor_idx.is_some() || composite.describes_idx.is_some() {
        features |= WasmFeatures::CUSTOM_DESCRIPTORS;
    }
    match &composite.inner {
        CompositeInnerType::Func(ty) => {
            for value in ty.params().iter().chain(ty.results()) {
                features |= of_value(*value);
            }
            if ty.results().len() > 1 {
                features |= WasmFeatures::MULTI_VALUE;
            }
        }
        CompositeInnerType::Array(ty) => features |= WasmFeatures::GC | of_field(&ty.0),
        CompositeInnerType::Struct(ty) => {
            features |= WasmFeatures::GC;
            for field in &ty.fields {
                features |= of_field(field);
            }
        }
        CompositeInnerType::Cont(_) => features |= WasmFeatures::STACK_SWITCHING,
    }
    features
}

fn of_field(field: &FieldType) -> WasmFeatures {
    match field.element_type {
        StorageType::I8 | StorageType::I16 => WasmFeatures::empty(),
        StorageType::Val(ty) => of_value(ty),
    }
}
