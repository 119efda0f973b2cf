//! `GET /search`.

use serde_json::json;

use super::Api;
use crate::support::store::module;

#[test]
fn a_search_returns_matches_in_pages() {
    let s = Api::new();
    let tip = ["a", "b", "d/c"].map(|path| s.put(path, 1)).len();
    assert_eq!(tip, 3);
    s.store.complete_facts(&Default::default()).unwrap();
    let hash = s.hash_of(&module(1));
    let first = s.get("/search?q=kind:module&limit=2");
    assert_eq!(first.status, 200, "{}", first.text());
    let expected = json!({
        "matches": [
            { "path": "/a", "hash": hash, "matched": ["kind module"] },
            { "path": "/b", "hash": hash, "matched": ["kind module"] },
        ],
        "pending": 0,
    });
    assert_eq!(first.json(), expected);
    assert_eq!(first.headers["wasmstore-commit"], *s.rev("main"));
    let link = first.headers["link"].to_str().unwrap();
    assert_eq!(link, "<?q=kind%3Amodule&limit=2&after=b>; rel=\"next\"");
    let query = link.split(['<', '>']).nth(1).unwrap();
    let second = s.get(&format!("/search{query}"));
    let expected = json!({ "path": "/d/c", "hash": hash, "matched": ["kind module"] });
    assert_eq!(
        second.json(),
        json!({ "matches": [expected], "pending": 0 })
    );
    assert!(!second.headers.contains_key("link"));
    let plain = s.get("/search?q=kind:module&limit=1&matched=false");
    let expected = json!([{ "path": "/a", "hash": hash }]);
    assert_eq!(plain.json()["matches"], expected);
    let link = plain.headers["link"].to_str().unwrap();
    assert!(link.contains("&matched=false&"), "{link}");
}

#[test]
fn a_search_of_the_history_names_commits() {
    let s = Api::new();
    s.put("a", 1);
    let old = s.rev("main");
    s.put("a", 2);
    s.store.complete_facts(&Default::default()).unwrap();
    let found = s.get("/search?q=kind:module&history=true&limit=1");
    let hash = s.hash_of(&module(1));
    let expected =
        json!([{ "path": "/a", "hash": hash, "commit": old, "matched": ["kind module"] }]);
    assert_eq!(found.json()["matches"], expected);
    let link = found.headers["link"].to_str().unwrap();
    assert!(link.contains("&history=true&skip=1>"), "{link}");
}

#[test]
fn malformed_searches_are_rejected_with_the_position() {
    let s = Api::new();
    let text = s.get("/search?q=a%20foo:b").text().to_owned();
    assert!(text.contains("`foo:` is not a key"), "{text}");
    assert!(text.contains(" (at character 3)"), "{text}");
    for query in [
        "",
        "?q=",
        "?q=a&limit=0",
        "?q=%22",
        "?q=a&after=%00",
        "?q=-",
    ] {
        assert_eq!(s.get(&format!("/search{query}")).status, 400, "{query}");
    }
    let many = "x%20".repeat(65);
    assert_eq!(s.get(&format!("/search?q={many}")).status, 400);
    let missing = s.send(
        "GET",
        &super::api("/search?q=a"),
        &[("wasmstore-branch", "none")],
        "",
    );
    assert_eq!(missing.status, 404);
}
