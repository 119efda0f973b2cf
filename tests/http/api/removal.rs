//! Removing modules.

use wasmstore::store::ObjectFormat;

use super::{Api, api, digest_of};
use crate::support::store::module;

fn filled(format: ObjectFormat) -> Api {
    let api = Api::with_format(format);
    for (at, n) in [("a", 1), ("b", 1), ("d/x", 1), ("d/e/y", 2), ("z", 3)] {
        api.put(at, n);
    }
    api
}

#[test]
fn a_module_is_removed_from_its_path() {
    let api = filled(ObjectFormat::Sha1);
    let before = api.rev("main");
    api.delete("/module/a")
        .is(200, "")
        .has("wasmstore-commit", &api.rev("main"));
    assert_eq!(api.rev("main^"), before);
    assert_eq!(api.subjects()[0], "Remove /a");
    assert_eq!(api.content(), "/b=1 /d/e/y=2 /d/x=1 /z=3");
    api.delete("/module/a").is(404, "there is no module /a");
    api.fsck();
}

#[test]
fn a_removal_by_hash_removes_every_path_in_one_commit() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let hash = |api: &Api| api.hash_of(&module(1));
        let names: [fn(&Api) -> String; 3] = [
            |api| api.hash_of(&module(1)),
            |api| api.hash_of(&module(1)).to_uppercase(),
            |_| digest_of(&module(1)),
        ];
        for name in names {
            let api = filled(format);
            let (before, name) = (api.rev("main"), name(&api));
            api.delete(&format!("/module/{name}")).is(200, "");
            assert_eq!(api.content(), "/d/e/y=2 /z=3", "{name}");
            assert_eq!(api.rev("main^"), before);
            let gone = format!("there is no module {}", name.to_lowercase());
            api.delete(&format!("/module/{name}")).is(404, &gone);
            assert_eq!(api.get(&format!("/hash/{}", hash(&api))).status, 404);
            api.fsck();
        }
    }
}

#[test]
fn a_directory_is_removed_only_recursively() {
    let api = filled(ObjectFormat::Sha1);
    let state = api.state();
    let rejection = "/d is a directory and was not removed, because the removal is not recursive";
    for query in ["", "?recursive=false", "?other=true"] {
        api.delete(&format!("/module/d{query}")).is(409, rejection);
    }
    let json = [("accept", "application/json")];
    let problem = api.send_empty("DELETE", "/module/d", &json).json();
    assert_eq!(problem["paths"], serde_json::json!(["/d"]));
    for query in [
        "?recursive",
        "?recursive=",
        "?recursive=1",
        "?recursive=TRUE",
    ] {
        let response = api.delete(&format!("/module/d{query}"));
        assert_eq!(response.status, 400, "{query}");
        assert!(response.text().contains("recursive"), "{}", response.text());
    }
    assert_eq!(api.state(), state);
    api.delete("/module/d?recursive=true").is(200, "");
    assert_eq!(api.content(), "/a=1 /b=1 /z=3");
    api.delete("/module/d?recursive=true")
        .is(404, "there is no module /d");
    // `recursive` makes no difference for a module.
    api.delete("/module/z?recursive=true").is(200, "");
    api.fsck();
}

#[test]
fn the_root_is_never_removed() {
    let s = filled(ObjectFormat::Sha1);
    let state = s.state();
    for path in [
        "", "/", "//", "/%2F", "/%2F%2f", "/.", "/./", "/..", "/a/..", "/%2e", "/%20/..", "?x",
    ] {
        for query in ["", "?recursive=true"] {
            let uri = api(&format!("/module{path}{query}"));
            assert_eq!(s.send("DELETE", &uri, &[], "").status, 400, "{uri}");
        }
    }
    assert_eq!(s.state(), state);
}
