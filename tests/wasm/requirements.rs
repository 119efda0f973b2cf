//! What modules require of an engine, compared with validations by wasmparser that enable only some features.

use proptest::prelude::*;
use wasmparser::{Validator, WasmFeatures};
use wasmstore::wasm::{Requirements, Standard};

use super::facts::facts;
use super::fixtures::{corpus, valid};
use super::random::{component, module};
use super::{HEADER, section};

/// Returns the features of a proposal.
fn features_of(proposal: &str) -> WasmFeatures {
    WasmFeatures::from_name(&proposal.replace('-', "_").to_uppercase()).unwrap()
}

fn is_valid(module: &[u8], features: WasmFeatures) -> bool {
    let mut validator = Validator::new_with_features(features);
    validator.validate_all(module).is_ok()
}

/// Returns the requirements of a module. Asserts that it is valid with them, and not without any of them.
fn requirements(module: &[u8]) -> Requirements {
    let requires = facts(module).requires;
    let proposals = || requires.included.iter().chain(&requires.proposals);
    let all = proposals()
        .map(|proposal| features_of(proposal))
        .fold(WasmFeatures::WASM1, WasmFeatures::union);
    assert!(is_valid(module, all), "{requires:?} is not enough");
    for proposal in proposals() {
        let rest = all - features_of(proposal);
        assert!(
            !is_valid(module, rest),
            "{requires:?}: {proposal} is not needed"
        );
    }
    let standard = match requires.standard {
        Standard::V1 => WasmFeatures::WASM1,
        Standard::V2 => WasmFeatures::WASM2,
        Standard::V3 => WasmFeatures::WASM3,
    };
    let beyond = requires.proposals.iter();
    let beyond = beyond
        .map(|proposal| features_of(proposal))
        .fold(standard, WasmFeatures::union);
    assert!(is_valid(module, beyond), "{requires:?} is not enough");
    requires
}

/// Returns requirements as `standard: included + proposals`.
fn formatted(module: &[u8]) -> String {
    let requires = requirements(module);
    let (included, proposals) = (requires.included.join(" "), requires.proposals.join(" "));
    format!("{}: {included} + {proposals}", requires.standard.as_str())
}

#[test]
fn fixtures_and_real_modules_require_exactly_what_is_reported() {
    let real = corpus().into_iter().map(|path| {
        let bytes = std::fs::read(&path).unwrap();
        (path.display().to_string(), bytes)
    });
    for (name, module) in valid().into_iter().chain(real) {
        println!("{name}: {}", formatted(&module));
    }
}

#[test]
fn each_proposal_of_core_modules_is_found() {
    for (wat, expected) in [
        ("", "1.0:  + "),
        (
            r#"(global (export "g") (mut f32) (f32.const 0)) (table 1 funcref) (memory 1)"#,
            "1.0:  + ",
        ),
        ("(func (result i32 i32) unreachable)", "2.0: multi-value + "),
        (
            "(type (func (param i32))) (func i32.const 0 block (type 0) drop end)",
            "2.0: multi-value + ",
        ),
        (
            "(func (param i32) local.get 0 i32.extend8_s drop)",
            "2.0: sign-extension + ",
        ),
        (
            "(func (param f32) local.get 0 i32.trunc_sat_f32_s drop)",
            "2.0: saturating-float-to-int + ",
        ),
        (
            "(memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))",
            "2.0: bulk-memory + ",
        ),
        (r#"(memory 1) (data "passive")"#, "2.0: bulk-memory + "),
        ("(table 1 externref)", "2.0: reference-types + "),
        (
            "(table 1 funcref) (table 1 funcref)",
            "2.0: reference-types + ",
        ),
        ("(func (local v128))", "2.0: simd + "),
        (
            "(func unreachable i8x16.relaxed_swizzle drop)",
            "3.0: relaxed-simd + ",
        ),
        ("(memory 1) (memory 1)", "3.0: multi-memory + "),
        ("(memory i64 1)", "3.0: memory64 + "),
        ("(func $f return_call $f)", "3.0: tail-call + "),
        (
            "(global i32 (i32.add (i32.const 0) (i32.const 1)))",
            "3.0: extended-const + ",
        ),
        ("(tag)", "3.0: exceptions + "),
        (
            "(type (struct)) (func (local (ref null 0)))",
            "3.0: gc reference-types + ",
        ),
        (
            "(type (func)) (func (local (ref null 0)))",
            "3.0: function-references reference-types + ",
        ),
        (
            "(func (local (ref func)))",
            "3.0: function-references reference-types + ",
        ),
        (
            "(global i32 (i32.const 0)) (global i32 (global.get 0))",
            "3.0: gc + ",
        ),
        ("(memory 1 1 shared)", "1.0:  + threads"),
        (
            "(memory 1) (func (drop (i32.atomic.load (i32.const 0))))",
            "1.0:  + threads",
        ),
        ("(memory 1 (pagesize 1))", "1.0:  + custom-page-sizes"),
        ("(func try catch_all end)", "1.0:  + legacy-exceptions"),
        (
            "(func unreachable i64.add128 drop drop)",
            "1.0:  + wide-arithmetic",
        ),
        (
            "(table shared 1 (ref null (shared func)))",
            "2.0: reference-types + shared-everything-threads",
        ),
        (
            "(type $f (func)) (type (cont $f))",
            "1.0:  + stack-switching",
        ),
        ("(tag (result i32))", "3.0: exceptions + stack-switching"),
        (
            "(rec (type (descriptor 1) (struct)) (type (describes 0) (struct)))",
            "3.0: gc + custom-descriptors",
        ),
    ] {
        println!("{wat}");
        let module = wat::parse_str(format!("(module {wat})")).unwrap();
        assert_eq!(formatted(&module), expected, "{wat}");
    }
}

#[test]
fn each_feature_of_components_is_found() {
    let core = r#"(core module $m (memory (export "m") 1) (func (export "f")) (func (export "r") (param i32 i32 i32 i32) (result i32) unreachable)
        (func (export "c") (param i32 i32 i32) (result i32) unreachable) (func (export "g") (result i32) unreachable))
        (core instance $i (instantiate $m))"#;
    for (wat, expected) in [
        ("", ""),
        ("(type (future u8))", "cm-async"),
        ("(type (func async))", "cm-async"),
        ("(type (map string u8))", "cm-map"),
        ("(type (list u8 4))", "cm-fixed-length-lists"),
        (
            "(type (func (param \"e\" error-context)))",
            "cm-error-context",
        ),
        (
            "(import \"v\" (value $v u8)) (export \"w\" (value $v))",
            "cm-values",
        ),
        ("(import \"a:b:c/d\" (instance))", "cm-nested-names"),
        ("(core func (canon task.cancel))", "cm-async"),
        ("(core func (canon thread.index))", "cm-threading"),
        ("(core func (canon context.get i64 0))", "cm-async cm64"),
        (
            "(core func (canon context.get i32 1))",
            "cm-async cm-threading",
        ),
        (
            "(core func (canon thread.available_parallelism))",
            "shared-everything-threads",
        ),
        (
            "(core func (canon subtask.cancel async))",
            "cm-async cm-more-async-builtins",
        ),
        ("(core func (canon error-context.drop))", "cm-error-context"),
        (
            "(type $s (stream)) (core func (canon stream.new $s))",
            "cm-async",
        ),
        (
            "(core type (module (import \"a\" \"m\" (memory i64 1))))",
            "memory64",
        ),
        ("(core type (module (type (struct))))", "gc"),
        (
            "(type (instance (type (func async)) (export \"f\" (func (type 0)))))",
            "cm-async",
        ),
        (
            "(core func (canon waitable-set.wait (memory (core memory $i \"m\"))))",
            "cm-async",
        ),
        (
            "(func async (canon lift (core func $i \"f\") async))",
            "cm-async cm-async-stackful",
        ),
        ("(core module (memory i64 1 1 shared))", "memory64 threads"),
    ] {
        println!("{wat}");
        let component = wat::parse_str(format!("(component {core} {wat})")).unwrap();
        let requires = requirements(&component);
        let mut all = [requires.included, requires.proposals].concat();
        all.retain(|proposal| proposal != "component-model");
        all.sort();
        assert_eq!(all.join(" "), expected, "{wat}");
    }
}

