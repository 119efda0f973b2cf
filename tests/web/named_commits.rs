//! Pages of commits that a URL names by something other than the id.

use wasmstore::http::{Keys, ServerOptions};
use wasmstore::store::Revision;

use super::Web;
use crate::support::store::branch;

#[test]
fn a_page_finds_a_commit_by_every_name() {
    let w = Web::new();
    let first = w.put("a.wasm", 1);
    w.put("b.wasm", 2);
    w.git(&["tag", "rel/1", &first.to_string()]);
    w.git(&["tag", "-a", "-m", "One", "v1", &first.to_string()]);
    w.store
        .create_branch(&branch("dev"), &Revision::Commit(first))
        .unwrap();
    w.put_on(Some("dev"), "c.wasm", 3);
    let digits = &first.to_string()[..10];
    for query in [
        format!("commit={digits}"),
        format!("commit=+{digits}+"),
        "commit=main~1".to_owned(),
        "commit=main%5E".to_owned(),
        "commit=HEAD~1".to_owned(),
        "commit=rel%2F1".to_owned(),
        "commit=v1".to_owned(),
        "commit=refs/tags/v1".to_owned(),
        "branch=dev&commit=@~1".to_owned(),
    ] {
        let page = w.page(&format!("/ui/tree?{query}"));
        page.is(200)
            .shows("At commit")
            .shows("a.wasm")
            .hides("b.wasm")
            .hides("c.wasm");
        // The links have the id, so that they lead to the same commit even if the name moves.
        page.link(&format!("commit={first}"));
        w.page(&format!("/ui/commit?{query}")).is(200);
        let raw = w.send("GET", &format!("/ui/raw/a.wasm?{query}"), &[], "");
        assert_eq!(raw.status, 200, "{query}");
        let raw = w.send("GET", &format!("/ui/raw/b.wasm?{query}"), &[], "");
        assert_eq!(raw.status, 404, "{query}");
    }
}

#[test]
fn a_page_of_a_name_follows_it() {
    let w = Web::new();
    w.put("a.wasm", 1);
    w.put("b.wasm", 2);
    w.read_all();
    let before = w.page("/ui/tree?commit=main~1");
    before.shows("a.wasm").hides("b.wasm");
    let tag = before.response.header("etag").unwrap().to_owned();
    let again = |uri: &str| w.send("GET", uri, &[("if-none-match", &tag)], "").status;
    assert_eq!(again("/ui/tree?commit=main~1"), 304);
    w.put("c.wasm", 3);
    assert_eq!(again("/ui/tree?commit=main~1"), 200);
    w.page("/ui/tree?commit=main~1")
        .shows("b.wasm")
        .hides("c.wasm");
}

#[test]
fn a_name_without_a_commit_is_explained() {
    let w = Web::new();
    w.put("a.wasm", 1);
    for (name, status, text) in [
        ("gone", 404, "gone"),
        ("0123456", 404, "0123456"),
        ("main~9", 404, "main~9"),
        ("a..b", 400, "a..b"),
        ("main~x", 400, "main~x"),
        ("main@{tomorrow}", 400, "tomorrow"),
    ] {
        let name = name.replace('{', "%7B").replace('}', "%7D");
        let uri = format!("/ui/tree?commit={name}");
        w.page(&uri).is(status).shows(text);
    }
    w.page("/ui/tree?branch=none&commit=main~1").is(404);
}

/// The form for signing in is the same for every name.
#[test]
fn clients_without_a_key_do_not_learn_which_names_exist() {
    let keys = Keys::parse("reader:GET").unwrap();
    let w = Web::with(ServerOptions {
        keys: Some(keys.into()),
        ..ServerOptions::default()
    });
    w.put("a.wasm", 1);
    for name in ["main", "gone", "HEAD~1", "HEAD~9"] {
        w.page(&format!("/ui/login?commit={name}")).is(200);
        let tree = w.send("GET", &format!("/ui/tree?commit={name}"), &[], "");
        assert_eq!(tree.status, 401, "{name}");
    }
}
