//! Lists of modules, complete and in pages.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use wasmstore::budget::ByteBudget;
use wasmstore::config::{Options, ServerLimits};
use wasmstore::http::ServerOptions;
use wasmstore::names::TreePath;
use wasmstore::store::{Change, ImportFilter, ObjectFormat};

use super::{Api, HOST, api};
use crate::support::store::module;

/// Imports copies of one module at long paths, in few and in many directories. Returns the list of them.
fn import_many(api: &Api, count: usize) -> String {
    let files = tempfile::tempdir().unwrap();
    let name = "n".repeat(200);
    let path = |n| match n % 2 {
        0 => format!("flat/{n:06}-{name}"),
        _ => format!("d{:06}/x/{name}", n / 4 * 4),
    };
    let paths: BTreeSet<String> = (0..count).map(path).collect();
    for path in &paths {
        let file = files.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, module(1)).unwrap();
    }
    let (change, root) = (Change::default(), TreePath::root());
    let all = ImportFilter::default();
    let imported = api
        .store
        .import(&change, files.path(), &root, &all, |_, _| ());
    let hash = imported.unwrap().value[0].1;
    let entries = paths.iter().map(|path| format!(r#""/{path}":"{hash}""#));
    format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
}

#[test]
fn long_list_is_complete_and_of_one_commit() {
    let s = Api::with_options(
        ServerOptions {
            memory: ByteBudget::new(1 << 20),
            ..ServerOptions::default()
        },
        Options::default(),
    );
    let expected = import_many(&s, 2000);
    let tip = s.rev("main");
    let request = Request::get(api("/modules")).header("Host", HOST);
    let request = request.body(Body::empty()).unwrap();
    let (text, frames) = s.runtime.block_on(async {
        let response = s.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.headers()["wasmstore-commit"], *tip);
        assert_eq!(response.headers()["etag"], *format!("\"{tip}\""));
        let mut body = response.into_body();
        let (mut text, mut frames) = (Vec::new(), 0);
        while let Some(frame) = body.frame().await {
            text.extend_from_slice(&frame.unwrap().into_data().unwrap());
            // The list continues as it was when it began.
            s.put(&format!("flat/~{frames}"), 2);
            frames += 1;
        }
        (String::from_utf8(text).unwrap(), frames)
    });
    assert!(frames > 5, "{frames}");
    assert!(text == expected);
    // A page is limited in bytes too.
    let page = s.get("/modules?limit=10");
    assert_eq!(page.json().as_object().unwrap().len(), 10);
    let page = s.get("/modules?limit=2000");
    assert!(page.body.len() < 1 << 20, "{}", page.body.len());
}

#[test]
fn list_that_has_begun_waits_longer_for_memory_than_a_request() {
    let memory = ByteBudget::new(1 << 20);
    let request_wait = Duration::from_millis(1);
    let s = Api::with_options(
        ServerOptions {
            memory: memory.clone(),
            limits: ServerLimits {
                request_wait,
                ..ServerLimits::default()
            },
            ..ServerOptions::default()
        },
        Options::default(),
    );
    let expected = import_many(&s, 1000);
    let request = Request::get(api("/modules")).header("Host", HOST);
    let request = request.body(Body::empty()).unwrap();
    s.runtime.block_on(async {
        let response = s.router.clone().oneshot(request).await.unwrap();
        let mut body = response.into_body();
        let mut text = body
            .frame()
            .await
            .unwrap()
            .unwrap()
            .into_data()
            .unwrap()
            .to_vec();
        let held: Vec<_> = std::iter::from_fn(|| memory.try_charge(1 << 10).ok()).collect();
        let request_waits = tokio::time::timeout(request_wait * 100, body.frame()).await;
        assert!(request_waits.is_err(), "the next piece needs memory");
        drop(held);
        text.extend_from_slice(&body.collect().await.unwrap().to_bytes());
        assert!(text == expected.as_bytes());
    });
}

