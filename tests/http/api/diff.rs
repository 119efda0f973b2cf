//! `/diff`.

use serde_json::{Value, json};
use wasmstore::store::ObjectFormat;

use super::Api;
use crate::support::store::module;

#[test]
fn the_paths_that_differ_are_listed_with_their_hashes() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let api = Api::with_format(format);
        api.put("d/gone", 1);
        let from = api.put("z", 3);
        api.delete("/module/d/gone").is(200, "");
        api.put("d/new", 5);
        let to = api.put("z", 4);
        let [one, three, four, five] = [1, 3, 4, 5].map(|n| api.hash_of(&module(n)));
        let removed = json!({ "path": "/d/gone", "action": "removed", "hash": one });
        let added = json!({ "path": "/d/new", "action": "added", "hash": five });
        let updated =
            json!({ "path": "/z", "action": "updated", "hash": { "old": three, "new": four } });
        let all = api.get(&format!("/diff?from={from}&to=main"));
        all.has("content-type", "application/json")
            .has("wasmstore-commit", &to.to_string());
        assert_eq!(all.json(), json!([removed, added, updated]));
        let directory = api.get(&format!("/diff?from={from}&to=main&path=d/"));
        assert_eq!(directory.json(), json!([removed, added]));
        let module = api.get(&format!("/diff?from={from}&to=main&path=/d/new"));
        assert_eq!(module.json(), json!([added]));
        api.get("/diff?from=main&to=main").is(200, "[]");
        api.get("/diff?from=main&to=main&path=z").is(200, "[]");
    }
}

