//! The branch of a server: its registry reads and writes the same branch as its other APIs.

use serde_json::json;
use wasmstore::config::Options;
use wasmstore::http::ServerOptions;
use wasmstore::names::OciDigest;
use wasmstore::store::{History, Revision};

use super::pushing::{Registered, module_manifest};
use super::{Registry, image_manifest, is_error};
use crate::http::api::digest_of;
use crate::support::store::{branch, module};

#[test]
fn the_server_option_overrides_the_default_branch() {
    let server_options = ServerOptions {
        default_branch: Some("dev".parse().unwrap()),
        ..ServerOptions::default()
    };
    let registry = Registry::with_options(server_options, Options::default());
    // As long as there is no such branch, there is no repository, and a push is refused with its name.
    for path in ["a/manifests/1", "a/tags/list", "_catalog"] {
        is_error(&registry.v2("GET", path, ""), 404, "NAME_UNKNOWN");
    }
    registry.upload("a", b"{}");
    let text = image_manifest(&[], &json!({}));
    let refused = registry.put_manifest("a", "1", &text);
    let message = is_error(&refused, 404, "NAME_UNKNOWN");
    assert!(message.contains("dev"), "{message}");
    registry.git(&["branch", "dev"]);
    let main = registry.rev("main");
    let (digest, text) = registry.push_module("a", "1", 1);
    registry.manifest("a", "1").is(200, &text);
    registry.blob("a", &digest_of(&module(1)));
    assert_eq!(registry.rev("main"), main);
    assert_eq!(
        registry.git(&["ls-tree", "-r", "--name-only", "dev"]),
        "a/1.wasm\n"
    );
    // A module that is only on the default branch of the store is not there.
    registry.put("b.wasm", 2);
    assert_eq!(registry.manifest("b", "latest").status, 404);
    let catalog = registry.v2("GET", "_catalog", "");
    assert_eq!(catalog.json()["repositories"], serde_json::json!(["a"]));
    // The name of the branch is a tag of the module with the name of the repository.
    registry.push_module("a", "latest", 3);
    assert_eq!(registry.tags("a"), ["1", "dev", "latest"]);
    let path = format!("a/manifests/{digest}");
    assert_eq!(registry.v2("DELETE", &path, "").status, 202);
    assert_eq!(
        registry.git(&["ls-tree", "-r", "--name-only", "dev"]),
        "a.wasm\n"
    );
    // Setting the default branch ends it.
    registry.send_empty("PUT", "/branch/main", &[]).is(200, "");
    assert_eq!(registry.manifest("a", "latest").status, 404);
    assert_eq!(registry.manifest("b", "latest").status, 200);
    registry.is_clean();
}

/// Pushes the module 1 under a tag, with a manifest that has an annotation.
fn push_annotated(r: &Registered, tag: &str, annotation: u32) -> OciDigest {
    let layer = r.blob("a/b", &module(1));
    let config = r.blob("a/b", b"{}");
    r.manifest(
        "a/b",
        Some(tag),
        &module_manifest(&layer, &config, annotation),
    )
}

#[test]
fn the_tag_with_the_name_of_a_branch_stays_with_its_manifest() {
    let r = Registered::new();
    let latest = push_annotated(&r, "latest", 1);
    for name in ["release", "a-first"] {
        r.s.store
            .create_branch(&branch(name), &Revision::default())
            .unwrap();
    }
    // Only a server of this branch has the tag. The modules are the same on all branches.
    r.s.store.set_registry_branch(Some(branch("release")));
    for n in 2..10 {
        push_annotated(&r, "release", n);
    }
    let last = push_annotated(&r, "release", 10);
    assert_ne!(latest, last);
    r.age("a/b", 100);
    r.s.store.set_registry_branch(None);
    r.gc(History::Squash);
    assert_eq!(
        r.pull("a/b", "release"),
        None,
        "no tag of the default branch"
    );
    r.s.store.set_registry_branch(Some(branch("release")));
    assert_eq!(r.pull("a/b", "release"), Some(last));
    assert!(r.records().contains(&"a/b/_tags/release".to_owned()));
    // Once no branch has the name, no tag has it.
    r.s.store.set_registry_branch(None);
    r.s.store.delete_branch(&branch("release"), None).unwrap();
    r.gc(History::Squash);
    let tags: Vec<_> = r.records();
    let tags: Vec<_> = tags.iter().filter(|path| path.contains("_tags")).collect();
    assert_eq!(tags, ["a/b/_tags/latest"]);
}

#[test]
fn the_name_of_a_default_branch_that_is_a_symbolic_ref_is_a_tag_that_stays() {
    let r = Registered::new();
    push_annotated(&r, "latest", 1);
    r.s.git(&["branch", "-m", "main", "trunk"]);
    r.s.git(&["symbolic-ref", "refs/heads/main", "refs/heads/trunk"]);
    r.s.git(&["symbolic-ref", "HEAD", "refs/heads/main"]);
    let main = push_annotated(&r, "main", 2);
    r.age("a/b", 100);
    r.gc(History::Squash);
    assert!(r.records().contains(&"a/b/_tags/main".to_owned()));
    assert_eq!(r.pull("a/b", "main"), Some(main));
}
