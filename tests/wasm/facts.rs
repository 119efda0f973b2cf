//! The facts about modules.

use wasmparser::{Parser, Payload};
use wasmstore::budget::ByteBudget;
use wasmstore::config::ModuleLimits;
use wasmstore::wasm::{
    Crates, Cut, FACTS_BYTES_MAX, Facts, FunctionSize, SectionKind, Validation, facts_of,
};

use super::fixtures::{corpus, valid};
use super::{HEADER, custom, leb, section};

/// Returns the facts of a module that arrives in chunks of these lengths, cyclically.
fn facts_in_chunks(module: &[u8], chunks: &[usize]) -> Facts {
    let mut validation = Validation::with_facts(&ModuleLimits::default(), &ByteBudget::default());
    let mut rest = module;
    for chunk in chunks.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (now, later) = rest.split_at((*chunk).clamp(1, rest.len()));
        validation.write(now).unwrap();
        rest = later;
    }
    let (info, facts) = validation.finish_with_facts().unwrap();
    let facts = facts.unwrap();
    assert_eq!((facts.kind, facts.size_bytes), (info.kind, info.size_bytes));
    facts
}

/// Returns the facts of a module. Asserts that they depend neither on its chunks nor on whether it is validated, that they are bounded, and that the sizes of sections and
/// functions add up.
pub(super) fn facts(module: &[u8]) -> Facts {
    let facts = facts_in_chunks(module, &[usize::MAX]);
    let (limits, budget) = (ModuleLimits::default(), ByteBudget::default());
    assert_eq!(facts, facts_of(module, &limits, &budget).unwrap());
    let chunks: &[usize] = if module.len() < 10_000 {
        &[1]
    } else {
        &[4095, 1, 65_536]
    };
    assert_eq!(facts, facts_in_chunks(module, chunks));
    let json = serde_json::to_vec(&facts).unwrap();
    assert!(json.len() <= FACTS_BYTES_MAX, "{}", json.len());
    assert_eq!(serde_json::from_slice::<Facts>(&json).unwrap(), facts);
    if !facts.sections.is_cut() {
        let mut end = 0;
        for section in &facts.sections.items {
            assert_eq!(section.offset, end);
            end += section.size_bytes;
        }
        assert_eq!(end, facts.size_bytes);
    }
    facts
}

fn wat_facts(text: &str) -> Facts {
    facts(&wat::parse_str(text).unwrap())
}

/// Returns functions as `module:index name size`.
fn formatted(functions: &Cut<FunctionSize>) -> Vec<String> {
    let line = |function: &FunctionSize| {
        let module = function.module.map(|module| format!("{module}:"));
        let name = function.name.as_deref().unwrap_or("-");
        let (module, index) = (module.unwrap_or_default(), function.index);
        format!("{module}{index} {name} {}", function.size_bytes)
    };
    functions.items.iter().map(line).collect()
}

/// Returns a module with `count` functions, followed by `rest`.
fn module_with_functions(count: usize, rest: &[u8]) -> Vec<u8> {
    let types = section(1, b"\x01\x60\x00\x00");
    let functions = section(3, &[leb(count), vec![0; count]].concat());
    let code = section(10, &[leb(count), b"\x02\x00\x0b".repeat(count)].concat());
    [HEADER, &types, &functions, &code, rest].concat()
}

/// Encodes a name section with the names of functions.
fn names<'n>(names: impl IntoIterator<Item = (usize, &'n str)>) -> Vec<u8> {
    let (mut entries, mut count) = (Vec::new(), 0);
    for (index, name) in names {
        entries.extend([leb(index), leb(name.len()), name.as_bytes().to_vec()].concat());
        count += 1;
    }
    custom("name", &section(1, &[leb(count), entries].concat()))
}

#[test]
fn the_sizes_of_fixtures_and_real_modules_add_up() {
    let real = corpus().into_iter().map(|path| {
        let bytes = std::fs::read(&path).unwrap();
        (path.display().to_string(), bytes)
    });
    for (name, module) in valid().into_iter().chain(real) {
        println!("{name}");
        let facts = facts(&module);
        let (mut bodies, mut code_bytes) = (0, 0);
        for payload in Parser::new(0).parse_all(&module) {
            match payload.unwrap() {
                Payload::CodeSectionStart { count, size, .. } => {
                    bodies += u64::from(count);
                    code_bytes += u64::from(size);
                }
                Payload::CustomSection(custom) => {
                    let end = custom.range().end;
                    let of_name = facts.sections.items.iter().find(|section| {
                        section.offset + section.size_bytes == end
                            && section.kind == SectionKind::Custom
                    });
                    let found = of_name.and_then(|section| section.name.as_deref());
                    assert!(found == Some(custom.name()) || name.contains("component"));
                }
                _ => {}
            }
        }
        assert_eq!(facts.functions.total, bodies);
        if !facts.functions.is_cut() {
            let sizes = facts.functions.items.iter();
            let sum: u64 = sizes.map(|function| function.size_bytes).sum();
            assert_eq!(sum, code_bytes);
        }
    }
}

