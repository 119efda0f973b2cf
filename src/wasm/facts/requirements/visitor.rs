//! A visitor of operators that records the WebAssembly features that the operators use.

use wasmparser::{
    BlockType, FrameKind, FrameStack, HeapType, Ordering, RefType, Result, VisitOperator,
    VisitSimdOperator, WasmFeatures, for_each_visit_operator, for_each_visit_simd_operator,
};

use super::types::{of_reference, of_value};

/// Passes operators on to `visitor`, and adds the features that they use to `used`. Exception:
/// [`of_operator`](super::encoding::of_operator) adds the features that only the encoding of an operator requires.
pub(super) struct Recorder<'f, V> {
    pub(super) visitor: V,
    pub(super) used: &'f mut WasmFeatures,
}

impl<V> Recorder<'_, V> {
    fn block(&mut self, ty: BlockType) {
        *self.used |= match ty {
            BlockType::Empty => WasmFeatures::empty(),
            BlockType::Type(ty) => of_value(ty),
            BlockType::FuncType(_) => WasmFeatures::MULTI_VALUE,
        };
    }

    fn heap(&mut self, ty: HeapType, is_nullable: bool) {
        if let Some(ty) = RefType::new(is_nullable, ty) {
            *self.used |= of_reference(ty);
        }
    }

    fn casts(&mut self, from: RefType, to: RefType) {
        *self.used |= of_reference(from) | of_reference(to);
    }
}

/// Adds the feature flag of the proposal that introduced an operator.
macro_rules! add_proposal {
    ($self:ident mvp) => {};
    ($self:ident bulk_memory) => {
        *$self.used |= WasmFeatures::BULK_MEMORY
    };
    ($self:ident reference_types) => {
        *$self.used |= WasmFeatures::REFERENCE_TYPES
    };
    ($self:ident simd) => {
        *$self.used |= WasmFeatures::SIMD
    };
    ($self:ident relaxed_simd) => {
        *$self.used |= WasmFeatures::RELAXED_SIMD
    };
    ($self:ident sign_extension) => {
        *$self.used |= WasmFeatures::SIGN_EXTENSION
    };
    ($self:ident saturating_float_to_int) => {
        *$self.used |= WasmFeatures::SATURATING_FLOAT_TO_INT
    };
    ($self:ident threads) => {
        *$self.used |= WasmFeatures::THREADS
    };
    ($self:ident shared_everything_threads) => {
        *$self.used |= WasmFeatures::SHARED_EVERYTHING_THREADS
    };
    ($self:ident tail_call) => {
        *$self.used |= WasmFeatures::TAIL_CALL
    };
    ($self:ident exceptions) => {
        *$self.used |= WasmFeatures::EXCEPTIONS
    };
    ($self:ident legacy_exceptions) => {
        *$self.used |= WasmFeatures::LEGACY_EXCEPTIONS
    };
    ($self:ident function_references) => {
        *$self.used |= WasmFeatures::FUNCTION_REFERENCES
    };
    ($self:ident gc) => {
        *$self.used |= WasmFeatures::GC
    };
    ($self:ident memory_control) => {
        *$self.used |= WasmFeatures::MEMORY_CONTROL
    };
    ($self:ident stack_switching) => {
        *$self.used |= WasmFeatures::STACK_SWITCHING
    };
    ($self:ident wide_arithmetic) => {
        *$self.used |= WasmFeatures::WIDE_ARITHMETIC
    };
    ($self:ident custom_descriptors) => {
        *$self.used |= WasmFeatures::CUSTOM_DESCRIPTORS
    };
    ($self:ident acquire_release_atomics) => {
        *$self.used |= WasmFeatures::ACQUIRE_RELEASE_ATOMICS
    };
}

