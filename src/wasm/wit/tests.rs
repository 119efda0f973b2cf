//! Functions that generate components from WIT for tests, and the tests of [`WitFacts`].

use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve};

use super::{WitError, WitFacts, WitItem, WitItemKind, WitSource};

/// Returns a core module in which the only world of the package `wit` is embedded. The functions of the module trap.
pub(in crate::wasm) fn core_module(wit: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("test.wit", wit).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
    module
}

/// Returns a component that implements the only world of the package `wit`.
pub(in crate::wasm) fn component(wit: &str) -> Vec<u8> {
    let module = core_module(wit);
    let mut encoder = ComponentEncoder::default();
    encoder.module(&module).unwrap().encode().unwrap()
}

/// Returns the package `wit`, encoded as a component.
pub(in crate::wasm) fn package(wit: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("test.wit", wit).unwrap();
    wit_component::encode(&resolve, package, false).unwrap()
}

const COUNTERS: &str = r"
    package shop:counters@1.2.3;

    interface types {
        record point { x: s32, y: s32 }
        enum color { red, green }
        resource counter {
            constructor(start: u32);
            increment: func(by: u32) -> u32;
            reset: static func(all: bool);
        }
        type id = u64;
    }

    interface api {
        use types.{counter, point as position};
        paint: func(at: position, tags: option<list<string>>) -> result<counter, string>;
        watch: async func(what: borrow<counter>);
    }

    world app {
        import types;
        import log: func(text: string);
        export api;
        export run: func() -> tuple<u8, f64>;
    }
";

/// Returns the items and their members as text, one line for each.
fn lines(items: &[WitItem]) -> Vec<String> {
    let mut lines = Vec::new();
    for item in items {
        let package = item.package.as_deref().unwrap_or("-");
        let version = item.version.as_deref().unwrap_or("-");
        lines.push(format!("{:?} {package} {} {version}", item.kind, item.name));
        let members = item.members.iter();
        lines.extend(members.map(|member| format!("  {}: {}", member.name, member.text)));
    }
    lines
}

#[test]
fn the_facts_list_functions_and_types() {
    let facts = WitFacts::of(&component(COUNTERS)).unwrap();
    assert_eq!(facts.source, WitSource::Component);
    assert_eq!((facts.text_is_cut, facts.left_out), (false, 0));
    assert_eq!(
        lines(&facts.imports),
        [
            "Interface shop:counters types 1.2.3",
            "  counter: resource counter",
            "  point: record point { x: s32, y: s32 }",
            "  counter.constructor: constructor(start: u32)",
            "  counter.increment: func(by: u32) -> u32",
            "  counter.reset: static func(all: bool)",
            "Function - log -",
            "  log: func(text: string)",
        ]
    );
    assert_eq!(
        lines(&facts.exports),
        [
            "Function - run -",
            "  run: func() -> tuple<u8, f64>",
            "Interface shop:counters api 1.2.3",
            "  counter: use types.{counter}",
            "  position: use types.{point as position}",
            "  paint: func(at: position, tags: option<list<string>>) -> result<counter, string>",
            "  watch: async func(what: borrow<counter>)",
        ]
    );
    assert!(
        facts
            .text
            .starts_with("package root:component;\n\nworld root {\n")
    );
}

#[test]
fn a_core_module_has_wit_if_a_world_is_embedded() {
    let facts = WitFacts::of(&core_module(COUNTERS)).unwrap();
    assert_eq!(facts.source, WitSource::Module);
    assert_eq!(facts.exports.len(), 2);
    let empty = wat::parse_str("(module)").unwrap();
    assert!(matches!(WitFacts::of(&empty), Err(WitError::CoreModule)));
}

#[test]
fn a_package_has_interfaces_and_worlds() {
    let facts = WitFacts::of(&package(COUNTERS)).unwrap();
    assert_eq!(facts.source, WitSource::Package);
    assert_eq!(facts.imports, []);
    let exports = facts.exports.iter();
    let exports: Vec<_> = exports
        .map(|item| (item.kind, &*item.name, item.members.len()))
        .collect();
    assert_eq!(
        exports,
        [
            (WitItemKind::Interface, "types", 7),
            (WitItemKind::Interface, "api", 4),
            (WitItemKind::World, "app", 1),
        ]
    );
    assert!(facts.text.starts_with("package shop:counters@1.2.3;\n"));
}

