//! The sizes of data segments.

use serde::{Deserialize, Serialize};
use wasmparser::{ConstExpr, Data, DataKind, Operator};

use super::largest::SizedPart;

/// The maximum size of the list of data segments, in bytes of JSON.
pub(super) const SEGMENTS_BYTES_MAX: usize = 64 << 10;
/// An upper bound on the length of the JSON of a data segment, in bytes.
const SEGMENT_BYTES: usize = 128;

/// A data segment of a module, with its size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentSize {
    /// In a component, the number of the core module that contains the segment. Core modules are numbered from 0, in their order in the
    /// binary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<u32>,
    /// The index of the segment in its module.
    pub index: u32,
    /// The index of the memory that the segment initializes; `None` if the segment is passive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u32>,
    /// The address in the memory at which the data is placed, if it is a constant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<u64>,
    /// The size of the segment in the data section, in bytes. It includes the mode, the address, the length field and the data.
    pub size_bytes: u64,
    /// The size of the data in the segment, in bytes.
    pub data_bytes: u64,
}

impl SegmentSize {
    pub(super) fn new(module: Option<u32>, index: u32, data: &Data<'_>) -> Self {
        let (memory, address) = match &data.kind {
            DataKind::Passive => (None, None),
            DataKind::Active {
                memory_index,
                offset_expr,
            } => (Some(*memory_index), constant(offset_expr)),
        };
        Self {
            module,
            index,
            memory,
            address,
            size_bytes: data.range.end.saturating_sub(data.range.start),
            data_bytes: data.data.len() as u64,
        }
    }
}

/// Returns the value of a constant expression that consists of one `const` operator; `None` for other expressions.
fn constant(expr: &ConstExpr<'_>) -> Option<u64> {
    let mut operators = expr.get_operators_reader();
    let value = match operators.read().ok()? {
        // The operand is signed, but an address in a 32-bit memory is unsigned.
        Operator::I32Const { value } => u64::from(value as u32),
        Operator::I64Const { value } => value as u64,
        _ => return None,
    };
    matches!(operators.read(), Ok(Operator::End)).then_some(value)
}

impl SizedPart for SegmentSize {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn json_bytes(&self) -> usize {
        SEGMENT_BYTES
    }
}