#[test]
fn imports_and_exports_have_their_types() {
    let facts = wat_facts(
        r#"(module (import "env" "f" (func (param i32) (result i64))) (import "env" "t" (table i64 1 funcref))
            (tag (export "é") (param f32)) (memory (export "m") 1 2 shared) (global (export "g") (mut i32) (i32.const 0))
            (export "f" (func 0)))"#,
    );
    let json = |value| serde_json::to_string(&value).unwrap();
    assert_eq!(
        json(&facts.imports.items),
        r#"[{"module":"env","name":"f","kind":"func","type":"(func (param i32) (result i64))"},{"module":"env","name":"t","kind":"table","type":"(table i64 1 funcref)"}]"#
    );
    let exports = facts.exports.items.iter();
    let exports: Vec<_> = exports
        .map(|export| (export.name.as_str(), export.ty.as_deref().unwrap()))
        .collect();
    assert_eq!(
        exports,
        [
            ("é", "(tag (param f32))"),
            ("m", "(memory 1 2 shared)"),
            ("g", "(global (mut i32))"),
            ("f", "(func (param i32) (result i64))"),
        ]
    );
}

#[test]
fn functions_are_listed_by_size_with_the_name_in_the_name_section_or_the_export() {
    let facts = wat_facts(
        r#"(module (import "a" "b" (func $imported)) (func $named (export "exported") nop)
            (func (export "first") (export "second") nop nop nop) (func nop nop))"#,
    );
    assert_eq!(
        formatted(&facts.functions),
        ["2 first 6", "3 - 5", "1 named 4"]
    );
    assert!(facts.groups.items.is_empty());
}

#[test]
fn the_functions_of_all_modules_in_a_component_are_listed() {
    let facts = wat_facts(
        r#"(component $c (core module $a (func $x nop nop) (@producers (language "C" "17")))
            (component (core module $b (memory 1) (func $y nop nop nop nop) (data (i32.const 8) "abc")
              (@producers (language "C" "17") (sdk "kit" "1")))))"#,
    );
    assert_eq!(formatted(&facts.functions), ["1:0 y 7", "0:0 x 5"]);
    let kinds: Vec<_> = facts
        .sections
        .items
        .iter()
        .map(|section| section.kind.as_str())
        .collect();
    assert_eq!(kinds, ["header", "core-module", "component", "custom"]);
    assert_eq!(facts.metadata.name.as_deref(), Some("c"));
    let producers: Vec<_> = facts
        .metadata
        .producers
        .items
        .iter()
        .map(|producer| producer.name.as_str())
        .collect();
    assert_eq!(producers, ["C", "kit"]);
    let segment = &facts.data_segments.items[0];
    assert_eq!((segment.module, segment.address), (Some(1), Some(8)));
    assert_eq!((segment.size_bytes, segment.data_bytes), (8, 3));
}

#[test]
fn functions_are_summed_up_by_crate_and_namespace() {
    let symbols = [
        (0, "_ZN4core3fmt5write17h0123456789abcdefE"),
        (1, "core::panicking::panic"),
        (2, "_ZNSt6vectorIiE4pushEi"),
        (4, "main"),
    ];
    let facts = facts(&module_with_functions(5, &names(symbols)));
    let groups: Vec<_> = facts
        .groups
        .items
        .iter()
        .map(|group| (group.name.as_str(), group.functions, group.size_bytes))
        .collect();
    assert_eq!(groups, [("core", 2, 6), ("std", 1, 3)]);
    let demangled: Vec<_> = facts
        .functions
        .items
        .iter()
        .map(FunctionSize::demangled_name)
        .collect();
    assert_eq!(demangled[0].as_deref(), Some("core::fmt::write"));
    assert_eq!(demangled[2].as_deref(), Some("std::vector<int>::push(int)"));
    assert_eq!(demangled[3], None);
}

#[test]
fn long_name_sections_are_read_too() {
    let count = 20_000;
    let all: Vec<_> = (0..count)
        .map(|index| format!("crate_{}::f{index}", index % 3))
        .collect();
    let section = names(all.iter().map(String::as_str).enumerate());
    assert!(section.len() > 4 * 65_536);
    let facts = facts(&module_with_functions(count, &section));
    assert_eq!(facts.functions.total, count as u64);
    assert!(facts.functions.is_cut());
    for function in &facts.functions.items {
        assert_eq!(function.name.as_ref(), Some(&all[function.index as usize]));
    }
    let sum: u64 = facts
        .groups
        .items
        .iter()
        .map(|group| group.size_bytes)
        .sum();
    assert_eq!(sum, 3 * count as u64);
}

