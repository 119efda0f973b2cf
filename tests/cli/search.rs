//! `search`.

use serde_json::json;

use crate::support::program::World;

#[test]
fn search_prints_hashes_and_paths_or_json() {
    let world = World::with_store("sha1");
    world.add("d/a", 1);
    world.add("b", 2);
    let (a, b) = (world.hash(1), world.hash(2));
    assert_eq!(
        world.ok(&["search", "kind:module"]),
        format!("{b}\t/b\n{a}\t/d/a\n")
    );
    assert_eq!(
        world.ok(&["search", "kind:module -path:d"]),
        format!("{b}\t/b\n")
    );
    let found = json!({ "path": "/d/a", "hash": a, "matched": [] });
    let found = json!({ "matches": [found], "pending": 0 });
    assert_eq!(world.json(&["search", "path:d"]), found);
    let none = world.run(&["search", "export:nothing"]);
    assert_eq!((&*none.out, &*none.err), ("", "no module matches\n"));
    assert_eq!(none.code, Some(0));
    assert_eq!(world.run(&["search", "-q", "export:nothing"]).err, "");
    assert_eq!(world.run(&["search", "export:nothing", "--json"]).err, "");
    assert_eq!(
        world.ok(&["search", "--", "-path:d", "kind:module"]),
        format!("{b}\t/b\n")
    );
}

#[test]
fn search_with_history_prints_commits() {
    let world = World::with_store("sha1");
    world.add("a", 1);
    let old = world.tip();
    world.add("a", 2);
    let expected = format!(
        "{old}\t{}\t/a\n{}\t{}\t/a\n",
        world.hash(1),
        world.tip(),
        world.hash(2)
    );
    assert_eq!(world.ok(&["search", "kind:module", "--history"]), expected);
    let args = ["search", "kind:module", "--commit", &old];
    assert_eq!(world.ok(&args), format!("{}\t/a\n", world.hash(1)));
}

#[test]
fn a_malformed_query_is_shown_with_a_caret() {
    let world = World::with_store("sha1");
    let err = world.run(&["search", "crate:tokio<1.40", "foo:bar"]).err;
    let lines: Vec<_> = err.lines().collect();
    assert!(
        lines[0].contains("malformed query: `foo:` is not a key"),
        "{err}"
    );
    assert_eq!(lines[1], "  crate:tokio<1.40 foo:bar");
    assert_eq!(lines[2], "                   ^");
    let kind = world.run(&["search", "kind:modul"]);
    let expected = "wasmstore: malformed query: `modul` is not a value of `kind:`: did you mean `kind:module`?\n  kind:modul\n       ^\n";
    assert_eq!((kind.code, &*kind.err), (Some(3), expected));
    assert_eq!(world.run(&["search"]).code, Some(2));
    let long = "x".repeat(100_000);
    let refused = world.run(&["search", &long]);
    assert_eq!(refused.code, Some(3));
    assert!(
        refused.err.contains("4096 are allowed"),
        "{} bytes",
        refused.err.len()
    );
}

#[test]
fn long_output_has_what_matched() {
    let world = World::with_store("sha1");
    let text = r#"(module (func (export "run")) (func (export "r\n0\t/x\u{202e}")))"#;
    let odd = wat::parse_str(text).unwrap();
    world.file("odd.wasm", &odd);
    let hash = world.ok(&["add", "odd.wasm"]);
    let hash = hash.trim();
    world.add("other", 1);
    let query = ["search", "export:r* -export:x", "size<9KB"];
    assert_eq!(world.ok(&query), format!("{hash}\t/odd.wasm\n"));
    // A name cannot forge a line.
    let escaped = "export r\\n0\\t/x\\u{202e}";
    let size = odd.len();
    let long = format!("{hash}\t/odd.wasm\n    export run\n    {escaped}\n    size {size} bytes\n");
    assert_eq!(world.ok(&[&query[..], &["-l"]].concat()), long);
    let json = world.json(&query);
    let names = ["export run", "export r\n0\t/x\u{202e}"].map(str::to_owned);
    let matched = [&names[..], &[format!("size {size} bytes")]].concat();
    assert_eq!(json["matches"][0]["matched"], json!(matched));
    let exports: String = (0..9)
        .map(|n| format!(r#"(func (export "many{n}"))"#))
        .collect();
    let many = wat::parse_str(format!("(module {exports})")).unwrap();
    world.file("many.wasm", many);
    world.ok(&["add", "many.wasm"]);
    let found = world.ok(&["search", "export:many*", "--long"]);
    assert!(
        found.ends_with("    export many3\n    and 5 more\n"),
        "{found}"
    );
    let json = world.json(&["search", "export:many*"]);
    assert_eq!(json["matches"][0]["matched_left_out"], 5);
}
