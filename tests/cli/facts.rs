//! `wit` and `size`.

use serde_json::json;

use crate::support::program::World;

const FILTER: &[u8] = include_bytes!("../../fixtures/wit/filter.wasm");
const FILTER_WIT: &str = include_str!("../../fixtures/wit/filter.wit");

/// Creates a store with the module `m.wasm`, which has a function with a control character in its name, and a data segment.
fn world_with_module() -> World {
    let world = World::with_store("sha1");
    let text = r#"(module (memory 1) (func (export "a\1bb") (drop (i32.const 1))) (func) (data (i32.const 16) "abc"))"#;
    world.file("m.wasm", wat::parse_str(text).unwrap());
    world.changes(&["add", "m.wasm"]);
    world
}

#[test]
fn wit_prints_the_text() {
    for world in World::each() {
        world.file("c.wasm", FILTER);
        let hash = world.changes(&["add", "c.wasm"]);
        assert_eq!(world.ok(&["wit", "c.wasm"]), FILTER_WIT);
        assert_eq!(world.ok(&["wit", hash.trim()]), FILTER_WIT);
        assert_eq!(world.json(&["wit", "c.wasm"]), json!({ "wit": FILTER_WIT }));
    }
}

#[test]
fn a_module_without_wit_is_not_found() {
    let world = world_with_module();
    assert_eq!(
        world.fails(1, &["wit", "m.wasm"]),
        "cannot show the WIT of /m.wasm: a core module without a component-type section has no WIT"
    );
    for command in ["wit", "size"] {
        let absent = world.fails(1, &[command, "none.wasm"]);
        assert_eq!(absent, "there is no module /none.wasm");
        world.fails(3, &[command, "a\u{1}"]);
    }
}

#[test]
fn size_prints_a_table() {
    let world = world_with_module();
    let sections = world.ok(&["size", "m.wasm"]);
    let lines: Vec<_> = sections.lines().collect();
    assert_eq!(lines[0], "bytes   share  section");
    assert!(lines[1].starts_with("    8  ") && lines[1].ends_with("%  header"));
    assert!(
        lines.last().unwrap().ends_with("  100.0%  all 7"),
        "{sections}"
    );
    let size = std::fs::metadata(world.path("m.wasm")).unwrap().len();
    assert!(lines.last().unwrap().starts_with(&format!("{size:>5}")));
    let functions = world.ok(&["size", "m.wasm", "--by", "function"]);
    let names: Vec<_> = functions
        .lines()
        .map(|line| line.rsplit("  ").next().unwrap())
        .collect();
    assert_eq!(names, ["function", "a\\u{1b}b", "func[1]", "all 2"]);
    let first = world.ok(&["size", "m.wasm", "--by", "function", "--top", "1"]);
    assert!(first.ends_with("  1 of 2\n"), "{first}");
    let data = world.ok(&["size", "m.wasm", "--by", "data"]);
    assert!(data.contains("  data[0] at 0x10\n"), "{data}");
    let json = world.json(&["size", "m.wasm", "--by", "crate"]);
    let none = json!({ "parts": [], "size": 0, "total": 0, "left_out": 0 });
    assert_eq!((&json["crates"], json.get("sections")), (&none, None));
}

#[test]
fn size_rejects_unknown_parts_and_a_top_of_zero() {
    let world = world_with_module();
    for args in [["--by", "line"], ["--top", "0"], ["--top", "-1"]] {
        let run = world.run(&[&["size", "m.wasm"][..], &args].concat());
        assert_eq!(run.code, Some(2), "{args:?}");
    }
}
