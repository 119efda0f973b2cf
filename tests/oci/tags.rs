//! Tags and names: `latest`, the default branch, the edges of the grammar, and long lists.

use serde_json::json;

use super::{Registry, WASM, image_manifest, is_error, texts};
use crate::support::store::{git_with_input, module};

#[test]
fn latest_is_the_module_with_the_name_of_the_repository() {
    let registry = Registry::new();
    registry.put("a/b.wasm", 1);
    assert_eq!(registry.tags("a/b"), ["latest", "main"]);
    assert_eq!(
        registry.digest("a/b", "latest"),
        registry.digest("a/b", "main")
    );
    // A push of `latest` is a new version of the same path.
    let (digest, _) = registry.push_module("a/b", "latest", 2);
    assert_eq!(registry.content(), "/a/b.wasm=2");
    assert_eq!(registry.digest("a/b", "latest"), digest);
    assert_eq!(registry.digest("a/b", "main"), digest);
    let versions = registry.get("/versions/a/b.wasm").json();
    assert_eq!(versions.as_array().map(Vec::len), Some(2), "{versions}");
    // So is a push of the branch's name.
    registry.push_module("a/b", "main", 3);
    assert_eq!(registry.content(), "/a/b.wasm=3");
    registry.is_clean();
}

#[test]
fn latest_without_a_module_becomes_the_module_with_the_name_of_the_repository() {
    let registry = Registry::new();
    let (digest, _) = registry.push_module("a/b", "latest", 1);
    assert_eq!(registry.content(), "/a/b.wasm=1");
    assert_eq!(registry.digest("a/b", "latest"), digest);
    registry.push_module("a/b", "1.2.3", 2);
    assert_eq!(registry.content(), "/a/b.wasm=1 /a/b/1.2.3.wasm=2");
    assert_eq!(registry.tags("a/b"), ["1.2.3", "latest", "main"]);
    registry.is_clean();
}

#[test]
fn a_module_without_a_suffix_is_latest() {
    let registry = Registry::new();
    registry.put("tools/sum", 1);
    assert_eq!(registry.tags("tools/sum"), ["latest", "main"]);
    registry.push_module("tools/sum", "latest", 2);
    assert_eq!(registry.content(), "/tools/sum=2");
    registry.is_clean();
}

#[test]
fn writes_go_to_the_path_that_reads_use() {
    let registry = Registry::new();
    registry.put("a.wasm", 1);
    registry.put("a/latest.wasm", 2);
    let read = |tag: &str| registry.manifest("a", tag).json()["layers"][0]["digest"].clone();
    assert_eq!(read("latest"), crate::http::api::digest_of(&module(2)));
    assert_eq!(read("main"), crate::http::api::digest_of(&module(1)));
    registry.push_module("a", "latest", 3);
    assert_eq!(registry.content(), "/a.wasm=1 /a/latest.wasm=3");
    assert_eq!(read("latest"), crate::http::api::digest_of(&module(3)));
    assert_eq!(registry.v2("DELETE", "a/manifests/latest", "").status, 202);
    assert_eq!(registry.content(), "/a.wasm=1");
    assert_eq!(read("latest"), crate::http::api::digest_of(&module(1)));
    registry.is_clean();
}

#[test]
fn a_path_that_does_not_fit_is_reached_by_an_alias() {
    let registry = Registry::new();
    registry.put("Math/Add One.wasm", 1);
    let list = registry.v2("GET", "_catalog", "");
    assert_eq!(list.json(), json!({ "repositories": [] }));
    let refused = registry.manifest("Math/add", "latest");
    is_error(&refused, 400, "NAME_INVALID");
    let hash = registry.hash_of(&module(1));
    let aliased = registry.post(&format!("/hash/{hash}/math/add-one.wasm"), "");
    assert_eq!(aliased.status, 200);
    let layer = registry.manifest("math/add-one", "latest").json()["layers"][0].clone();
    assert_eq!(layer["digest"], crate::http::api::digest_of(&module(1)));
}

#[test]
fn names_and_tags_at_the_edges_of_the_grammar_are_pushed_and_pulled() {
    let registry = Registry::new();
    let deep = vec!["d"; 48].join("/");
    let (long_tag, long) = ("v".repeat(128), format!("l/{}", "a".repeat(200)));
    let names = [
        "0",
        "a.b_c__d-e---f/g",
        "a/tags/list",
        "blobs/uploads",
        "v2",
        &deep,
        &long,
    ];
    for (n, name) in (0..).zip(names) {
        for tag in ["_", "V1.2-_.", &long_tag, "latest"] {
            let (digest, text) = registry.push_module(name, tag, n);
            registry.manifest(name, tag).is(200, &text);
            assert_eq!(registry.digest(name, tag), digest);
        }
        let mut expected = vec!["V1.2-_.", "_", "latest", "main", &long_tag];
        expected.sort_unstable();
        assert_eq!(registry.tags(name), expected, "{name}");
    }
    let catalog = registry.v2("GET", "_catalog", "").json();
    // `latest` is also a tag of the repository of the directory that its file is in.
    let mut expected = names.to_vec();
    expected.extend(["a.b_c__d-e---f", "a/tags", "blobs", &deep[2..]]);
    expected.sort_unstable();
    assert_eq!(texts(&catalog["repositories"]), expected);
    registry.is_clean();
}

