//! Every link of every page leads somewhere.

use std::collections::{BTreeSet, VecDeque};

use wasmstore::http::ServerOptions;
use wasmstore::names::ModuleRef;
use wasmstore::store::Revision;

use super::Web;
use crate::support::store::{branch, on, path};

/// The most pages that are followed.
const PAGES_MAX: usize = 400;

/// Makes a store with a merge, a removal, a rollback, odd names, a component, and branches.
fn fill(w: &Web) {
    w.put("math/add.wasm", 1);
    w.put("math/add.wasm", 2);
    w.put("odd/a b?#%&.wasm", 3);
    w.put_bytes(
        None,
        "wit/filter.wasm",
        include_bytes!("../../fixtures/wit/filter.wasm"),
    );
    w.store
        .create_branch(&branch("side/x"), &Revision::default())
        .unwrap();
    w.put_on(Some("side/x"), "math/sub.wasm", 4);
    w.store.merge(&on(None), &branch("side/x")).unwrap();
    w.put_on(Some("side/x"), "math/add.wasm", 5);
    w.store
        .rollback(&on(None), &"math/add.wasm".parse().unwrap())
        .unwrap();
    let name = ModuleRef::Path(path("math/sub.wasm"));
    w.store
        .remove(&on(None), &name, wasmstore::store::DirectoryRemoval::Refuse)
        .unwrap();
    w.git(&["tag", "light"]);
    w.git(&["tag", "-a", "v1/a&b", "-m", "x"]);
    w.read_all();
}

/// Follows all links below `base` from the first page on, and returns their URLs.
fn crawl(w: &Web, base: &str) -> BTreeSet<String> {
    let first = format!("{base}/");
    let mut seen = BTreeSet::from([first.clone()]);
    let mut todo = VecDeque::from([first]);
    let mut pages = 0;
    while let Some(uri) = todo.pop_front() {
        let below = uri
            .strip_prefix(base)
            .unwrap_or_else(|| panic!("{uri} is not below {base}"));
        let is_page = below == "/"
            || below.starts_with("/ui/")
                && !below.starts_with("/ui/raw/")
                && !below.starts_with("/ui/assets/");
        if !is_page || pages >= PAGES_MAX {
            let response = w.send("GET", &uri, &[], "");
            // A form without its fields, and the WebSocket, need more than a link.
            assert!(
                response.status < 400 || response.status == 426,
                "{uri}: {}",
                response.status
            );
            continue;
        }
        pages += 1;
        let page = w.page(&uri);
        assert_eq!(page.status, 200, "{uri}");
        for link in page.links {
            if seen.insert(link.clone()) {
                todo.push_back(link);
            }
        }
    }
    seen
}

#[test]
fn every_link_leads_somewhere() {
    let w = Web::new();
    fill(&w);
    let seen = crawl(&w, "");
    assert!(seen.len() > 100, "{}", seen.len());
    for screen in [
        "tree", "module", "raw", "compare", "commit", "history", "branches", "tags", "merge",
        "search", "status", "assets",
    ] {
        let start = format!("/ui/{screen}");
        assert!(
            seen.iter().any(|link| link.starts_with(&start)),
            "no page leads to {start}"
        );
    }
}

#[test]
fn every_link_is_below_the_base_path() {
    let w = Web::with(ServerOptions {
        base_path: "/store/x".parse().unwrap(),
        ..ServerOptions::default()
    });
    w.put("math/add.wasm", 1);
    w.put("math/add.wasm", 2);
    w.read_all();
    let seen = crawl(&w, "/store/x");
    assert!(seen.len() > 40, "{}", seen.len());
    w.page("/store/x/ui/module/math/add.wasm")
        .shows("http://127.0.0.1:6384/store/x/api/v1/module/math/add.wasm");
}
