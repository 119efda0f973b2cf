//! A module is accepted if and only if wasmparser accepts it, however its bytes arrive; and inspecting it does not fail.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wasmparser::{Validator, WasmFeatures};
use wasmstore::config::ModuleLimits;
use wasmstore::wasm::{Validation, inspect, validate};

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, bytes) = input;
    let limits = ModuleLimits::default();
    let whole = validate(bytes, &limits);
    let mut validation = Validation::new(&limits);
    let pieces = bytes
        .chunks(usize::from(piece) + 1)
        .try_for_each(|piece| validation.write(piece))
        .and_then(|()| validation.finish());
    assert_eq!(whole.is_ok(), pieces.is_ok(), "{whole:?} {pieces:?}");
    let expected = Validator::new_with_features(WasmFeatures::all()).validate_all(bytes);
    match (&whole, expected) {
        (Ok(_), Ok(_)) => {
            inspect(bytes).expect("a valid module");
        }
        (Err(_), Err(_)) => {}
        (Ok(_), Err(error)) => panic!("accepted, though {error}"),
        (Err(error), Ok(_)) => panic!("rejected a valid module: {error}"),
    }
});