#[test]
fn names_and_tags_outside_of_the_grammar_are_rejected() {
    let registry = Registry::new();
    registry.upload("a", b"{}");
    let text = image_manifest(&[], &json!({}));
    let before = registry.state();
    let (too_long, too_deep) = ("a".repeat(256), format!("{}a", "a/".repeat(48)));
    for name in [
        "A", "a..b", "a___b", "-a", "a_", "a/_b", &too_long, &too_deep,
    ] {
        is_error(
            &registry.put_manifest(name, "t", &text),
            400,
            "NAME_INVALID",
        );
        is_error(&registry.manifest(name, "t"), 400, "NAME_INVALID");
    }
    for tag in [".a", "-a", "a+b", "%C3%A9", &"v".repeat(129)] {
        is_error(
            &registry.put_manifest("a", tag, &text),
            400,
            "MANIFEST_INVALID",
        );
    }
    assert_eq!(registry.state(), before);
    registry.is_clean();
}

#[test]
fn a_name_whose_path_is_too_long_for_git_is_rejected_with_a_reason() {
    let registry = Registry::new();
    let name = "a".repeat(255);
    let text = image_manifest(&[(WASM, &module(1))], &json!({}));
    registry.upload(&name, b"{}");
    registry.upload(&name, &module(1));
    let response = registry.put_manifest(&name, "latest", &text);
    if response.status != 201 {
        is_error(&response, 400, "NAME_INVALID");
        assert_eq!(registry.content(), "");
    }
    registry.is_clean();
}

#[test]
fn an_unknown_package_is_only_name_unknown() {
    let registry = Registry::new();
    registry.put("a/1.wasm", 1);
    let digest = crate::http::api::digest_of(b"nothing");
    for path in [
        "b/tags/list".to_owned(),
        "b/manifests/latest".to_owned(),
        format!("b/manifests/{digest}"),
        format!("b/blobs/{digest}"),
    ] {
        is_error(&registry.v2("GET", &path, ""), 404, "NAME_UNKNOWN");
    }
    is_error(&registry.manifest("a", "2"), 404, "MANIFEST_UNKNOWN");
    is_error(&registry.blob("a", &digest), 404, "BLOB_UNKNOWN");
    is_error(
        &registry.v2("DELETE", "b/manifests/1", ""),
        404,
        "NAME_UNKNOWN",
    );
}

/// Commits `count` modules `r/v<n>.wasm` with stock git.
fn import_tags(registry: &Registry, count: usize) {
    let blob = module(1);
    let mut stream = format!("blob\nmark :1\ndata {}\n", blob.len()).into_bytes();
    stream.extend(blob);
    stream.extend(
        b"\ncommit refs/heads/main\ncommitter A <a@b.c> 0 +0000\ndata 0\nfrom refs/heads/main^0\n",
    );
    for n in 0..count {
        stream.extend(format!("M 100644 :1 r/v{n}.wasm\n").bytes());
    }
    git_with_input(&registry.root, &["fast-import", "--quiet"], stream);
}

#[test]
fn ten_thousand_tags_are_listed_page_by_page() {
    let registry = Registry::new();
    import_tags(&registry, 10_000);
    let mut expected: Vec<_> = (0..10_000).map(|n| format!("v{n}")).collect();
    expected.sort();
    assert_eq!(registry.tags("r"), expected);
    let (mut found, mut pages) = (Vec::new(), 0);
    let mut next = Some("/v2/r/tags/list?n=999".to_owned());
    while let Some(url) = next {
        let page = registry.send("GET", &url, &[], "");
        assert_eq!(page.status, 200);
        found.extend(texts(&page.json()["tags"]));
        pages += 1;
        next = page.header("link").map(|link| {
            let url = link.strip_prefix('<').unwrap();
            url.strip_suffix(">; rel=\"next\"").unwrap().to_owned()
        });
    }
    assert_eq!((found, pages), (expected, 11));
    // `last` is exclusive, and need not exist.
    let page = registry.v2("GET", "r/tags/list?n=2&last=v9998", "");
    assert_eq!(texts(&page.json()["tags"]), ["v9999"]);
    page.lacks("link");
    let page = registry.v2("GET", "r/tags/list?last=v99980", "");
    assert_eq!(texts(&page.json()["tags"]), ["v9999"]);
    let page = registry.v2("GET", "r/tags/list?n=0", "");
    assert_eq!(page.json(), json!({ "name": "r", "tags": [] }));
    is_error(
        &registry.v2("GET", "r/tags/list?n=x", ""),
        400,
        "UNSUPPORTED",
    );
    // Each of them is pulled, also by its digest.
    let digest = registry.digest("r", "v9999");
    assert_eq!(registry.digest("r", &digest), digest);
    // One more is pushed.
    registry.push_module("r", "v10000", 2);
    assert_eq!(
        registry.tags("r").len(),
        10_001 - 1,
        "a page has at most 10,000"
    );
    let page = registry.v2("GET", "r/tags/list?last=v9998", "");
    assert_eq!(texts(&page.json()["tags"]), ["v9999"]);
}

#[test]
fn the_catalog_lists_repositories_with_and_without_records() {
    let registry = Registry::new();
    registry.put("a/b/1.wasm", 1);
    registry.put("c.wasm", 2);
    registry.push("d/e", "t", &[("text/plain", b"text")]);
    let catalog = registry.v2("GET", "_catalog", "").json();
    assert_eq!(catalog, json!({ "repositories": ["a/b", "c", "d/e"] }));
    let page = registry.v2("GET", "_catalog?n=2", "");
    assert_eq!(page.json(), json!({ "repositories": ["a/b", "c"] }));
    page.has("link", "</v2/_catalog?n=2&last=c>; rel=\"next\"");
    let page = registry.v2("GET", "_catalog?n=2&last=c", "");
    assert_eq!(page.json(), json!({ "repositories": ["d/e"] }));
    page.lacks("link");
}
