//! What each screen shows.

use wasmstore::names::{ModuleRef, TreePath};
use wasmstore::store::{History, Revision};

use super::Web;
use crate::support::store::{branch, on, path};

const ADD: &str = r#"(module (import "env" "log" (func (param i32))) (memory (export "memory") 1)
    (func $math::add (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add) (data (i32.const 8) "some data")
    (@custom "description" "Adds numbers.") (@custom "licenses" "MIT"))"#;

const ADD_MORE: &str = r#"(module (memory (export "memory") 2)
    (func $math::add (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)
    (func $math::sub (export "sub") (param i32 i32) (result i32) local.get 0 local.get 1 i32.sub)
    (@custom "description" "Adds and subtracts numbers."))"#;

#[test]
fn a_directory_lists_modules_with_what_is_known_about_them() {
    let w = Web::new();
    w.put_wat("math/add.wasm", ADD);
    w.put_wat("math/add.wasm", ADD_MORE);
    w.put_wat("math/deep/er/x.wasm", "(module)");
    w.put_wat("top.wasm", "(component)");
    w.read_all();
    let first = w.page("/");
    first
        .is(200)
        .shows("top.wasm")
        .shows("component")
        .shows("Ann Lee")
        .shows(">math<");
    let math = w.page(first.link("/ui/tree/math?branch=main"));
    math.is(200)
        .shows("Adds and subtracts numbers.")
        .shows("core module")
        .shows("Wasm 1.0");
    math.shows("2 sizes, from").shows("deep");
    assert!(
        math.link("/ui/module/math/add.wasm?branch=main")
            .starts_with("/ui")
    );
    // A path that is no directory leads to what it is, or says what is missing.
    let response = w.send("GET", "/ui/tree/top.wasm", &[], "");
    assert_eq!(
        (response.status, response.header("location")),
        (303, Some("/ui/module/top.wasm?branch=main"))
    );
    let response = w.send("GET", "/ui/module/math", &[], "");
    assert_eq!(
        (response.status, response.header("location")),
        (303, Some("/ui/tree/math?branch=main"))
    );
    w.page("/ui/tree/none")
        .is(404)
        .shows("main has no directory /none");
    w.page("/ui/tree/top.wasm/below").is(404);
}

#[test]
fn a_large_directory_has_pages() {
    let w = Web::new();
    for n in 0..201 {
        w.put(&format!("many/m{n:03}.wasm"), n);
    }
    let first = w.page("/ui/tree/many");
    first
        .shows("m000.wasm")
        .shows("m099.wasm")
        .hides("m100.wasm")
        .shows("201 entries");
    let second = w.page(first.link("start=100"));
    second
        .hides("m099.wasm")
        .shows("m100.wasm")
        .shows("101–200 of 201");
    let last = w.page(second.link("start=200"));
    last.shows("m200.wasm")
        .hides("rel=\"next\"")
        .shows("rel=\"prev\"");
    w.page("/ui/tree/many?start=5000")
        .is(200)
        .shows("no entries here");
}

#[test]
fn an_empty_store_says_how_to_begin() {
    let w = Web::new();
    w.page("/")
        .is(200)
        .shows("There are no modules")
        .shows("curl --data-binary");
    for uri in [
        "/ui/history",
        "/ui/branches",
        "/ui/search",
        "/ui/search?q=kind:module",
        "/ui/status",
        "/ui/compare",
    ] {
        w.page(uri).is(200);
    }
}

