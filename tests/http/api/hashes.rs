//! `/hash` and `/info`.

use serde_json::json;
use wasmstore::store::ObjectFormat;

use super::{Api, digest_of};
use crate::support::store::{git_with_input, module};

#[test]
fn a_path_hash_or_digest_resolves_to_the_hash() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let api = Api::with_format(format);
        let tip = api.put("d/a", 1).to_string();
        let (hash, digest) = (api.hash_of(&module(1)), digest_of(&module(1)));
        for name in [
            "d/a",
            &hash,
            &hash.to_uppercase(),
            &digest,
            &digest["sha256:".len()..],
        ] {
            let response = api.get(&format!("/hash/{name}"));
            response.is(200, &hash).has("wasmstore-commit", &tip);
        }
    }
}

#[test]
fn an_unknown_name_is_404_with_an_empty_body() {
    let api = Api::new();
    let old = api.put("d/a", 1);
    api.put("d/a", 2);
    let gone = api.hash_of(&module(1));
    let unknown = [
        "a",
        "d",
        "d/a/b",
        &gone,
        &"0".repeat(40),
        &"0".repeat(64),
        &old.to_string(),
    ];
    for name in unknown {
        api.get(&format!("/hash/{name}")).is(404, "");
    }
    let of_old = [("wasmstore-commit", &*old.to_string())];
    api.get_with(&format!("/hash/{gone}"), &of_old)
        .is(200, &gone);
    assert_eq!(api.get("/hash/sha256:1").status, 400);
    assert_eq!(api.get("/hash/%2e%2e").status, 400);
    api.get("/hash/")
        .is(400, "a name is missing at the end of the URL");
}

#[test]
fn a_module_that_no_path_has_now_is_404_with_the_commit_that_had_it() {
    let api = Api::new();
    api.put("d/a", 1);
    api.put("d/b", 1);
    api.put("d/a", 2);
    api.put("d/b", 2);
    let (hash, digest) = (api.hash_of(&module(1)), digest_of(&module(1)));
    for name in [&hash, &digest] {
        let response = api.get(&format!("/module/{name}"));
        assert_eq!(response.status, 404);
        let text = response.text();
        assert!(text.contains(&format!("no path has {name} now")), "{text}");
        // The commit in the message has the module.
        let (_, commit) = text.split_once("?commit=").unwrap();
        let commit: String = commit.chars().take_while(char::is_ascii_hexdigit).collect();
        let response = api.get(&format!("/module/{name}?commit={commit}"));
        assert_eq!((response.status, &*response.body), (200, &*module(1)));
    }
}

#[test]
fn a_stored_module_is_added_at_another_path() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let api = Api::with_format(format);
        api.put("a", 1);
        api.put("a", 2);
        let (hash, digest) = (api.hash_of(&module(1)), digest_of(&module(1)));
        // No tree contains it any more, but the object is still stored.
        api.post(&format!("/hash/{hash}/d/b.wasm"), "")
            .is(200, &hash)
            .has("wasmstore-commit", &api.rev("main"));
        assert_eq!(api.subjects()[0], format!("Set /d/b.wasm {hash}"));
        assert_eq!(api.content(), "/a=2 /d/b.wasm=1");
        for (name, path) in [
            (&hash.to_uppercase(), "c"),
            (&digest, "e"),
            (&digest["sha256:".len()..].to_owned(), "f"),
        ] {
            api.post(&format!("/hash/{name}/{path}"), "").is(200, &hash);
            assert_eq!(api.value(path), Some(1), "{name}");
        }
        let state = api.state();
        api.post(&format!("/hash/{hash}/c"), "").is(200, &hash);
        assert_eq!(api.state(), state);
        api.fsck();
    }
}

