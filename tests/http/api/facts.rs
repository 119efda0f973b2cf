//! `/wit`, `/size`, and the facts in `/info`.

use serde_json::{Value, json};

use super::Api;
use crate::support::store::module;

const FILTER: &[u8] = include_bytes!("../../../fixtures/wit/filter.wasm");
const FILTER_WIT: &str = include_str!("../../../fixtures/wit/filter.wit");

fn put(api: &Api, path: &str, text: &str) -> String {
    let bytes = wat::parse_str(text).unwrap();
    let hash = api.hash_of(&bytes);
    api.post(&format!("/module/{path}"), bytes).is(200, &hash);
    hash
}

#[test]
fn wit_is_text_with_the_hash_as_its_tag() {
    let api = Api::new();
    let hash = api.hash_of(FILTER);
    api.post("/module/d/c.wasm", FILTER).is(200, &hash);
    let tag = format!("\"{hash}\"");
    for name in ["d/c.wasm", &hash] {
        let url = format!("/wit/{name}");
        let response = api.get(&url);
        response.is(200, FILTER_WIT);
        response
            .has("content-type", "text/plain; charset=utf-8")
            .has("etag", &tag)
            .has("vary", "Wasmstore-Branch, Wasmstore-Commit")
            .has("wasmstore-commit", &api.rev("main"));
        let unchanged = api.get_with(&url, &[("if-none-match", &tag)]);
        unchanged.is(304, "");
        unchanged.has("etag", &tag);
        let changed = api.get_with(&url, &[("if-none-match", "\"other\"")]);
        changed.is(200, FILTER_WIT);
    }
    let head = api.send_empty("HEAD", "/wit/d/c.wasm", &[]);
    assert_eq!((head.status, head.text()), (200, ""));
    head.has("content-length", &FILTER_WIT.len().to_string());
}

#[test]
fn wit_that_is_absent_is_404_with_the_reason() {
    let api = Api::new();
    api.put("d/a", 1);
    let reason =
        "cannot show the WIT of /d/a: a core module without a component-type section has no WIT";
    api.get("/wit/d/a").is(404, reason);
    for (name, status, detail) in [
        ("none", 404, "there is no module /none"),
        ("d", 404, "/d is a directory, not a module"),
        ("", 400, "a name is missing at the end of the URL"),
    ] {
        for endpoint in ["wit", "size"] {
            let response = api.get(&format!("/{endpoint}/{name}"));
            // Without a name, the URL may not be one of the API at all.
            if name.is_empty() {
                assert!([400, 404].contains(&response.status), "{endpoint}");
            } else {
                response.is(status, detail);
            }
        }
    }
    for endpoint in ["wit", "size"] {
        assert_eq!(api.get(&format!("/{endpoint}/.git")).status, 400);
        let at = [("wasmstore-branch", "nope")];
        let response = api.get_with(&format!("/{endpoint}/d/a"), &at);
        response.is(404, "there is no branch \"nope\"");
    }
}

/// A module with two functions, one of them with a symbol of Rust, and a data segment.
const SIZED: &str = r#"(module (memory 1)
    (func $_ZN7mycrate3foo17h0123456789abcdefE (drop (i32.const 1000)) (drop (i32.const 2000)))
    (func)
    (data (i32.const 16) "abc"))"#;

#[test]
fn size_lists_the_parts_of_a_module() {
    let api = Api::new();
    let hash = put(&api, "m", SIZED);
    let response = api.get("/size/m");
    response
        .has("content-type", "application/json")
        .has("etag", &format!("\"{hash}\""))
        .has("wasmstore-commit", &api.rev("main"));
    let sizes = response.json();
    assert_eq!(sizes["hash"], hash);
    assert_eq!(sizes["sections"]["size"], sizes["size"]);
    assert_eq!(sizes["sections"]["left_out"], 0);
    let names = sizes["sections"]["parts"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|part| part["name"].clone()).collect();
    assert_eq!(
        Value::from(names),
        json!([
            "header", "type", "function", "memory", "code", "data", "custom"
        ])
    );
    assert_eq!(sizes["sections"]["parts"][6]["custom"], "name");
    let symbol = "_ZN7mycrate3foo17h0123456789abcdefE";
    assert_eq!(
        sizes["functions"],
        json!({
            "parts": [
                { "name": "mycrate::foo", "size": 11, "symbol": symbol, "index": 0 },
                { "name": "func[1]", "size": 3, "index": 1 },
            ],
            "size": 14, "total": 2, "left_out": 0,
        })
    );
    assert_eq!(
        sizes["crates"],
        json!({
            "parts": [{ "name": "mycrate", "size": 11, "functions": 1 }],
            "size": 11, "total": 1, "left_out": 0,
        })
    );
    assert_eq!(
        sizes["data_segments"]["parts"],
        json!([{ "name": "data[0]", "size": 8, "index": 0, "memory": 0, "address": 16, "data_size": 3 }])
    );
}

