//! Compares validation with wasmparser's own validator, which needs the whole module in memory and uses one thread.

mod bodies;
mod bytes;
mod facts;
mod fixtures;
mod fuel;
mod limits;
mod random;
mod requirements;

use wasmparser::{Validator, WasmFeatures};
use wasmstore::config::ModuleLimits;
use wasmstore::wasm::{Error, ModuleInfo, Validation, inspect};

/// Validates in chunks of these lengths, cyclically.
fn validate_in_chunks(
    module: &[u8],
    chunks: &[usize],
    limits: &ModuleLimits,
) -> Result<ModuleInfo, Error> {
    let mut validation = Validation::new(limits);
    let mut rest = module;
    for chunk in chunks.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (now, later) = rest.split_at((*chunk).clamp(1, rest.len()));
        validation.write(now)?;
        rest = later;
    }
    validation.finish()
}

/// Validates in one chunk with the default limits.
fn validate_whole(module: &[u8]) -> Result<ModuleInfo, Error> {
    validate_in_chunks(module, &[usize::MAX], &ModuleLimits::default())
}

/// Validates with wasmparser only.
fn reference(module: &[u8]) -> Result<(), wasmparser::Error> {
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    validator.validate_all(module).map(drop)
}

/// Asserts that the module is accepted in one chunk and in these chunks, with the same info, and that `inspect` returns it too.
fn assert_valid(module: &[u8], chunks: &[usize]) -> ModuleInfo {
    let info = validate_whole(module).unwrap();
    let in_pieces = validate_in_chunks(module, chunks, &ModuleLimits::default()).unwrap();
    assert_eq!(info, in_pieces);
    assert_eq!(info, inspect(module).unwrap());
    assert_eq!(info.size_bytes, module.len() as u64);
    info
}

/// Asserts that wasmparser agrees on whether this is a module, and that the chunks make no difference.
fn assert_agrees(module: &[u8], chunks: &[usize]) {
    let whole = validate_whole(module);
    let in_pieces = validate_in_chunks(module, chunks, &ModuleLimits::default());
    match (&whole, &in_pieces) {
        (Ok(whole), Ok(in_pieces)) => assert_eq!(whole, in_pieces),
        (Err(whole), Err(in_pieces)) => assert_eq!(whole.to_string(), in_pieces.to_string()),
        _ => panic!("{whole:?} in one chunk, {in_pieces:?} in chunks of {chunks:?}"),
    }
    match (&whole, reference(module)) {
        (Ok(_), Ok(())) | (Err(_), Err(_)) => {}
        (ours, theirs) => panic!("{ours:?}, but wasmparser says {theirs:?}"),
    }
}

/// Encodes a number as LEB128.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// Encodes a section.
fn section(id: u8, contents: &[u8]) -> Vec<u8> {
    let mut bytes = vec![id];
    bytes.extend(leb(contents.len()));
    bytes.extend_from_slice(contents);
    bytes
}

/// Encodes a custom section.
fn custom(name: &str, contents: &[u8]) -> Vec<u8> {
    section(0, &[&leb(name.len()), name.as_bytes(), contents].concat())
}

/// The header of a core module.
const HEADER: &[u8] = b"\0asm\x01\0\0\0";
