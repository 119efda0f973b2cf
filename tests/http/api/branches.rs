//! `/branch` and `/branches`.

use wasmstore::config::Options;
use wasmstore::http::ServerOptions;
use wasmstore::store::ObjectFormat;

use super::{Api, api};
use crate::support::store::module;

#[test]
fn branches_are_listed_sorted() {
    let api = Api::new();
    api.get("/branch")
        .is(200, "main")
        .has("content-type", "text/plain; charset=utf-8");
    api.get("/branches")
        .is(200, "[\"main\"]")
        .has("content-type", "application/json");
    for name in ["z/%C3%A4", "a%2Fb", "a/c"] {
        api.post(&format!("/branch/{name}"), "").is(200, "");
    }
    api.get("/branches")
        .is(200, r#"["a/b","a/c","main","z/ä"]"#);
    assert_eq!(api.rev("refs/heads/z/ä"), api.rev("main"));
    api.fsck();
}

#[test]
fn a_branch_starts_at_the_given_revision() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let api = Api::with_format(format);
        let old = api.put("a", 1).to_string();
        let tip = api.put("a", 2).to_string();
        api.post("/branch/plain", "").is(200, "");
        api.post(&format!("/branch/old?from={old}"), "").is(200, "");
        api.post("/branch/f/x?from=old", "").is(200, "");
        api.post("/branch/f/y?from=f%2Fx", "").is(200, "");
        for (name, commit) in [("plain", &tip), ("old", &old), ("f/x", &old), ("f/y", &old)] {
            assert_eq!(api.rev(&format!("refs/heads/{name}")), *commit, "{name}");
        }
        let state = api.state();
        api.post("/branch/new?from=none", "")
            .is(404, "there is no branch or tag \"none\"");
        let unknown = old.replace(|_| true, "0");
        let detail = format!("there is no commit {unknown}");
        api.post(&format!("/branch/new?from={unknown}"), "")
            .is(404, &detail);
        for malformed in ["", "..", "a%20b", "-x"] {
            assert_eq!(
                api.post(&format!("/branch/new?from={malformed}"), "")
                    .status,
                400
            );
        }
        assert_eq!(api.state(), state);
    }
}

#[test]
fn creating_an_existing_or_conflicting_branch_is_409() {
    let api = Api::new();
    api.post("/branch/a/b", "").is(200, "");
    let state = api.state();
    api.post("/branch/main", "")
        .is(409, "branch \"main\" already exists");
    api.post("/branch/a/b", "")
        .is(409, "branch \"a/b\" already exists");
    api.post("/branch/a", "")
        .is(409, "branches \"a\" and \"a/b\" cannot both exist");
    api.post("/branch/a/b/c", "")
        .is(409, "branches \"a/b/c\" and \"a/b\" cannot both exist");
    let put = api.send_empty("PUT", "/branch/a", &[]);
    put.is(409, "branches \"a\" and \"a/b\" cannot both exist");
    assert_eq!(api.state(), state);
}

#[test]
fn malformed_names_are_400() {
    let s = Api::new();
    let state = s.state();
    let long = "x".repeat(300);
    let names = [
        "HEAD",
        "-x",
        "a..b",
        ".a",
        "a.lock",
        "a%20b",
        "a%00",
        "a%5Cb",
        "%40%7B-1%7D",
        "a:b",
        &long,
    ];
    for name in names {
        for method in ["POST", "PUT", "DELETE"] {
            let response = s.send_empty(method, &format!("/branch/{name}"), &[]);
            assert_eq!(response.status, 400, "{method} {name}");
            assert!(
                response.text().starts_with("branch name "),
                "{}",
                response.text()
            );
        }
        assert_eq!(s.post(&format!("/merge/{name}"), "").status, 400, "{name}");
    }
    assert_eq!(s.state(), state);
}

#[test]
fn the_default_branch_is_stored_in_head() {
    let api = Api::new();
    api.put("a", 1);
    api.send_empty("PUT", "/branch/f/new", &[]).is(200, "");
    assert_eq!(
        api.git(&["symbolic-ref", "HEAD"]).trim(),
        "refs/heads/f/new"
    );
    assert_eq!(api.rev("refs/heads/f/new"), api.rev("refs/heads/main"));
    api.get("/branch").is(200, "f/new");
    api.post("/module/b", module(2));
    assert_eq!(api.git(&["ls-tree", "--name-only", "main"]), "a\n");
    api.send_empty("PUT", "/branch/main", &[]).is(200, "");
    api.get("/branch").is(200, "main");
    assert_eq!(api.content(), "/a=1");
    api.fsck();
}

#[test]
fn every_branch_but_the_default_one_can_be_deleted() {
    let api = Api::new();
    api.post("/branch/dev/x", "").is(200, "");
    api.delete("/branch/dev/x").is(200, "");
    api.get("/branches").is(200, "[\"main\"]");
    api.delete("/branch/dev/x")
        .is(404, "there is no branch \"dev/x\"");
    let rejection = "branch \"main\" is the default branch and cannot be deleted";
    api.delete("/branch/main").is(409, rejection);
    // The directory of the deleted ref does not block a branch of the same name.
    api.post("/branch/dev", "").is(200, "");
    assert_eq!(api.rev("refs/heads/dev"), api.rev("main"));
}

#[test]
fn the_server_option_overrides_the_default_branch() {
    let server_options = ServerOptions {
        default_branch: Some("dev".parse().unwrap()),
        ..ServerOptions::default()
    };
    let api = Api::with_options(server_options, Options::default());
    api.get("/modules").is(404, "there is no branch \"dev\"");
    api.put("a", 1);
    api.git(&["branch", "dev"]);
    api.get("/branch").is(200, "dev");
    api.post("/module/b", module(2));
    assert_eq!(api.content(), "/a=1");
    api.post("/branch/next", "").is(200, "");
    assert_eq!(api.rev("next"), api.rev("dev"));
    api.send_empty("PUT", "/branch/main", &[]).is(200, "");
    api.get("/branch").is(200, "main");
    let one = api.hash_of(&module(1));
    api.get("/modules").is(200, &format!(r#"{{"/a":"{one}"}}"#));
}

#[test]
fn a_store_without_commits_reads_as_empty() {
    let scratch = crate::support::store::Scratch::new();
    std::fs::remove_dir_all(&scratch.root).unwrap();
    std::fs::create_dir(&scratch.root).unwrap();
    scratch.git(&["init", "--bare", "--quiet", "--initial-branch=main"]);
    let s = Api::on(scratch, ServerOptions::default(), Options::default());
    s.get("/modules").is(200, "{}").lacks("wasmstore-commit");
    s.get("/modules/d").is(200, "{}");
    s.get("/commits").is(200, "[]");
    s.get("/versions/a").is(200, "[]");
    s.get("/branches").is(200, "[]");
    s.get("/branch").is(200, "main");
    s.get("/snapshot")
        .is(404, "branch \"main\" has no commit yet");
    s.get("/hash/a").is(404, "");
    s.get("/module/a").is(404, "there is no module /a");
    s.delete("/module/a").is(404, "there is no module /a");
    s.post("/rollback", "").is(409, "nothing to roll back");
    assert_eq!(s.send("GET", "/readyz", &[], "").status, 200);
    let put = s.send(
        "POST",
        &api("/module/a"),
        &[("if-none-match", "*")],
        module(1),
    );
    put.is(200, &s.hash_of(&module(1)))
        .has("wasmstore-commit", &s.rev("main"));
    s.get("/branches").is(200, "[\"main\"]");
    s.fsck();
}
