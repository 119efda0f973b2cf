//! The branch of a server: its registry reads and writes the same branch as its other APIs.

use wasmstore::config::Options;
use wasmstore::http::ServerOptions;

use super::Registry;
use crate::http::api::digest_of;
use crate::support::store::module;

#[test]
fn the_server_option_overrides_the_default_branch() {
    let server_options = ServerOptions {
        default_branch: Some("dev".parse().unwrap()),
        ..ServerOptions::default()
    };
    let registry = Registry::with_options(server_options, Options::default());
    assert_eq!(registry.manifest("a", "1").status, 404);
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
