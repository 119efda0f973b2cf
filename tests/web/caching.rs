//! Entity tags, compression, and the files that pages load.

use wasmstore::names::ModuleRef;

use super::Web;
use crate::support::store::{branch, git_with_input, on, path};

#[test]
fn a_page_of_a_commit_is_not_sent_twice() {
    let w = Web::new();
    w.put("math/add.wasm", 1);
    w.read_all();
    for uri in [
        "/",
        "/ui/tree/math",
        "/ui/module/math/add.wasm",
        "/ui/history",
        "/ui/history/math/add.wasm",
        "/ui/search?q=add",
        "/ui/compare?from=main&to=main",
    ] {
        let tag = w.page(uri).response.header("etag").map(str::to_owned);
        let tag = tag.unwrap_or_else(|| panic!("{uri} has no entity tag"));
        assert!(tag.starts_with("W/\""), "{tag}");
        let accept = ("accept", "text/html");
        let again = w.send("GET", uri, &[accept, ("if-none-match", &tag)], "");
        assert_eq!((again.status, again.body.len()), (304, 0), "{uri}");
        again.has("etag", &tag);
    }
    let tag = w.page("/").response.header("etag").unwrap().to_owned();
    w.put("math/sub.wasm", 2);
    w.read_all();
    let changed = w.page_with("/", &[("if-none-match", &tag)]);
    changed.is(200);
    assert_ne!(changed.response.header("etag"), Some(tag.as_str()));
    // Another branch to select is another page.
    let tag = changed.response.header("etag").unwrap().to_owned();
    w.store
        .create_branch(&"new".parse().unwrap(), &Default::default())
        .unwrap();
    w.page_with("/", &[("if-none-match", &tag)])
        .is(200)
        .shows("new");
}

/// Loads a page, changes something, and loads the page with the entity tag of the first one.
#[track_caller]
fn reloaded(w: &Web, uri: &str, first: &str, change: impl FnOnce()) -> super::CheckedPage {
    let page = w.page(uri);
    page.is(200).shows(first);
    let tag = page.response.header("etag").expect("an entity tag");
    change();
    w.page_with(uri, &[("if-none-match", tag)])
}

#[test]
fn a_page_of_a_commit_follows_the_newest_commit_of_its_branch() {
    let w = Web::new();
    let old = w.put("m/a.wasm", 1);
    w.put("m/a.wasm", 2);
    w.read_all();
    let name = ModuleRef::Path(path("m/a.wasm"));
    for uri in [
        format!("/ui/module/m/a.wasm?branch=main&commit={old}"),
        format!("/ui/tree/m?branch=main&commit={old}"),
    ] {
        w.put("m/a.wasm", 3);
        let remove = || {
            let refuse = wasmstore::store::DirectoryRemoval::Refuse;
            w.store.remove(&on(None), &name, refuse).unwrap();
        };
        let gone = reloaded(&w, &uri, "Show the newest", remove);
        gone.is(200).shows("The branch has nothing here now.");
    }
}

#[test]
fn the_command_for_oci_clients_is_that_of_the_module_there_now() {
    let w = Web::new();
    let old = w.put("m/a.wasm", 1);
    w.read_all();
    let uri = format!("/ui/module/m/a.wasm?branch=main&commit={old}");
    let replace = || {
        w.put("m/a.wasm", 2);
    };
    // The tag of the page without a branch depends on nothing else that has changed.
    reloaded(&w, &uri, "wkg oci pull", replace)
        .is(200)
        .hides("wkg oci pull");
    w.store
        .create_branch(&branch("side"), &Default::default())
        .unwrap();
    let replace = || {
        w.put("m/a.wasm", 3);
    };
    reloaded(
        &w,
        "/ui/module/m/a.wasm?branch=side",
        "wkg oci pull",
        replace,
    )
    .is(200)
    .hides("wkg oci pull");
}