#[test]
fn the_two_versions_of_a_module_are_compared() {
    let api = Api::new();
    let [three, four] = ["f3", "f4"]
        .map(|name| wat::parse_str(format!(r#"(module (func (export "{name}")))"#)).unwrap());
    let size = three.len();
    let [(from, three), (_, four)] = [three, four].map(|module| {
        let hash = api.hash_of(&module);
        assert_eq!(api.post("/module/d/z", module).status, 200);
        (api.rev("main"), hash)
    });
    let export = |name: &str, old: Option<&str>, new: Option<&str>| json!({ "name": name, "old": old, "new": new });
    let expected = json!([{
        "path": "/d/z", "action": "updated", "hash": { "old": three, "new": four },
        "verdict": "breaking",
        "reasons": {
            "breaking": ["the newer module does not export `f3`, which the older one does"],
            "compatible": ["the newer module exports `f4`, which the older one does not"],
            "left_out": 0,
        },
        "size": { "old": size, "new": size }, "kind": { "old": "module", "new": "module" }, "imports": [],
        "exports": [export("f3", Some("(func)"), None), export("f4", None, Some("(func)"))],
        "custom_sections": { "added": [], "removed": [] }, "producers": [], "sections": [],
    }]);
    let diff = api.get(&format!("/diff?from={from}&to=main&path=d/z"));
    assert_eq!((diff.status, diff.json()), (200, expected));
    let back = api
        .get(&format!("/diff?from=main&to={from}&path=d/z"))
        .json();
    let reason = "the newer module does not export `f4`, which the older one does";
    assert_eq!(back[0]["reasons"]["breaking"], json!([reason]));
}

#[test]
fn differences_that_do_not_fit_are_counted() {
    let api = Api::new();
    let put = |prefix: &str| {
        let name = prefix.repeat(1000);
        let imports: String = (0..3_000)
            .map(|n| format!(r#"(import "{name}{n}" "f" (func))"#))
            .collect();
        let module = wat::parse_str(format!("(module {imports})")).unwrap();
        assert_eq!(api.post("/module/a", module).status, 200);
        api.rev("main")
    };
    let (old, new) = (put("o"), put("n"));
    let diff = api.get(&format!("/diff?from={old}&to={new}&path=a"));
    assert_eq!(diff.status, 200);
    assert!(diff.body.len() < 5 << 20, "{}", diff.body.len());
    let diff = &diff.json()[0];
    let listed = diff["imports"].as_array().unwrap().len();
    let left_out = diff["left_out"].as_u64().unwrap_or(0) as usize;
    assert_eq!((listed + left_out, left_out > 0), (6_000, true));
}

#[test]
fn pages_continue_where_the_page_before_ended() {
    let api = Api::new();
    let from = api.rev("main");
    let paths = ["a", "a.b", "b/c", "b/c.d/e", "b0", "c"];
    for path in paths {
        api.put(path, 1);
    }
    let mut url = format!("/diff?from={from}&to=main&limit=2");
    let mut listed = Vec::new();
    // Later pages are of the same commits.
    let link = loop {
        let page = api.get(&url);
        let items = page.json();
        assert_eq!(items.as_array().unwrap().len(), 2);
        listed.extend(items.as_array().unwrap().clone());
        let Some(link) = page.header("link") else {
            break url;
        };
        url = format!(
            "/diff{}",
            link.trim_start_matches('<').split('>').next().unwrap()
        );
        api.put("later", 2);
    };
    assert!(link.contains("&after="), "{link}");
    let listed: Vec<_> = listed
        .iter()
        .map(|item| item["path"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(listed, paths.map(|path| format!("/{path}")));
}

#[test]
fn unknown_and_malformed_parameters_are_errors() {
    let api = Api::new();
    api.put("a", 1);
    let unknown = "3".repeat(40);
    for (query, status, detail) in [
        (
            format!("from=main&to={unknown}"),
            404,
            format!("there is no commit {unknown}"),
        ),
        (
            "from=dev&to=main".to_owned(),
            404,
            "there is no branch or tag \"dev\"".to_owned(),
        ),
        (
            "from=main&to=main&path=b".to_owned(),
            404,
            "there is no module /b".to_owned(),
        ),
        (
            "from=main&to=main&limit=0".to_owned(),
            400,
            "`limit` must be at least 1".to_owned(),
        ),
    ] {
        api.get(&format!("/diff?{query}")).is(status, &detail);
    }
    for query in [
        "",
        "from=main",
        "from=a..b&to=main",
        "from=main&to=main&path=a/../b",
        "from=main&to=main&limit=x",
    ] {
        assert_eq!(api.get(&format!("/diff?{query}")).status, 400, "{query}");
    }
}

#[test]
fn files_that_are_not_modules_are_not_compared() {
    let api = Api::new();
    let tree = |text: &str| -> String {
        let file = api.root.parent().unwrap().join("text");
        std::fs::write(&file, text).unwrap();
        let blob = api.git(&["hash-object", "-w", file.to_str().unwrap()]);
        let entry = format!("100644 blob {}\ta.txt\n", blob.trim());
        let tree = crate::support::store::git_with_input(&api.root, &["mktree"], entry.as_bytes());
        let args = [
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@b",
            "commit-tree",
            "-m",
            "x",
            tree.trim(),
        ];
        api.git(&args).trim().to_owned()
    };
    let (old, new) = (tree("one"), tree("two"));
    let diff = api
        .get(&format!("/diff?from={old}&to={new}&path=a.txt"))
        .json();
    let reason = diff[0]["not_compared"].as_str().unwrap();
    assert!(reason.starts_with("cannot accept "), "{reason}");
    assert_eq!(diff[0]["verdict"], Value::Null);
}

#[test]
fn two_modules_are_compared_by_path_and_by_hash_in_the_history() {
    let api = Api::new();
    api.put("a", 1);
    api.put("b", 2);
    let [one, two] = [1, 2].map(|n| api.hash_of(&module(n)));
    let by_path = api.get("/compare?from=a&to=/b").json();
    assert_eq!(by_path["hash"], json!({ "old": one, "new": two }));
    assert!(by_path["verdict"].is_string());
    api.put("a", 3);
    assert_eq!(
        api.get(&format!("/compare?from={one}&to=b")).json(),
        by_path
    );
    let unknown = "0".repeat(one.len());
    for (query, status) in [
        (format!("from={unknown}&to=b"), 404),
        ("from=a&to=c".to_owned(), 404),
        ("from=a&to=b&branch=nope".to_owned(), 404),
        ("from=a&to=b/../c".to_owned(), 400),
        ("from=a".to_owned(), 400),
    ] {
        assert_eq!(
            api.get(&format!("/compare?{query}")).status,
            status,
            "{query}"
        );
    }
    // A commit's id is the id of an object, but not of a module.
    let commit = api.rev("main");
    assert_eq!(api.get(&format!("/compare?from={commit}&to=b")).status, 404);
}
