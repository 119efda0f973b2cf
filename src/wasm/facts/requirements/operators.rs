//! The features that the operators in function bodies require.

use std::sync::atomic::{AtomicU64, Ordering as AtomicOrdering};

use wasmparser::{
    BinaryReader, BlockType, ConstExpr, FrameKind, FrameStack, FunctionBody, HeapType, Operator,
    Ordering, RefType, Result, VisitOperator, VisitSimdOperator, WasmFeatures,
    for_each_visit_operator, for_each_visit_simd_operator,
};

use super::encoding;
use super::types::{TYPED_REFERENCE, of_reference, of_value};

/// The features that function bodies use. The threads that validate them share it.
#[derive(Debug, Default)]
pub(in crate::wasm) struct UsedFeatures(AtomicU64);

impl UsedFeatures {
    pub(in crate::wasm) fn add(&self, features: WasmFeatures) {
        self.0.fetch_or(features.bits(), AtomicOrdering::Relaxed);
    }

    pub(in crate::wasm) fn get(&self) -> WasmFeatures {
        WasmFeatures::from_bits_retain(self.0.load(AtomicOrdering::Relaxed))
    }

    /// Returns the features with which a body is validated first. If it is valid with those that are known already, its operators need not be
    /// looked at, which takes a third of the time of validation. Nearly all bodies are.
    ///
    /// `None` if the module has types whose checks differ with the features: a body must be accepted with these features only if it is with all.
    pub(in crate::wasm) fn known(&self) -> Option<WasmFeatures> {
        let used = self.get();
        (!used.intersects(WITH_TYPES)).then(|| used | WasmFeatures::WASM1)
    }
}

/// The features that add kinds of types.
const WITH_TYPES: WasmFeatures = WasmFeatures::GC
    .union(WasmFeatures::FUNCTION_REFERENCES)
    .union(WasmFeatures::CUSTOM_DESCRIPTORS)
    .union(WasmFeatures::STACK_SWITCHING)
    .union(WasmFeatures::SHARED_EVERYTHING_THREADS)
    .union(TYPED_REFERENCE);

/// Returns the features that a function body uses, without validating it.
pub(in crate::wasm) fn of_body(body: &FunctionBody<'_>) -> Result<WasmFeatures> {
    let mut used = of_locals(body)?;
    let code = body.as_bytes();
    let mut operators = body.get_operators_reader()?;
    let position = |offset: u64| (offset - body.range().start) as usize;
    while !operators.eof() {
        let start = position(operators.original_position());
        operators.visit_operator(&mut Recorder {
            visitor: Unvalidated,
            used: &mut used,
        })??;
        let end = position(operators.original_position());
        encoding::of_operator(&code[start..end], &mut used);
    }
    Ok(used)
}

/// Returns the features that the types of a function's locals require.
pub(in crate::wasm) fn of_locals(body: &FunctionBody<'_>) -> Result<WasmFeatures> {
    let mut used = WasmFeatures::empty();
    for local in body.get_locals_reader()? {
        used |= of_value(local?.1);
    }
    Ok(used)
}

/// Visits the operator at the position of `reader`, and adds the features that it uses. `code` is all that `reader` reads.
#[inline]
pub(in crate::wasm) fn visit_operator<'a, V>(
    reader: &mut BinaryReader<'a>,
    code: &[u8],
    visitor: V,
    used: &mut WasmFeatures,
) -> Result<()>
where
    V: VisitOperator<'a, Output = Result<()>> + FrameStack,
{
    let start = reader.current_position();
    reader.visit_operator(&mut Recorder { visitor, used })??;
    if let Some(operator) = code.get(start..reader.current_position()) {
        encoding::of_operator(operator, used);
    }
    Ok(())
}

/// Adds the features of a constant expression. A global may be read if its index is below `imported_globals`.
pub(super) fn of_constant(expr: &ConstExpr<'_>, imported_globals: u32, used: &mut WasmFeatures) {
    let operators = expr.get_operators_reader().into_iter();
    for operator in operators.map_while(Result::ok) {
        match operator {
            Operator::I32Const { .. } | Operator::I64Const { .. } | Operator::End => {}
            Operator::I32Add
            | Operator::I32Sub
            | Operator::I32Mul
            | Operator::I64Add
            | Operator::I64Sub
            | Operator::I64Mul => *used |= WasmFeatures::EXTENDED_CONST,
            Operator::GlobalGet { global_index } => {
                if global_index >= imported_globals {
                    *used |= WasmFeatures::GC;
                }
            }
            Operator::V128Const { .. } => *used |= WasmFeatures::SIMD,
            operator => {
                let visitor = Unvalidated;
                // The visitor accepts each operator.
                let _ = Recorder { visitor, used }.visit_operator(&operator);
            }
        }
    }
}

/// Passes operators on to a visitor, and adds the features that they use. Operators with the prefix 0xfd are left to
/// [`encoding::of_operator`].
struct Recorder<'f, V> {
    visitor: V,
    used: &'f mut WasmFeatures,
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

/// Adds the proposal that introduced an operator.
macro_rules! add_proposal {
    ($self:ident mvp) => {};
    ($self:ident bulk_memory) => {
        *$self.used |= WasmFeatures::BULK_MEMORY
    };
    ($self:ident reference_types) => {
        *$self.used |= WasmFeatures::REFERENCE_TYPES
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

    #[inline]
    fn simd_visitor(&mut self) -> Option<&mut dyn VisitSimdOperator<'a, Output = Self::Output>> {
        self.visitor.simd_visitor()
    }

    for_each_visit_operator!(record);
}

impl<V: FrameStack> FrameStack for Recorder<'_, V> {
    #[inline]
    fn current_frame(&self) -> Option<FrameKind> {
        self.visitor.current_frame()
    }
}

/// Accepts each operator.
struct Unvalidated;

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
