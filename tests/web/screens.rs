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
        .shows("has not run")
        .shows("Default branch")
        .shows("no mirrors");
}

#[test]
fn a_branch_with_a_commit_must_exist_and_the_status_counts_at_the_commit() {
    let w = Web::new();
    let first = w.put("a.wasm", 1);
    w.put("b.wasm", 2);
    for page in ["/ui/tree", "/ui/history", "/ui/status", "/ui/module/a.wasm"] {
        w.page(&format!("{page}?branch=none&commit={first}"))
            .is(404)
            .shows("there is no branch &quot;none&quot;");
    }
    let status = w.page(&format!("/ui/status?branch=main&commit={first}"));
    let short = &first.to_string()[..10];
    status.is(200).shows(&format!("on <bdi>{short}"));
    assert!(status.html.contains("<dd>1 <span"), "{}", status.html);
    // The field for the commit is empty, so that another branch that is selected is shown as it is now.
    let tree = w.page(&format!("/ui/tree?branch=main&commit={first}"));
    let (_, picker) = tree.html.split_once("id=\"pick-commit\"").unwrap();
    assert!(!picker.split('>').next().unwrap().contains("value="));
}

#[test]
fn names_are_taken_as_they_are() {
    let w = Web::new();
    w.put("a.wasm", 1);
    let odd = "main\u{a0}";
    w.store
        .create_branch(&branch(odd), &Default::default())
        .unwrap();
    w.put_on(Some(odd), "only here.wasm", 2);
    let encoded = "main%C2%A0";
    w.page(&format!("/ui/tree?branch={encoded}"))
        .is(200)
        .shows("only here.wasm");
    w.page(&format!("/ui/merge?from={encoded}&into=main"))
        .is(200)
        .shows("only here.wasm");
    w.page(&format!("/ui/compare?from=main&to={encoded}"))
        .is(200)
        .shows("only here.wasm");
    let old = w.put("a.wasm ", 3);
    let new = w.put("a.wasm ", 4);
    // Spaces around an id are those of whoever pasted it.
    w.page(&format!(
        "/ui/compare?from=%20{old}%20&to={new}&path=a.wasm%20"
    ))
    .is(200)
    .shows("verdict")
    .shows(&format!("to={old}"));
    w.page("/ui/compare?from=main&to=main&path=none%20").is(404);
}

/// Adds commits that change nothing to a new branch on top of another one.
fn add_commits(w: &Web, branch: &str, from: &str, count: usize) {
    let mut stream = String::new();
    for n in 0..count {
        let time = 1_800_000_000 + n;
        stream.push_str(&format!(
            "commit refs/heads/{branch}\ncommitter A <a@b> {time} +0000\ndata 1\nc\n"
        ));
        if n == 0 {
            stream.push_str(&format!("from {from}\n"));
        }
    }
    crate::support::store::git_with_input(&w.root, &["fast-import", "--quiet"], stream);
}

#[test]
fn commits_ahead_and_behind_are_counted_up_to_a_limit() {
    let w = Web::new();
    let first = w.put("a.wasm", 1);
    add_commits(&w, "far", &first.to_string(), 1_200);
    add_commits(&w, "near", "refs/heads/far^0", 3);
    w.put("b.wasm", 2);
    let relation = |ours: &str, theirs: &str| {
        let tip = |name| w.store.snapshot(&Revision::Branch(Some(branch(name))));
        let relation = w.store.relation(tip(ours).unwrap(), tip(theirs).unwrap());
        let relation = relation.unwrap();
        let [ahead, behind] = [relation.ahead, relation.behind];
        [
            (ahead.count, ahead.has_more),
            (behind.count, behind.has_more),
        ]
    };
    assert_eq!(relation("far", "main"), [(1000, true), (1, false)]);
    assert_eq!(relation("main", "far"), [(1, false), (1000, true)]);
    assert_eq!(relation("near", "far"), [(3, false), (0, false)]);
    assert_eq!(relation("far", "far"), [(0, false), (0, false)]);
    w.page("/ui/branches").is(200).shows("near");
}

#[test]
fn a_page_far_back_in_a_history_is_that_of_an_older_commit() {
    let w = Web::new();
    let first = w.put("a.wasm", 1);
    add_commits(&w, "long", &first.to_string(), 20_100);
    let commit = |back: usize| {
        w.git(&["rev-parse", &format!("long~{back}")])
            .trim()
            .to_owned()
    };
    w.page(&format!("/ui/history?branch=long&after={}", commit(19_000)))
        .is(200);
    let far = commit(20_050);
    let uri = format!("/ui/history?branch=long&after={far}");
    let response = w.send("GET", &uri, &[("accept", "text/html")], "");
    let older = format!("/ui/history?branch=long&commit={far}");
    assert_eq!(
        (response.status, response.header("location")),
        (303, Some(older.as_str()))
    );
    w.page(&older).is(200).shows(&far[..10]);
    w.page("/ui/history/a.wasm?start=0").is(200);
    w.page("/ui/history/dir?start=20001")
        .is(400)
        .shows("is at most");
}

#[test]
fn a_signed_commit_has_a_badge() {
    let w = Web::new();
    w.put("a.wasm", 1);
    w.page("/ui/history").hides(">signed<");
    let tree = w.git(&["rev-parse", "main^{tree}"]);
    let text = format!(
        "tree {tree}parent {}author A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\ngpgsig -----BEGIN SSH SIGNATURE-----\n U1NI\n -----END SSH SIGNATURE-----\n\nSign\n",
        w.git(&["rev-parse", "main"])
    );
    let write = ["hash-object", "-t", "commit", "-w", "--stdin"];
    let signed = crate::support::store::git_with_input(&w.root, &write, text);
    w.git(&["update-ref", "refs/heads/main", signed.trim()]);
    w.page("/ui/history").is(200).shows(">signed<");
    let commit = format!("/ui/commit?commit={}", signed.trim());
    w.page(&commit).shows(">signed<");
}

#[test]
fn pages_are_made_once_more_if_gc_squashes_the_branch_meanwhile() {
    let w = Web::new();
    for n in 0..10 {
        w.put("m/a.wasm", n);
    }
    let is_done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|threads| {
        let collect = || {
            for n in 0..20 {
                w.put("m/a.wasm", n + 100);
                w.put("m/b.wasm", n);
                w.store.gc(&on(None), History::Squash).unwrap();
            }
            is_done.store(true, std::sync::atomic::Ordering::Relaxed);
        };
        threads.spawn(collect);
        while !is_done.load(std::sync::atomic::Ordering::Relaxed) {
            for uri in [
                "/",
                "/ui/tree/m",
                "/ui/module/m/a.wasm",
                "/ui/history",
                "/ui/branches",
            ] {
                w.page(uri).is(200);
            }
        }
    });
}

#[test]
fn what_a_sign_means_is_said_in_words_too() {
    let w = Web::new();
    w.put("a.wasm", 1);
    w.put("a.wasm", 2);
    w.page("/ui/history")
        .shows("<span class=\"sr\">added</span>")
        .shows("<span class=\"sr\">updated</span>");
    let chart = w.page("/ui/module/a.wasm").html;
    assert_eq!(chart.matches("data-level=\"0\" tabindex=\"0\"").count(), 1);
    assert!(
        !chart.contains("data-level=\"1\" tabindex=\"0\""),
        "one stop for the whole chart"
    );
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
    w.page("/ui/commit?commit=xyz").is(404).shows("xyz");
    w.page("/ui/commit?commit=x..z").is(400);
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
