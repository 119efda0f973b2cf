//! `POST /world`.

use serde_json::json;

use super::{Api, api};
use crate::support::store::module;

const WIT: &str = "package a:b; world small { import log: func(); } world runner { import log: func(); export run: func(); }";

const IMPORTER: &str = r#"(component (import "log" (func)))"#;
const EXPORTER: &str = r#"(component (core module $m (func (export "run"))) (core instance $i (instantiate $m))
    (func (export "run") (canon lift (core func $i "run"))))"#;

fn components() -> Api {
    let s = Api::new();
    s.put("core", 1);
    for (path, text) in [("c/a", IMPORTER), ("c/b", EXPORTER), ("d", EXPORTER)] {
        let put = s.post(&format!("/module/{path}"), wat::parse_str(text).unwrap());
        assert_eq!(put.status, 200, "{}", put.text());
    }
    s
}

#[test]
fn components_that_fit_are_listed_in_pages() {
    let s = components();
    let hash = s.rev("main:c/b");
    let state = s.state();
    let found = s.post("/world?name=runner", WIT);
    let expected = json!([
        { "path": "/c/b", "hash": hash, "reasons": [] },
        { "path": "/d", "hash": hash, "reasons": [] },
    ]);
    assert_eq!((found.status, found.json()), (200, expected.clone()));
    assert_eq!(found.headers["wasmstore-commit"], *s.rev("main"));
    found.lacks("link");
    let first = s.post("/world?name=runner&limit=1", WIT);
    assert_eq!(first.json()[0], expected[0]);
    first.has(
        "link",
        "<?limit=1&after=c/b&path=&name=runner>; rel=\"next\"",
    );
    let link = first.header("link").unwrap();
    let second = s.post(
        &format!("/world{}", link.split(['<', '>']).nth(1).unwrap()),
        WIT,
    );
    assert_eq!(second.json(), json!([expected[1]]));
    second.lacks("link");
    assert_eq!(
        s.post("/world?name=small&path=c", WIT)
            .json()
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(s.post("/world?name=small&after=d", WIT).json(), json!([]));
    assert_eq!(s.state(), state, "nothing is changed");
}

#[test]
fn one_module_has_its_reasons() {
    let s = components();
    let found = s.post("/world?name=runner&path=c/a", WIT);
    let reason = "the component does not export the function `run`, which the world does";
    let expected = json!([{ "path": "/c/a", "hash": s.rev("main:c/a"), "reasons": [reason] }]);
    assert_eq!((found.status, found.json()), (200, expected));
    let core = s.post("/world?name=small&path=core", WIT).json();
    let reason = "a core module without a component-type section has no WIT";
    assert_eq!(core[0]["reasons"], json!([reason]));
    assert_eq!(core[0]["hash"], s.hash_of(&module(1)));
    let old = s.rev("main~1");
    let at = [("wasmstore-commit", old.as_str())];
    assert_eq!(
        s.send("POST", &api("/world?name=runner"), &at, WIT)
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn modules_without_facts_are_checked() {
    let s = components();
    std::fs::remove_dir_all(s.root.join("wasmstore")).unwrap();
    let s = Api::on(s.scratch, Default::default(), Default::default());
    assert_eq!(
        s.post("/world?name=runner", WIT)
            .json()
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn malformed_requests_are_rejected() {
    let s = components();
    for (query, body, reason) in [
        ("", WIT, "multiple worlds"),
        ("?name=none", WIT, "`none` not found"),
        ("", "", "no `package` header"),
        (
            "",
            "package a:b; world w { import c:d/e; }",
            "(line 1, column 31)",
        ),
        ("?name=small&limit=0", WIT, "`limit` must be at least 1"),
        ("?name=small&after=%00", WIT, "control character"),
        ("?name=small&path=a/../b", WIT, "path segment"),
    ] {
        let refused = s.post(&format!("/world{query}"), body);
        assert_eq!(refused.status, 400, "{query} {body}: {}", refused.text());
        assert!(
            refused.text().contains(reason),
            "{query}: {}",
            refused.text()
        );
    }
    assert_eq!(s.post("/world", " ".repeat((512 << 10) + 1)).status, 413);
    let gzip = s.send("POST", &api("/world"), &[("content-encoding", "gzip")], WIT);
    assert_eq!(gzip.status, 415);
    let missing = s.post("/world?name=small&path=none", WIT);
    missing.is(404, "there is no module /none");
    let branch = s.send(
        "POST",
        &api("/world?name=small"),
        &[("wasmstore-branch", "none")],
        WIT,
    );
    assert_eq!(branch.status, 404);
    assert_eq!(s.get("/world").status, 405);
}