#[test]
fn facts_are_the_same_after_json() {
    let facts = WitFacts::of(&component(COUNTERS)).unwrap();
    let json = serde_json::to_string(&facts).unwrap();
    assert_eq!(serde_json::from_str::<WitFacts>(&json).unwrap(), facts);
}

/// Returns the contents of a file in `fixtures/wit`. Each `.wit` file has the output of `wasm-tools component wit` 1.263 for the `.wasm`
/// file of the same name.
fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/fixtures/wit/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).unwrap()
}

#[test]
fn the_text_is_that_of_wasm_tools() {
    let fixtures = [
        ("proxy", WitSource::Component),
        ("filter", WitSource::Component),
        ("package", WitSource::Package),
        ("embedded", WitSource::Module),
    ];
    for (name, source) in fixtures {
        let facts = WitFacts::of(&fixture(&format!("{name}.wasm"))).unwrap();
        let expected = String::from_utf8(fixture(&format!("{name}.wit"))).unwrap();
        assert_eq!(facts.text, expected, "{name}");
        assert_eq!(
            (facts.source, facts.text_is_cut, facts.left_out),
            (source, false, 0)
        );
    }
}

#[test]
fn interfaces_have_package_name_and_version() {
    let facts = WitFacts::of(&fixture("proxy.wasm")).unwrap();
    let name = |item: &WitItem| {
        let package = item.package.as_deref().unwrap();
        format!(
            "{package}/{}@{}",
            item.name,
            item.version.as_deref().unwrap()
        )
    };
    let imports: Vec<_> = facts.imports.iter().map(name).collect();
    assert_eq!(
        imports,
        [
            "wasi:io/error@0.2.0",
            "wasi:io/poll@0.2.0",
            "wasi:io/streams@0.2.0",
            "wasi:http/types@0.2.0",
            "wasi:http/outgoing-handler@0.2.0",
            "shop:proxy/access@1.0.0",
        ]
    );
    let exports: Vec<_> = facts.exports.iter().map(name).collect();
    assert_eq!(exports, ["wasi:http/incoming-handler@0.2.0"]);
}

#[test]
fn the_list_of_functions_is_bounded() {
    use std::fmt::Write as _;
    let functions = |count: u32| {
        let mut wit = "package a:b; interface i {".to_owned();
        for n in 0..count {
            write!(
                wit,
                "call{n}: func(some-parameter: list<tuple<string, string>>);"
            )
            .unwrap();
        }
        wit + "} world w { import i; }"
    };
    let facts = WitFacts::of(&package(&functions(10_000))).unwrap();
    let members = facts.exports[0].members.len();
    assert!(members > 1_000, "{members}");
    // `left_out` also counts two things that are not listed either: the world, and its only member.
    assert_eq!(facts.left_out, 10_000 - members + 2);
    assert!(facts.text_is_cut);
    assert!(facts.text.len() <= 512 << 10 && facts.text.ends_with('\n'));
    assert!(serde_json::to_string(&facts).unwrap().len() < 1 << 20);
}

#[test]
fn the_text_of_a_type_is_cut() {
    // The encoded type has a thousand bytes, but its text has a million words.
    let tuple = |item: &str, count| format!("(tuple{})", format!(" {item}").repeat(count));
    let wat = format!(
        r#"(component (type $t {}) (type $u {}) (import "f" (func (param "x" $u))))"#,
        tuple("u8", 1000),
        tuple("$t", 900)
    );
    let facts = WitFacts::of(&wat::parse_str(wat).unwrap()).unwrap();
    let text = &facts.imports[0].members[0].text;
    assert!(text.starts_with("func(x: tuple<tuple<u8, u8,"));
    assert!(text.ends_with('…') && text.len() < 4200, "{}", text.len());
    assert!(facts.text_is_cut && facts.text.len() < 512 << 10);
}

#[test]
fn a_long_chain_of_packages_is_read() {
    let mut wit = "package z:z; world w { import p299:p/i; }".to_owned();
    for n in 0..300 {
        let uses = match n {
            0 => "resource r;".to_owned(),
            _ => format!("use p{}:p/i.{{r}};", n - 1),
        };
        wit += &format!("package p{n}:p {{ interface i {{ {uses} }} }}");
    }
    let facts = WitFacts::of(&package(&wit)).unwrap();
    assert_eq!(facts.exports.len(), 1);
    assert!(facts.text.contains("import p299:p/i;"));
}
