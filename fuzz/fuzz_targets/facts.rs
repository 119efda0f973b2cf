//! The facts about a valid module are bounded, do not depend on how its bytes arrive, and its sections add up to its size; reading them again
//! without validation gives the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wasmstore::budget::ByteBudget;
use wasmstore::config::ModuleLimits;
use wasmstore::wasm::{FACTS_BYTES_MAX, Validation, facts_of};

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, bytes) = input;
    let (limits, budget) = (ModuleLimits::default(), ByteBudget::default());
    let facts = |piece_bytes: usize| {
        let mut validation = Validation::with_facts(&limits, &budget);
        bytes
            .chunks(piece_bytes)
            .try_for_each(|piece| validation.write(piece))
            .and_then(|()| validation.finish_with_facts())
            .ok()
            .map(|(_, facts)| facts.expect("the collector does not panic"))
    };
    let Some(whole) = facts(bytes.len().max(1)) else {
        // An invalid module has no facts, but reading it does not panic.
        let _ = facts_of(bytes, &limits, &budget);
        return;
    };
    assert_eq!(Some(&whole), facts(usize::from(piece) + 1).as_ref());
    assert_eq!(whole, facts_of(bytes, &limits, &budget).expect("a valid module"));
    let json = serde_json::to_vec(&whole).expect("JSON");
    assert!(json.len() <= FACTS_BYTES_MAX);
    if !whole.sections.is_cut() {
        let sizes = whole.sections.items.iter().map(|section| section.size_bytes);
        assert_eq!(sizes.sum::<u64>(), whole.size_bytes);
    }
    for function in &whole.functions.items {
        function.demangled_name();
    }
});