#[test]
fn only_a_stored_valid_module_can_be_added_by_hash() {
    let api = Api::new();
    let tip = api.put("d/a", 1).to_string();
    let text = git_with_input(&api.root, &["hash-object", "-w", "--stdin"], "no module");
    let tree = api.rev("main^{tree}");
    let state = api.state();
    for unknown in [
        &*"0".repeat(40),
        &"0".repeat(64),
        &tip,
        &tree,
        text.trim(),
        &digest_of(b""),
    ] {
        let response = api.post(&format!("/hash/{unknown}/b"), "");
        response.is(404, &format!("there is no module {unknown}"));
    }
    for malformed in ["x/b", "sha256:x/b", &format!("{}/b", &tip[1..]), "d/a"] {
        let response = api.post(&format!("/hash/{malformed}"), "");
        assert_eq!(response.status, 400, "{malformed}");
    }
    let hash = api.hash_of(&module(1));
    let incomplete = "a hash and a path are needed: /hash/<hash>/<path>";
    api.post(&format!("/hash/{hash}"), "").is(400, incomplete);
    api.post(&format!("/hash/{hash}/"), "").is(400, incomplete);
    api.post(&format!("/hash/{hash}/%2F"), "")
        .is(400, "the module path is empty");
    assert_eq!(api.post(&format!("/hash/{hash}/.git"), "").status, 400);
    assert_eq!(api.post(&format!("/hash/{hash}/{hash}"), "").status, 400);
    let conflict = "/d cannot be written: /d is a directory";
    api.post(&format!("/hash/{hash}/d"), "").is(409, conflict);
    let conflict = "/d/a/b cannot be written: /d/a is a module";
    api.post(&format!("/hash/{hash}/d/a/b"), "")
        .is(409, conflict);
    assert_eq!(api.state(), state);
}

#[test]
fn info_lists_imports_exports_and_sections() {
    let api = Api::new();
    let text = r#"(module
        (import "env" "log" (func (param i32)))
        (memory (export "memory") 1)
        (@producers (processed-by "tool" "1.0"))
        (@custom "note" "x"))"#;
    let bytes = wat::parse_str(text).unwrap();
    let hash = api.hash_of(&bytes);
    api.post("/module/m", bytes.clone()).is(200, &hash);
    let expected = json!({
        "hash": hash,
        "digest": digest_of(&bytes),
        "size": bytes.len(),
        "kind": "module",
        "imports": [{"module": "env", "name": "log", "kind": "func", "type": "(func (param i32))"}],
        "exports": [{"name": "memory", "kind": "memory", "type": "(memory 1)"}],
        "custom_sections": ["producers", "note"],
        "producers": {"processed-by": [{"name": "tool", "version": "1.0"}]},
        "requires": {"standard": "1.0", "included": [], "proposals": []},
        "metadata": {
            "producers": {
                "items": [{"field": "processed-by", "name": "tool", "version": "1.0"}],
                "left_out": 0,
            },
        },
    });
    for name in ["m", &hash, &digest_of(&bytes)] {
        let response = api.get(&format!("/info/{name}"));
        let mut expected = expected.clone();
        if name == "m" {
            let manifest = api.send("HEAD", "/v2/m/manifests/latest", &[], "");
            let digest = manifest.header("docker-content-digest").unwrap();
            expected["oci"] = json!({"repository": "m", "tag": "latest", "digest": digest});
        }
        assert_eq!((response.status, response.json()), (200, expected));
        response
            .has("content-type", "application/json")
            .has("wasmstore-commit", &api.rev("main"));
    }
    let component = wat::parse_str("(component (import \"i\" (func)))").unwrap();
    api.post("/module/c", component).is(200, &api.rev("main:c"));
    let info = api.get("/info/c").json();
    assert_eq!(info["kind"], "component");
    assert_eq!(
        info["imports"],
        json!([{"module": null, "name": "i", "kind": "func", "type": "func()"}])
    );
    api.get("/info/none").is(404, "there is no module /none");
    assert_eq!(api.get("/info/.git").status, 400);
}