#[test]
fn size_lists_the_requested_parts_only() {
    let api = Api::new();
    put(&api, "m", SIZED);
    let sizes = api.get("/size/m?by=function&top=1").json();
    assert_eq!(sizes["functions"]["parts"].as_array().unwrap().len(), 1);
    assert_eq!(sizes["functions"]["total"], 2);
    assert_eq!(sizes["functions"]["left_out"], 1);
    for absent in ["sections", "crates", "data_segments"] {
        assert!(sizes.get(absent).is_none(), "{absent}");
    }
    let sizes = api.get("/size/m?by=section&top=2").json();
    let parts = sizes["sections"]["parts"].as_array().unwrap();
    assert_eq!(parts[0]["custom"], "name");
    assert!(parts[0]["size"].as_u64() >= parts[1]["size"].as_u64());
    api.get("/size/m?top=0").is(400, "`top` must be at least 1");
    for malformed in ["by=line", "top=-1", "top=x"] {
        assert_eq!(api.get(&format!("/size/m?{malformed}")).status, 400);
    }
}

#[test]
fn the_types_of_a_later_page_are_those_of_its_items() {
    let api = Api::new();
    let text = r#"(module (import "a" "i" (global i32)) (import "a" "j" (global i64))
        (memory (export "m") 1) (func (export "f")))"#;
    put(&api, "m", text);
    let all = api.get("/info/m").json();
    for skip in 0..=4 {
        let page = api.get(&format!("/info/m?skip={skip}")).json();
        let imports = &all["imports"].as_array().unwrap()[skip.min(2)..];
        let exports = &all["exports"].as_array().unwrap()[skip.saturating_sub(2)..];
        assert_eq!(page["imports"], json!(imports), "{skip}");
        assert_eq!(page["exports"], json!(exports), "{skip}");
        assert_eq!(page["requires"], all["requires"]);
    }
    assert_eq!(all["imports"][1]["type"], "(global i64)");
    assert_eq!(all["exports"][1]["type"], "(func)");
}

#[test]
fn info_says_how_many_types_are_left_out() {
    let api = Api::new();
    let many = |count: usize| -> String {
        let exports = (0..count).map(|n| format!(r#"(export "name-{n:090}" (func 0))"#));
        format!("(module (func) {})", exports.collect::<String>())
    };
    put(&api, "few", &many(900));
    put(&api, "many", &many(3000));
    let few = api.get("/info/few").json();
    assert!(few.get("types_left_out").is_none(), "{few}");
    let info = api.get("/info/many").json();
    let exports = info["exports"].as_array().unwrap();
    let untyped = exports.iter().filter(|export| export.get("type").is_none());
    assert_eq!(exports.len(), 3000);
    assert_eq!(info["types_left_out"], json!(untyped.count()));
    assert!(
        info["types_left_out"].as_u64() > Some(1000),
        "{}",
        info["types_left_out"]
    );
}

#[test]
fn info_has_requirements_and_metadata() {
    let api = Api::new();
    let text = r#"(module (memory 1 1 shared) (func (drop (v128.const i64x2 0 0)))
        (@custom "description" "a b") (@custom "licenses" "MIT") (@custom ".dep-v0" "not zlib"))"#;
    put(&api, "m", text);
    let info = api.get("/info/m").json();
    assert_eq!(
        info["requires"],
        json!({ "standard": "2.0", "included": ["simd"], "proposals": ["threads"] })
    );
    assert_eq!(
        info["metadata"],
        json!({
            "description": "a b", "licenses": "MIT",
            "crates": { "unreadable": true, "items": [], "left_out": 0 },
        })
    );
}

#[test]
fn facts_are_read_from_a_commit() {
    let api = Api::new();
    let first = api.put("m", 1);
    let hash = api.hash_of(&module(1));
    put(&api, "m", SIZED);
    let at = [("wasmstore-commit", &*first.to_string())];
    assert_eq!(api.get_with("/size/m", &at).json()["hash"], hash);
}