#[test]
fn modules_are_listed_sorted_by_path() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let api = Api::with_format(format);
        api.get("/modules")
            .is(200, "{}")
            .has("content-type", "application/json");
        for (path, n) in [
            ("b/x", 1),
            ("b.x", 2),
            ("b0", 3),
            ("a/é.wasm", 1),
            ("b/c/\"y", 4),
        ] {
            api.put(path, n);
        }
        let [one, two, three, four] = [1, 2, 3, 4].map(|n| api.hash_of(&module(n)));
        let all = format!(
            r#"{{"/a/é.wasm":"{one}","/b.x":"{two}","/b/c/\"y":"{four}","/b/x":"{one}","/b0":"{three}"}}"#
        );
        let tip = api.rev("main");
        api.get("/modules")
            .is(200, &all)
            .has("wasmstore-commit", &tip)
            .lacks("link");
        let below = format!(r#"{{"/b/c/\"y":"{four}","/b/x":"{one}"}}"#);
        api.get("/modules/b").is(200, &below);
        api.get("/modules/b/c")
            .is(200, &format!(r#"{{"/b/c/\"y":"{four}"}}"#));
        // A prefix names a directory: neither the start of a name nor a module.
        for unknown in [
            "/modules/none",
            "/modules/b/x",
            "/modules/b/c/d",
            "/modules/a/%C3%A9",
        ] {
            api.get(unknown).is(200, "{}");
        }
    }
}

#[test]
fn modules_are_listed_in_pages() {
    let s = Api::new();
    let hash = s.hash_of(&module(1));
    for path in ["d/a b", "d/ä&=", "d/c", "e"] {
        s.put(path, 1);
    }
    let mut uri = api("/modules?limit=1");
    let mut seen = Vec::new();
    loop {
        let page = s.send("GET", &uri, &[], "");
        seen.push(page.text().to_owned());
        let Some(link) = page.header("link") else {
            break;
        };
        // The link is relative to the URL of the page.
        let next = link
            .strip_prefix('<')
            .and_then(|link| link.strip_suffix(">; rel=\"next\""));
        uri = api("/modules") + next.unwrap();
    }
    let paths = ["/d/a b", "/d/c", "/d/ä&=", "/e"];
    assert_eq!(seen, paths.map(|path| format!(r#"{{"{path}":"{hash}"}}"#)));

    let link = "<?limit=2&after=/d/c>; rel=\"next\"";
    s.get("/modules/d?limit=2").has("link", link);
    s.get("/modules/d?limit=3").lacks("link");
    s.get("/modules?after=e").is(200, "{}");
    s.get("/modules?after=/d~&unknown=1")
        .is(200, &format!(r#"{{"/e":"{hash}"}}"#));
    s.get("/modules?limit=0")
        .is(400, "`limit` must be at least 1");
    for query in [
        "limit=",
        "limit=x",
        "limit=-1",
        "limit=1&limit=2",
        "limit=1.5",
    ] {
        let response = s.get(&format!("/modules?{query}"));
        assert_eq!(response.status, 400, "{query}");
        assert!(
            response.text().contains("limit"),
            "{query}: {}",
            response.text()
        );
    }
    s.get("/modules?after=").is(400, "the module path is empty");
    assert_eq!(s.get("/modules?after=../x").status, 400);
}

#[test]
fn details_are_listed_in_pages_and_in_pieces() {
    let api = Api::new();
    let first = api.put("d/a.wasm", 1);
    let second = api.put("d/b.wasm", 2);
    let details = api.get("/modules/d?details=true");
    let [one, two] = [1, 2].map(|n| api.hash_of(&module(n)));
    let item = |path: &str, hash: &str, n, commit: &str, date: &serde_json::Value| serde_json::json!({ "path": path, "hash": hash, "size": module(n).len(), "kind": "module", "commit": commit, "date": date });
    let json = details.json();
    let (a, b) = (
        item("/d/a.wasm", &one, 1, &first.to_string(), &json[0]["date"]),
        item("/d/b.wasm", &two, 2, &second.to_string(), &json[1]["date"]),
    );
    assert!(json[0]["date"].is_i64() && json[1]["date"].is_i64());
    assert_eq!(json, serde_json::json!([a, b]));
    let page = api.get("/modules?details=true&limit=1");
    page.has(
        "link",
        "<?limit=1&after=/d/a.wasm&details=true>; rel=\"next\"",
    );
    assert_eq!(page.json(), serde_json::json!([a]));
    let page = api.get("/modules?limit=1&after=/d/a.wasm&details=true");
    assert_eq!(page.json(), serde_json::json!([b]));
    api.get("/modules/e?details=true").is(200, "[]");
    assert_eq!(api.get("/modules?details=maybe").status, 400);
    import_many(&api, 2_000);
    let many = api.get("/modules?details=true").json();
    let many = many.as_array().unwrap().iter();
    let hashes = many.map(|item| (item["path"].as_str().unwrap(), &item["hash"]));
    let plain = api.get("/modules").json();
    let paths = plain.as_object().unwrap().iter();
    let paths: Vec<_> = paths.map(|(path, hash)| (path.as_str(), hash)).collect();
    assert_eq!(hashes.collect::<Vec<_>>(), paths);
}