#[test]
fn a_module_shows_interface_sizes_versions_metadata_and_how_to_get_it() {
    let w = Web::new();
    let first = w.put_wat("math/add.wasm", ADD);
    w.put_wat("math/add.wasm", ADD_MORE);
    let page = w.page("/ui/module/math/add.wasm");
    page.is(200)
        .shows("Exports (3)")
        .shows("None: it runs anywhere")
        .shows("2 versions")
        .shows("Version 1");
    page.shows("sha256sum -c")
        .shows("integrity: &quot;sha256-")
        .shows("git clone")
        .shows("wkg oci pull");
    page.shows("http://127.0.0.1:6384/api/v1/module/math/add.wasm")
        .shows("&quot;hash&quot;");
    page.shows("math::sub")
        .shows("class=\"icicle\"")
        .shows("aria-label=\"code: ");
    let old = w.page(&format!(
        "/ui/module/math/add.wasm?branch=main&commit={first}"
    ));
    old.shows("Adds numbers.")
        .shows("MIT")
        .shows("from <code><bdi>env</bdi></code>")
        .shows("At commit");
    old.shows(&format!("Wasmstore-Commit: {first}"))
        .hides("data-watch");
    page.shows("data-watch");
    // The download has the bytes and the name of the module.
    let raw = w.send(
        "GET",
        page.link("/ui/raw/math/add.wasm?branch=main"),
        &[],
        "",
    );
    assert_eq!(raw.body, wat::parse_str(ADD_MORE).unwrap());
    raw.has(
        "content-disposition",
        "attachment; filename*=UTF-8''add.wasm",
    );
    raw.has("content-type", "application/wasm");
    w.page("/ui/module/math/none.wasm")
        .is(404)
        .shows("main has no module /math/none.wasm");
}

#[test]
fn a_component_shows_its_wit() {
    let w = Web::new();
    w.put_bytes(
        None,
        "filter.wasm",
        include_bytes!("../../fixtures/wit/filter.wasm"),
    );
    let page = w.page("/ui/module/filter.wasm");
    page.shows("The world that the component implements")
        .shows("<span class=\"k\">world</span> root");
    page.shows("core module").hides("Exports (");
}

#[test]
fn a_removed_module_says_who_removed_it() {
    let w = Web::new();
    w.put("a.wasm", 1);
    let by_ann = wasmstore::store::Change {
        author: Some("Ann Lee <ann@example.org>".parse().unwrap()),
        ..on(None)
    };
    let name = ModuleRef::Path(path("a.wasm"));
    w.store
        .remove(&by_ann, &name, wasmstore::store::DirectoryRemoval::Refuse)
        .unwrap();
    w.page("/ui/module/a.wasm")
        .is(404)
        .shows("was removed from main by Ann Lee in commit");
    w.page("/ui/history/a.wasm")
        .is(200)
        .shows("removed")
        .shows("added");
}

#[test]
fn a_comparison_begins_with_the_verdict() {
    let w = Web::new();
    let old = w.put_wat("add.wasm", ADD);
    let new = w.put_wat("add.wasm", ADD_MORE);
    let page = w.page(&format!("/ui/compare?from={old}&to={new}&path=add.wasm"));
    page.is(200)
        .shows("verdict compatible")
        .shows("class=\"add\">+ <bdi>sub")
        .shows("class=\"del\">− <bdi>log");
    page.shows("math::sub").shows("Functions that grew");
    let back = w.page(&format!("/ui/compare?from={new}&to={old}&path=add.wasm"));
    back.shows("verdict breaking")
        .shows("What breaks")
        .shows("Functions that shrank");
    let all = w.page(&format!("/ui/compare?from={old}&to=main"));
    all.shows("verdict compatible").shows("1 module");
    let detail = all.link("&path=add.wasm");
    w.page(detail).shows("verdict compatible");
    w.page("/ui/compare?from=main&to=main")
        .shows("verdict same")
        .shows("Nothing differs");
    w.page("/ui/compare?from=main&to=gone")
        .is(404)
        .shows("there is no branch");
    w.page("/ui/compare?from=main&to=main&path=none").is(404);
}

