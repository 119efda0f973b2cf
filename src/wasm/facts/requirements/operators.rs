//! Determines the WebAssembly features that the operators in function bodies require.

use std::sync::atomic::{AtomicU64, Ordering as AtomicOrdering};

use wasmparser::{
    BinaryReader, ConstExpr, FrameStack, FunctionBody, Operator, Result, VisitOperator,
    WasmFeatures,
};

use super::encoding;
use super::types::{TYPED_REFERENCE, of_value};
use super::visitor::{Recorder, Unvalidated};

/// The features that the function bodies of a module use, as far as they have been read. The threads that validate the bodies share this
/// value.
#[derive(Debug, Default)]
pub(in crate::wasm) struct UsedFeatures {
    bits: AtomicU64,
    /// The total length of the bodies that have been added, in bytes. The features of all their operators are in `bits`.
    inspected_bytes: AtomicU64,
}

/// The first function bodies of a module, up to this total length in bytes, are inspected for features while they are validated. Later
/// bodies are first validated with only the features that are known by then, and without inspection: many modules use all of their features
/// in their first functions. If a body is not valid with the known features, it is validated again, with inspection.
const INSPECTED_BYTES_MIN: u64 = 128 << 10;

impl UsedFeatures {
    pub(in crate::wasm) fn add(&self, features: WasmFeatures) {
        self.bits.fetch_or(features.bits(), AtomicOrdering::Relaxed);
    }

    /// Adds the features that a function body uses, and adds its length `bytes` to the number of inspected bytes.
    pub(in crate::wasm) fn add_body(&self, features: WasmFeatures, bytes: usize) {
        self.add(features);
        self.inspected_bytes
            .fetch_add(bytes as u64, AtomicOrdering::Relaxed);
    }

    pub(in crate::wasm) fn get(&self) -> WasmFeatures {
        WasmFeatures::from_bits_retain(self.bits.load(AtomicOrdering::Relaxed))
    }

    /// Returns the features that earlier bodies used, if the caller can first validate a body with only these features. If that succeeds,
    /// the operators of the body do not have to be inspected for features. It succeeds for nearly all bodies.
    ///
    /// Returns `None` if too few bodies have been inspected, or if the module uses features that change how types are checked. With such
    /// features, a body that is valid with the known features could be invalid with all features.
    pub(in crate::wasm) fn known(&self) -> Option<WasmFeatures> {
        let used = self.get();
        let is_known = !used.intersects(WITH_TYPES)
            && self.inspected_bytes.load(AtomicOrdering::Relaxed) >= INSPECTED_BYTES_MIN;
        is_known.then(|| with_known(used))
    }
}

/// The features that add kinds of types, and so change how types are checked.
const WITH_TYPES: WasmFeatures = WasmFeatures::GC
    .union(WasmFeatures::FUNCTION_REFERENCES)
    .union(WasmFeatures::CUSTOM_DESCRIPTORS)
    .union(WasmFeatures::STACK_SWITCHING)
    .union(WasmFeatures::SHARED_EVERYTHING_THREADS)
    .union(TYPED_REFERENCE);

/// Returns the features that a function body uses, without validating the body.
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

/// Calls `visitor` for the operator at the position of `reader`, and adds the features that the operator uses to `used`. `code` has all
/// bytes that `reader` reads.
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

/// Calls `visitor` for the operator at the position of `reader` like [`visit_operator`], but inspects the encoding only if necessary.
/// `code` has all bytes that `reader` reads.
///
/// `reader` decodes with some of the features in `used`, so it rejects an operator whose encoding requires another feature. Such an
/// operator is decoded again with all features and inspected. Then `reader` and `code` are replaced with those of the remaining bytes; the
/// new reader has all features in `used`.
#[inline]
pub(in crate::wasm) fn visit_with_known<'a, V>(
    reader: &mut BinaryReader<'a>,
    code: &mut &'a [u8],
    visitor: V,
    used: &mut WasmFeatures,
) -> Result<()>
where
    V: VisitOperator<'a, Output = Result<()>> + FrameStack,
{
    let (start, offset) = (reader.current_position(), reader.original_position());
    let mut recorder = Recorder { visitor, used };
    match reader.visit_operator(&mut recorder) {
        Ok(visited) => visited,
        Err(_) => {
            (*reader, *code) = decode_again(&code[start..], offset, recorder)?;
            Ok(())
        }
    }
}

/// Decodes the operator at the start of `code` with all features, and records the features that it uses. `offset` is its offset in the
/// module. Returns the remaining bytes, and a reader for them.
#[cold]
fn decode_again<'a, V>(
    code: &'a [u8],
    offset: u64,
    mut recorder: Recorder<'_, V>,
) -> Result<(BinaryReader<'a>, &'a [u8])>
where
    V: VisitOperator<'a, Output = Result<()>> + FrameStack,
{
    let mut reader = BinaryReader::new_features(code, offset, WasmFeatures::all());
    reader.visit_operator(&mut recorder)??;
    let (operator, rest) = code.split_at(reader.current_position());
    encoding::of_operator(operator, recorder.used);
    let known = with_known(*recorder.used);
    let offset = reader.original_position();
    Ok((BinaryReader::new_features(rest, offset, known), rest))
}

/// Returns the features with which the reader for [`visit_with_known`] must decode. `used` are the known features.
pub(in crate::wasm) fn with_known(used: WasmFeatures) -> WasmFeatures {
    used | WasmFeatures::WASM1
}

/// Adds the features of a constant expression. Without a proposal, a constant expression may read only imported globals: those whose index
/// is below `imported_globals`.
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
                // The result is always `Ok`, because the visitor accepts each operator.
                let _ = Recorder { visitor, used }.visit_operator(&operator);
            }
        }
    }
}
