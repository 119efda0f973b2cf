//! Random modules, chunks and damage.

use arbitrary::Unstructured;
use proptest::prelude::*;
use wasm_smith::{Component, Config, Module};

use super::fixtures::valid;
use super::{assert_agrees, assert_valid};

/// Returns bytes for the generators, which need more than a property test can shrink.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

pub(super) fn module(seed: u64) -> Vec<u8> {
    let config = Config {
        generate_custom_sections: true,
        min_funcs: 1,
        max_memories: 3,
        max_tables: 3,
        custom_page_sizes_enabled: true,
        shared_everything_threads_enabled: seed.is_multiple_of(2),
        ..Config::default()
    };
    let noise = noise(seed, 4000);
    Module::new(config, &mut Unstructured::new(&noise))
        .unwrap()
        .to_bytes()
}

pub(super) fn component(seed: u64) -> Option<Vec<u8>> {
    let noise = noise(seed, 4000);
    let component = Component::new(Config::default(), &mut Unstructured::new(&noise));
    Some(component.ok()?.to_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_modules_are_accepted_in_any_chunks(
        seed in any::<u64>(),
        chunks in prop::collection::vec(1_usize..200, 1..20),
    ) {
        let module = module(seed);
        assert_valid(&module, &chunks);
        assert_valid(&module, &[1]);
    }

    #[test]
    fn wasmparser_agrees_on_random_components(
        seed in any::<u64>(),
        chunks in prop::collection::vec(1_usize..200, 1..20),
    ) {
        if let Some(component) = component(seed) {
            assert_agrees(&component, &chunks);
        }
    }

    #[test]
    fn wasmparser_agrees_on_damaged_modules(
        seed in any::<u64>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        end in any::<prop::sample::Index>(),
        chunks in prop::collection::vec(1_usize..200, 1..20),
    ) {
        let mut module = module(seed);
        for (at, byte) in damage {
            let at = at.index(module.len());
            module[at] = byte;
        }
        assert_agrees(&module, &chunks);
        module.truncate(end.index(module.len()));
        assert_agrees(&module, &chunks);
    }
}

#[test]
fn most_random_components_are_generated() {
    let made: Vec<_> = (0..20).filter_map(component).collect();
    let valid = made
        .iter()
        .filter(|component| super::reference(component).is_ok());
    assert!(valid.count() >= 10);
}

#[test]
fn wasmparser_agrees_on_every_flipped_bit_of_a_fixture() {
    for (name, module) in valid() {
        println!("{name}");
        for bit in 0..module.len() * 8 {
            let mut flipped = module.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_agrees(&flipped, &[1]);
            assert_agrees(&flipped, &[3, 50]);
        }
    }
}