#[test]
fn a_removed_module_is_a_breaking_change() {
    let w = Web::new();
    w.put("a.wasm", 1);
    let old = w.put("b.wasm", 2);
    let name = ModuleRef::Path(path("a.wasm"));
    w.store
        .remove(&on(None), &name, wasmstore::store::DirectoryRemoval::Refuse)
        .unwrap();
    let page = w.page(&format!("/ui/compare?from={old}&to=main"));
    page.shows("verdict breaking")
        .shows("1 module is gone")
        .shows("removed");
}

#[test]
fn the_history_has_lanes_and_leads_to_commits() {
    let w = Web::new();
    w.put("a.wasm", 1);
    w.store
        .create_branch(&branch("side"), &Revision::default())
        .unwrap();
    w.put_on(Some("side"), "b.wasm", 2);
    w.put("c.wasm", 3);
    w.store.merge(&on(None), &branch("side")).unwrap();
    let page = w.page("/ui/history");
    page.is(200)
        .shows("class=\"lane1\"")
        .shows(">merge<")
        .shows(">main<")
        .shows(">side<")
        .shows("c.wasm");
    let tip = w.tip();
    let commit = w.page(page.link(&format!("/ui/commit?branch=main&commit={tip}")));
    commit
        .is(200)
        .shows("1 module changed")
        .shows("b.wasm")
        .shows(&tip.to_string());
    w.page("/ui/history/a.wasm").is(200).shows("added");
    w.page("/ui/commit").is(400);
    let elsewhere = w.put_on(Some("side"), "d.wasm", 4);
    let after = format!("/ui/history?after={elsewhere}");
    w.page(&after)
        .is(404)
        .shows("is not in the history of main");
    let after = format!("/ui/history/a.wasm?after={elsewhere}");
    w.page(&after).is(404);
}

#[test]
fn a_long_history_has_pages() {
    let w = Web::new();
    for n in 0..90 {
        w.put("dir/a.wasm", n);
    }
    for uri in ["/ui/history", "/ui/history/dir", "/ui/history/dir/a.wasm"] {
        let (mut commits, mut url) = (0, Some(uri.to_owned()));
        while let Some(at) = url {
            let page = w.page(&at);
            commits += page.html.matches("name=\"from\"").count();
            let next = page
                .links
                .iter()
                .find(|link| link.contains("after=") || link.contains("start="));
            url = next.cloned();
        }
        // The root commit of a new store is empty.
        assert_eq!(commits, if uri == "/ui/history" { 91 } else { 90 }, "{uri}");
    }
}

#[test]
fn branches_show_what_a_merge_would_do() {
    let w = Web::new();
    w.put("a.wasm", 1);
    for name in ["side/a/b", "stuck"] {
        w.store
            .create_branch(&branch(name), &Revision::default())
            .unwrap();
    }
    w.put_on(Some("side/a/b"), "b.wasm", 2);
    w.put_on(Some("stuck"), "a.wasm", 3);
    w.put("a.wasm", 4);
    let list = w.page("/ui/branches");
    list.is(200)
        .shows("3 branches")
        .shows("side/a/b")
        .shows("default");
    let merge = w.page(list.link("/ui/merge?from=side%2Fa%2Fb&into=main"));
    merge
        .shows("A merge makes one commit.")
        .shows("b.wasm")
        .shows("added");
    let conflict = w.page(list.link("/ui/merge?from=stuck&into=main"));
    conflict.shows("1 conflict").shows("/a.wasm");
    w.page(conflict.link("&path=a.wasm"))
        .is(200)
        .shows("verdict");
    w.page("/ui/compare?from=main&to=side/a/b")
        .shows("See what a merge would change");
    // Nothing was merged, and nothing written.
    assert_eq!(w.content(), "/a.wasm=4");
    w.page("/ui/merge?from=main&into=stuck").shows("1 conflict");
    w.page("/ui/merge?from=main&into=main").is(400);
    w.page("/ui/merge?from=gone&into=main").is(404);
    w.page("/ui/tree?branch=side%2Fa%2Fb")
        .is(200)
        .shows("b.wasm");
}

