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
    let found = json!({ "matches": [{ "path": "/d/a", "hash": a }], "pending": 0 });
    assert_eq!(world.json(&["search", "path:d"]), found);
    assert_eq!(world.ok(&["search", "export:nothing"]), "");
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