#[test]
fn a_history_names_the_branches_that_point_to_its_commits_now() {
    let w = Web::new();
    let first = w.put("a.wasm", 1);
    w.put("a.wasm", 2);
    w.store
        .create_branch(&branch("side"), &Default::default())
        .unwrap();
    let uri = format!("/ui/history?branch=main&commit={first}");
    let reset = || {
        w.git(&["update-ref", "refs/heads/side", &first.to_string()]);
    };
    reloaded(&w, &uri, "History", reset).is(200).shows(">side<");
}

#[test]
fn a_comparison_of_branches_follows_both() {
    let w = Web::new();
    w.put("a.wasm", 1);
    w.store
        .create_branch(&branch("side"), &Default::default())
        .unwrap();
    let uri = "/ui/compare?from=main&to=side";
    let put = || {
        w.put_on(Some("side"), "b.wasm", 2);
    };
    reloaded(&w, uri, "Nothing differs", put)
        .is(200)
        .shows("b.wasm");
}

#[test]
fn a_page_with_unread_modules_is_asked_for_again() {
    let w = Web::new();
    w.put("a.wasm", 1);
    // Another program adds a module.
    let module = crate::support::store::module(2);
    let blob = git_with_input(&w.root, &["hash-object", "-w", "--stdin"], module);
    let listed = format!("100644 blob {}\tb.wasm\n", blob.trim());
    let tree = git_with_input(&w.root, &["mktree"], listed);
    let commit = w.git(&["commit-tree", "-m", "b", "-p", "main", tree.trim()]);
    w.git(&["update-ref", "refs/heads/main", commit.trim()]);
    w.page("/").shows("not read yet").response.lacks("etag");
    w.read_all();
    let page = w.page("/");
    page.hides("not read yet");
    assert!(page.response.header("etag").is_some());
}

#[test]
fn pages_are_compressed() {
    let w = Web::new();
    for n in 0..100 {
        w.put(&format!("m{n}.wasm"), n);
    }
    let plain = w.page("/").html.len();
    for coding in ["gzip", "zstd"] {
        let headers = [("accept", "text/html"), ("accept-encoding", coding)];
        let response = w.send("GET", "/", &headers, "");
        response.has("content-encoding", coding);
        assert!(
            response.body.len() * 5 < plain,
            "{coding}: {} of {plain}",
            response.body.len()
        );
        assert!(response.header("vary").unwrap().contains("Accept-Encoding"));
    }
}

#[test]
fn assets_are_cached_for_ever_under_the_name_of_their_content() {
    let w = Web::new();
    let page = w.page("/");
    let assets: Vec<_> = page
        .links
        .iter()
        .filter(|link| link.starts_with("/ui/assets/"))
        .collect();
    assert_eq!(assets.len(), 3, "{assets:?}");
    for asset in assets {
        let response = w.send("GET", asset, &[], "");
        assert_eq!(response.status, 200, "{asset}");
        response.has("cache-control", "public, max-age=31536000, immutable");
        response.has("x-content-type-options", "nosniff");
        let media_type = match asset.rsplit('.').next().unwrap() {
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            _ => "image/svg+xml",
        };
        response.has("content-type", media_type);
    }
    for unknown in [
        "/ui/assets/style.css",
        "/ui/assets/style-0000000000000000.css",
        "/ui/assets/x",
    ] {
        assert_eq!(w.send("GET", unknown, &[], "").status, 404, "{unknown}");
    }
}

#[test]
fn the_style_sheet_and_the_script_need_nothing_from_elsewhere() {
    let w = Web::new();
    for link in w.page("/").links {
        if !link.starts_with("/ui/assets/") {
            continue;
        }
        let text = w.send("GET", &link, &[], "").text().to_owned();
        let text = text
            .replace("http://www.w3.org/2000/svg", "")
            .replace("\"http\", \"ws\"", "");
        assert!(
            !text.contains("http") && !text.contains("@import") && !text.contains("url("),
            "{link}"
        );
        assert!(
            !text.contains("eval(") && !text.contains("innerHTML"),
            "{link}"
        );
    }
}