#[test]
fn a_search_marks_what_it_found() {
    let w = Web::new();
    w.put_wat("math/add.wasm", ADD);
    w.put_wat("math/add.wasm", ADD_MORE);
    w.put_wat("other.wasm", "(module)");
    w.read_all();
    let found = w.page("/ui/search?q=export%3Asub");
    found
        .is(200)
        .shows("<mark><bdi>sub</bdi></mark>")
        .shows("math/add.wasm")
        .hides("other.wasm");
    w.page("/ui/search?q=subtracts")
        .shows("<mark>subtracts</mark>");
    let history = w.page("/ui/search?q=import:env.log&history=true");
    history.shows("math/add.wasm").shows("since commit");
    w.page("/ui/search?q=import:env.log")
        .shows("No module was found");
    w.page("/ui/search?q=size%3Educk")
        .is(200)
        .shows("malformed query")
        .shows("^");
    w.page("/ui/search").shows("The query language");
}

#[test]
fn a_search_for_a_word_without_result_suggests_exports() {
    let w = Web::new();
    w.put_wat("math/add.wasm", ADD);
    let found = w.page("/ui/search?q=su");
    found.shows("No module was found").shows("export:*su*");
    w.page("/ui/search?q=export:*ad*").shows("add.wasm");
    w.page("/ui/search?q=kind:component")
        .shows("No module was found")
        .hides("export:*");
}

#[test]
fn the_navigation_of_a_commit_leads_to_the_branch() {
    let w = Web::new();
    w.put_wat("math/add.wasm", ADD);
    let commit = w.tip();
    w.put_wat("math/add.wasm", ADD_MORE);
    let page = w.page(&format!("/ui/commit?branch=main&commit={commit}"));
    page.is(200).shows("href=\"/ui/tree?branch=main\"");
    w.page(&format!("/ui/tree/math?branch=main&commit={commit}"))
        .shows("href=\"/ui/history?branch=main\"");
}

#[test]
fn the_largest_functions_have_a_table_of_their_own() {
    let w = Web::new();
    w.put_wat("math/add.wasm", ADD);
    w.page("/ui/module/math/add.wasm")
        .shows("Largest functions, of 1")
        .shows("All parts");
}

#[test]
fn the_status_has_counts_and_tasks() {
    let w = Web::new();
    w.put("a.wasm", 1);
    w.page("/ui/status")
        .is(200)
        .shows("not scheduled")
        .shows("Default branch")
        .shows("no mirrors");
}

#[test]
fn what_is_gone_is_explained() {
    let w = Web::new();
    w.put("a.wasm", 1);
    w.store
        .create_branch(&branch("old"), &Revision::default())
        .unwrap();
    let dropped = w.put_on(Some("old"), "b.wasm", 2);
    let at_dropped = format!("/ui/tree?branch=old&commit={dropped}");
    w.store.catch_up(&Revision::Commit(dropped)).unwrap();
    w.store.delete_branch(&branch("old"), None).unwrap();
    w.page("/ui/tree?branch=old")
        .is(404)
        .shows("there is no branch &quot;old&quot;");
    w.store.gc(&on(None), History::Keep).unwrap();
    w.page(&at_dropped).is(410).shows("gc has deleted it");
    w.page(&format!("/ui/compare?from={dropped}&to=main"))
        .is(410);
    let never = "0123456789012345678901234567890123456789";
    w.page(&format!("/ui/commit?commit={never}"))
        .is(404)
        .shows("there is no commit");
    w.page("/ui/commit?commit=xyz").is(400);
    w.page("/ui/tree?branch=a..b").is(400);
    w.page("/ui/nothing")
        .is(404)
        .shows("there is no page /ui/nothing");
    assert!(
        w.store
            .list(&Revision::default(), &TreePath::root())
            .unwrap()
            .len()
            == 1
    );
}
