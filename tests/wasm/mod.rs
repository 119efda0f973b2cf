//! What is taken for WebAssembly, what is not and why, and what is said of it. The measure is wasmparser's own validator,
//! which wants the whole module in memory and one thread.

mod bodies;
mod bytes;
mod fixtures;
mod limits;
mod random;

use wasmparser::{Validator, WasmFeatures};
use wasmstore::config::ModuleLimits;
use wasmstore::wasm::{Error, ModuleInfo, Validation, inspect};

/// Validates in pieces of these lengths, again and again from the first.
fn validate_in_pieces(
    module: &[u8],
    pieces: &[usize],
    limits: &ModuleLimits,
) -> Result<ModuleInfo, Error> {
    let mut validation = Validation::new(limits);
    let mut rest = module;
    for piece in pieces.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (now, later) = rest.split_at((*piece).clamp(1, rest.len()));
        validation.write(now)?;
        rest = later;
    }
    validation.finish()
}

/// Validates in one piece, with the limits that are the default.
fn validate_whole(module: &[u8]) -> Result<ModuleInfo, Error> {
    validate_in_pieces(module, &[usize::MAX], &ModuleLimits::default())
}

/// Validates with wasmparser alone.
fn reference(module: &[u8]) -> Result<(), wasmparser::Error> {
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    validator.validate_all(module).map(drop)
}

/// Asserts that the module is accepted in one piece and in these pieces, with the same info, which `inspect` gives too.
fn assert_valid(module: &[u8], pieces: &[usize]) -> ModuleInfo {
    let info = validate_whole(module).unwrap();
    let in_pieces = validate_in_pieces(module, pieces, &ModuleLimits::default()).unwrap();
    assert_eq!(info, in_pieces);
    assert_eq!(info, inspect(module).unwrap());
    assert_eq!(info.size_bytes, module.len() as u64);
    info
}

/// Asserts that wasmparser and we agree on whether this is a module, and that the pieces make no difference.
fn assert_agrees(module: &[u8], pieces: &[usize]) {
    let whole = validate_whole(module);
    let in_pieces = validate_in_pieces(module, pieces, &ModuleLimits::default());
    match (&whole, &in_pieces) {
        (Ok(whole), Ok(in_pieces)) => assert_eq!(whole, in_pieces),
        (Err(whole), Err(in_pieces)) => assert_eq!(whole.to_string(), in_pieces.to_string()),
        _ => panic!("{whole:?} in one piece, {in_pieces:?} in pieces of {pieces:?}"),
    }
    match (&whole, reference(module)) {
        (Ok(_), Ok(())) | (Err(_), Err(_)) => {}
        (ours, theirs) => panic!("{ours:?}, but wasmparser says {theirs:?}"),
    }
}

/// Encodes a number as the binary format does.
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