#[test]
fn false_name_sections_give_what_they_can() {
    // Before the code; twice; for functions that do not exist or are imported; malformed.
    let before = [
        HEADER,
        &names([(0, "early")]),
        &module_with_functions(1, b"")[8..],
    ]
    .concat();
    assert_eq!(formatted(&facts(&before).functions), ["0 - 3"]);
    let twice = [names([(0, "first")]), names([(0, "second")])].concat();
    assert_eq!(
        formatted(&facts(&module_with_functions(1, &twice)).functions),
        ["0 first 3"]
    );
    let odd = names([
        (1, "b\u{202e}\u{1b}[1m"),
        (7, "none"),
        (usize::from(u16::MAX), "none"),
    ]);
    assert_eq!(
        formatted(&facts(&module_with_functions(2, &odd)).functions),
        ["0 - 3", "1 b\u{202e}\u{1b}[1m 3"]
    );
    let mut cut = names([(0, "good"), (1, "bad")]);
    let end = cut.len();
    cut[end - 4] = 0x7f;
    assert_eq!(
        formatted(&facts(&module_with_functions(2, &cut)).functions),
        ["0 good 3", "1 - 3"]
    );
}

#[test]
fn long_names_are_cut_and_marked() {
    let long = "n".repeat(90_000);
    let text = format!(
        r#"(module (import "{long}" "{long}" (func)) (export "{long}" (func 0)) (@custom "{long}" ""))"#
    );
    let facts = wat_facts(&text);
    let import = &facts.imports.items[0];
    let section = facts.sections.items.last().unwrap();
    for name in [
        import.module.as_deref().unwrap(),
        import.name.as_str(),
        facts.exports.items[0].name.as_str(),
        section.name.as_deref().unwrap(),
    ] {
        assert!(name.len() == 1024 && name.ends_with('…'), "{name}");
    }
}

#[test]
fn a_million_imports_are_cut() {
    // wasmparser accepts less than a million.
    let count = 999_000;
    let imports = b"\x02en\x01g\x03\x7f\x00".repeat(count);
    let module = [HEADER, &section(2, &[leb(count), imports].concat())].concat();
    let facts = facts_in_chunks(&module, &[65_536]);
    assert!(serde_json::to_vec(&facts).unwrap().len() <= FACTS_BYTES_MAX);
    assert_eq!(facts.imports.total, count as u64);
    assert!((1000..10_000).contains(&facts.imports.items.len()));
}

#[test]
fn many_sections_and_segments_are_cut() {
    let facts = facts(&[HEADER, &custom("s", b"").repeat(100_000)].concat());
    assert_eq!(facts.sections.total, 100_001);
    assert!(facts.sections.is_cut());
    let count = 50_000;
    let data = section(11, &[leb(count), b"\x01\x00".repeat(count)].concat());
    let data_count = section(12, &leb(count));
    let facts = self::facts(&[HEADER, &data_count, &data].concat());
    assert_eq!(facts.data_segments.total, count as u64);
    assert!(facts.data_segments.is_cut());
}

#[test]
fn custom_sections_become_metadata() {
    let texts = [
        "description",
        "authors",
        "licenses",
        "source",
        "homepage",
        "revision",
        "version",
    ];
    let mut module = HEADER.to_vec();
    for name in texts {
        module.extend(custom(name, format!("the {name}").as_bytes()));
        module.extend(custom(name, b"again"));
    }
    module.extend(custom("sourceMappingURL", b"\x05a.map"));
    module.extend(custom("external_debug_info", b"\x06a.wasm"));
    module.extend(custom("build_id", b"\x02\x01\xff"));
    module.extend(custom("name", b"\x00\x02\x01m"));
    module.extend(custom(".dep-v0", b"not zlib"));
    let metadata = facts(&module).metadata;
    let found = [
        metadata.description,
        metadata.authors,
        metadata.licenses,
        metadata.source,
        metadata.homepage,
        metadata.revision,
        metadata.version,
    ];
    for (name, text) in texts.iter().zip(found) {
        assert_eq!(text, Some(format!("the {name}")));
    }
    assert_eq!(metadata.source_map_url.as_deref(), Some("a.map"));
    assert_eq!(metadata.external_debug_info.as_deref(), Some("a.wasm"));
    assert_eq!(metadata.build_id.as_deref(), Some("01ff"));
    assert_eq!(metadata.name.as_deref(), Some("m"));
    assert_eq!(metadata.crates, Some(Crates::Unreadable));
}
