//! Determines the WebAssembly features that only the encoding of an item requires. A decoder without such a feature rejects the bytes,
//! although it supports the item that the bytes encode.

use crate::wasm::limits::peek_u32;
use wasmparser::{BinaryReader, FrameKind, FrameStack, FromReader, SectionLimited, WasmFeatures};

/// Calls `found` with each item in a section. `contents` are the bytes of the section without its header. Returns whether the section can be
/// decoded without the features `without`; each item is then decoded only once.
pub(super) fn each_item<'a, T: FromReader<'a>>(
    section: &SectionLimited<'a, T>,
    contents: &'a [u8],
    without: WasmFeatures,
    mut found: impl FnMut(T),
) -> bool {
    let mut decoded = 0;
    if let Ok(section) = SectionLimited::<T>::new(reader(contents, without)) {
        for item in section.into_iter().map_while(Result::ok) {
            found(item);
            decoded += 1;
        }
    }
    if decoded == section.count() as usize {
        return true;
    }
    let items = section.clone().into_iter().skip(decoded);
    items.map_while(Result::ok).for_each(found);
    false
}

/// Adds to `used` each of `features` that is necessary to decode a section. `contents` are the bytes of the section without its header.
pub(super) fn of_section<'a, T: FromReader<'a>>(
    contents: &'a [u8],
    features: &[WasmFeatures],
    used: &mut WasmFeatures,
) {
    of_encoding(|without| decodes::<T>(contents, without), features, used);
}

/// Adds to `used` each of `features` that is necessary to decode the item at the start of `bytes`.
pub(super) fn of_item<'a, T: FromReader<'a>>(
    bytes: &'a [u8],
    features: &[WasmFeatures],
    used: &mut WasmFeatures,
) {
    let decodes = |without| T::from_reader(&mut reader(bytes, without)).is_ok();
    of_encoding(decodes, features, used);
}

/// Adds to `used` each of `features` that is necessary. `decodes` returns whether bytes can be decoded without the given features.
fn of_encoding(
    decodes: impl Fn(WasmFeatures) -> bool,
    features: &[WasmFeatures],
    used: &mut WasmFeatures,
) {
    let missing = all(features) - *used;
    if missing.is_empty() || decodes(missing) {
        return;
    }
    for feature in features {
        if missing.contains(*feature) && !decodes(*feature) {
            *used |= *feature;
        }
    }
}

/// Returns whether a section can be decoded without the features `without`.
pub(super) fn decodes<'a, T: FromReader<'a>>(contents: &'a [u8], without: WasmFeatures) -> bool {
    SectionLimited::<T>::new(reader(contents, without))
        .is_ok_and(|section| section.into_iter().all(|item| item.is_ok()))
}

/// Returns the union of `features`.
pub(super) fn all(features: &[WasmFeatures]) -> WasmFeatures {
    let features = features.iter().copied();
    features.fold(WasmFeatures::empty(), WasmFeatures::union)
}

fn reader(bytes: &[u8], without: WasmFeatures) -> BinaryReader<'_> {
    BinaryReader::new_features(bytes, 0, WasmFeatures::all() - without)
}

/// The bits that proposals added to the first immediate of a memory operator, each with its proposal.
const MEMORY_FLAGS: [(u8, WasmFeatures); 3] = [
    (0x10, WasmFeatures::ACQUIRE_RELEASE_ATOMICS),
    (0x20, WasmFeatures::MULTIBYTE_ARRAY_ACCESS),
    (0x40, WasmFeatures::MULTI_MEMORY),
];
const ANY_MEMORY_FLAG: u8 = 0x70;
/// The maximum length of the immediates of a memory operator in version 1.0: a byte of flags, and an offset of up to five bytes.
const MEMORY_BYTES_MAX: usize = 6;

/// Adds to `used` the features that the encoding of an operator requires. `code` are all bytes of the operator.
#[inline]
pub(super) fn of_operator(code: &[u8], used: &mut WasmFeatures) {
    match code {
        // The operators for loads and stores.
        [0x28..=0x3e, immediates @ ..] => of_memory_operator(code, immediates, used),
        // `call_indirect`, `memory.size` and `memory.grow` end with an index. Before these proposals, the index was always a single zero
        // byte. A byte with the bit 0x80 shows that the index has more than one byte.
        [0x11, .., before, _] if before & 0x80 != 0 => *used |= WasmFeatures::REFERENCE_TYPES,
        [0x3f | 0x40, first, ..] if first & 0x80 != 0 => *used |= WasmFeatures::MULTI_MEMORY,
        [prefix @ (0xfd | 0xfe), number, immediates @ ..] => {
            if number & 0x80 == 0 {
                of_prefixed(*prefix, u32::from(*number), (code, immediates), used);
            } else if let Some((number, bytes)) = peek_u32(&code[1..]) {
                of_prefixed(*prefix, number, (code, &code[1 + bytes..]), used);
            }
        }
        _ => {}
    }
}

/// Adds to `used` the features that the encoding of an operator requires. Its opcode is the prefix 0xfd or 0xfe, followed by `number`.
fn of_prefixed(
    prefix: u8,
    number: u32,
    (code, immediates): (&[u8], &[u8]),
    used: &mut WasmFeatures,
) {
    let accesses_memory = match prefix {
        0xfd => matches!(number, 0..=11 | 84..=93),
        _ => matches!(number, 0..=2 | 0x10..=0x4e),
    };
    if accesses_memory {
        of_memory_operator(code, immediates, used);
    }
}

#[inline]
fn of_memory_operator(code: &[u8], immediates: &[u8], used: &mut WasmFeatures) {
    let flags = immediates.first().copied().unwrap_or_default();
    if flags & ANY_MEMORY_FLAG != 0 {
        for (flag, feature) in MEMORY_FLAGS {
            if flags & flag != 0 {
                *used |= feature;
            }
        }
    }
    if immediates.len() > MEMORY_BYTES_MAX && !used.memory64() {
        let features = WasmFeatures::all() - WasmFeatures::MEMORY64;
        let reader = BinaryReader::new_features(code, 0, features);
        if reader.peek_operator(&AnyFrame).is_err() {
            *used |= WasmFeatures::MEMORY64;
        }
    }
}

/// A control stack for `peek_operator`. In its only frame, a block, every operator that is decoded here is allowed.
struct AnyFrame;

impl FrameStack for AnyFrame {
    fn current_frame(&self) -> Option<FrameKind> {
        Some(FrameKind::Block)
    }
}