#[test]
fn encodings_that_older_decoders_reject_are_found() {
    let with_body = |body: &[u8]| {
        let types = section(1, b"\x01\x60\x00\x00");
        let functions = section(3, b"\x01\x00");
        let tables = section(4, b"\x01\x70\x00\x01");
        let memories = section(5, b"\x01\x00\x01");
        let body = [&[body.len() as u8 + 2, 0][..], body, &[0x0b]].concat();
        let code = section(10, &[&[1][..], &body].concat());
        [HEADER, &types, &functions, &tables, &memories, &code].concat()
    };
    for (body, expected) in [
        // call_indirect, memory.size, and loads with a table, a memory or an offset that is longer than needed.
        (&b"\x41\x00\x11\x00\x00"[..], "1.0:  + "),
        (b"\x41\x00\x11\x00\x80\x00", "2.0: reference-types + "),
        (b"\x41\x00\x11\x80\x00\x00", "1.0:  + "),
        (b"\x3f\x00\x1a", "1.0:  + "),
        (b"\x3f\x80\x00\x1a", "3.0: multi-memory + "),
        (b"\x41\x00\x28\x02\x00\x1a", "1.0:  + "),
        (b"\x41\x00\x28\x42\x00\x00\x1a", "3.0: multi-memory + "),
        (b"\x41\x00\x28\x02\x80\x80\x80\x80\x00\x1a", "1.0:  + "),
        (
            b"\x41\x00\x28\x02\x80\x80\x80\x80\x80\x00\x1a",
            "3.0: memory64 + ",
        ),
        (
            b"\x41\x00\xfe\x10\x12\x00\x00\x1a",
            "1.0:  + acquire-release-atomics threads",
        ),
        (b"\xfe\x03\x01", "1.0:  + acquire-release-atomics threads"),
        (
            b"\x41\x00\xfd\x00\x44\x00\x00\x1a",
            "3.0: multi-memory simd + ",
        ),
        (
            b"\x41\x00\xfd\x80\x00\x44\x00\x00\x1a",
            "3.0: multi-memory simd + ",
        ),
    ] {
        assert_eq!(formatted(&with_body(body)), expected, "{body:x?}");
    }
    let types = [HEADER, &section(1, b"\x01\x4f\x00\x60\x00\x00")].concat();
    assert_eq!(
        formatted(&types),
        "3.0: gc + ",
        "a final type without supertypes"
    );
    let memory = [HEADER, &section(5, b"\x01\x00\x81\x80\x80\x80\x80\x00")].concat();
    assert_eq!(formatted(&memory), "3.0: memory64 + ");
    let imports = [
        HEADER,
        &section(2, b"\x01\x01e\x00\x7f\x01\x01g\x03\x7f\x00"),
    ]
    .concat();
    assert_eq!(formatted(&imports), "1.0:  + compact-imports");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_modules_require_exactly_what_is_reported(seed in any::<u64>()) {
        requirements(&module(seed));
    }

    #[test]
    fn random_components_require_exactly_what_is_reported(seed in any::<u64>()) {
        if let Some(component) = component(seed)
            && is_valid(&component, WasmFeatures::all())
        {
            requirements(&component);
        }
    }
}
