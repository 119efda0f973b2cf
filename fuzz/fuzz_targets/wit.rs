//! Whatever the bytes are: reading WIT, comparing and fitting a world do not panic or fail otherwise than with a reason, the results are
//! bounded, and a module is the same as itself.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wasmstore::wasm::{Compatibility, TargetWorld, Verdict, WitError, WitFacts, validate};

/// A world that most components do not fit.
const WORLD: &[u8] = b"package a:b; world w { import log: func(text: string); export run: func(); }";

// The decoder's panics are caught, but the hook of libFuzzer would end the process at each of them.
fuzz_target!(init: drop(std::panic::take_hook()), |input: (&[u8], &[u8])| {
    let (old, new) = input;
    let world = TargetWorld::parse(WORLD, None).expect("a world");
    for bytes in [old, new] {
        match WitFacts::of(bytes) {
            Ok(facts) => {
                assert!(facts.text.len() <= 512 << 10);
                let json = serde_json::to_vec(&facts).expect("JSON");
                assert!(json.len() <= 2 << 20, "{} bytes", json.len());
            }
            Err(WitError::NoThread(error)) => panic!("{error}"),
            Err(error) => assert!(error.to_string().len() <= 4096),
        }
        let _ = world.misfits(bytes);
    }
    // A definition of a world may be anything.
    if let Ok(world) = TargetWorld::parse(new, None) {
        let _ = world.misfits(old);
    }
    let limits = wasmstore::config::ModuleLimits::default();
    if validate(old, &limits).is_ok() && validate(new, &limits).is_ok() {
        let verdict = Verdict::of(old, new).expect("two modules");
        assert!(verdict.breaking.len() <= 100 && verdict.compatible.len() <= 100);
        let same = Verdict::of(old, old).expect("a module");
        assert_eq!(same.compatibility, Compatibility::Same);
    }
});