/// Adds the features that the immediates of an operator require.
macro_rules! add_immediates {
    ($self:ident visit_block $ty:ident) => {
        $self.block($ty)
    };
    ($self:ident visit_loop $ty:ident) => {
        $self.block($ty)
    };
    ($self:ident visit_if $ty:ident) => {
        $self.block($ty)
    };
    ($self:ident visit_try $ty:ident) => {
        $self.block($ty)
    };
    ($self:ident visit_try_table $table:ident) => {
        $self.block($table.ty)
    };
    ($self:ident visit_typed_select $ty:ident) => {
        *$self.used |= of_value($ty)
    };
    ($self:ident visit_ref_null $ty:ident) => {
        $self.heap($ty, true)
    };
    ($self:ident visit_ref_test_non_null $ty:ident) => {
        $self.heap($ty, false)
    };
    ($self:ident visit_ref_test_nullable $ty:ident) => {
        $self.heap($ty, true)
    };
    ($self:ident visit_ref_cast_non_null $ty:ident) => {
        $self.heap($ty, false)
    };
    ($self:ident visit_ref_cast_nullable $ty:ident) => {
        $self.heap($ty, true)
    };
    ($self:ident visit_ref_cast_desc_eq_non_null $ty:ident) => {
        $self.heap($ty, false)
    };
    ($self:ident visit_ref_cast_desc_eq_nullable $ty:ident) => {
        $self.heap($ty, true)
    };
    ($self:ident visit_br_on_cast $depth:ident $from:ident $to:ident) => {
        $self.casts($from, $to)
    };
    ($self:ident visit_br_on_cast_fail $depth:ident $from:ident $to:ident) => {
        $self.casts($from, $to)
    };
    ($self:ident visit_br_on_cast_desc_eq $depth:ident $from:ident $to:ident) => {
        $self.casts($from, $to)
    };
    ($self:ident visit_br_on_cast_desc_eq_fail $depth:ident $from:ident $to:ident) => {
        $self.casts($from, $to)
    };
    ($self:ident visit_atomic_fence $ordering:ident) => {
        if $ordering == Ordering::AcqRel {
            *$self.used |= WasmFeatures::ACQUIRE_RELEASE_ATOMICS;
        }
    };
    ($self:ident $visit:ident $($arg:ident)*) => {};
}

macro_rules! record {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
        $(
            #[inline]
            fn $visit(&mut self $($(, $arg: $argty)*)?) -> Self::Output {
                add_proposal!(self $proposal);
                add_immediates!(self $visit $($($arg)*)?);
                self.visitor.$visit($($($arg),*)?)
            }
        )*
    };
}

impl<'a, V> VisitOperator<'a> for Recorder<'_, V>
where
    V: VisitOperator<'a, Output = Result<()>>,
{
    type Output = Result<()>;

    fn simd_visitor(&mut self) -> Option<&mut dyn VisitSimdOperator<'a, Output = Self::Output>> {
        Some(self)
    }

    for_each_visit_operator!(record);
}

macro_rules! record_vector {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
        $(
            fn $visit(&mut self $($(, $arg: $argty)*)?) -> Self::Output {
                add_proposal!(self $proposal);
                let visitor = self.visitor.simd_visitor();
                let visitor = visitor.expect("BUG: the visitor does not accept operators on vectors");
                visitor.$visit($($($arg),*)?)
            }
        )*
    };
}

impl<'a, V> VisitSimdOperator<'a> for Recorder<'_, V>
where
    V: VisitOperator<'a, Output = Result<()>>,
{
    for_each_visit_simd_operator!(record_vector);
}

impl<V: FrameStack> FrameStack for Recorder<'_, V> {
    #[inline]
    fn current_frame(&self) -> Option<FrameKind> {
        self.visitor.current_frame()
    }
}

/// A visitor that accepts every operator.
pub(super) struct Unvalidated;

macro_rules! accept {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
        $(
            #[inline]
            fn $visit(&mut self $($(, _: $argty)*)?) -> Result<()> {
                Ok(())
            }
        )*
    };
}

impl<'a> VisitOperator<'a> for Unvalidated {
    type Output = Result<()>;

    fn simd_visitor(&mut self) -> Option<&mut dyn VisitSimdOperator<'a, Output = Self::Output>> {
        Some(self)
    }

    for_each_visit_operator!(accept);
}

impl VisitSimdOperator<'_> for Unvalidated {
    for_each_visit_simd_operator!(accept);
}
