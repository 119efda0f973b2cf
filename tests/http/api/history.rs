//! Commits and restores.

use serde_json::json;
use wasmstore::store::ObjectFormat;

use super::{Api, api};
use crate::support::store::git_with_input;

#[test]
fn a_commit_has_its_fields() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let api = Api::with_format(format);
        let root = api.rev("main");
        let by = [
            ("wasmstore-author", "Ann <ann@example.org>"),
            ("wasmstore-message", "first%0A%0Aand more"),
        ];
        let bytes = crate::support::store::module(1);
        let put = api.send("POST", &super::api("/module/a"), &by, bytes);
        let commit = put.header("wasmstore-commit").unwrap();
        let body_json = api.get(&format!("/commit/{commit}"));
        let date: i64 = api
            .git(&["log", "-1", "--format=%at"])
            .trim()
            .parse()
            .unwrap();
        let expected = json!({
            "hash": commit, "parents": [root], "author": "Ann", "date": date,
            "message": "first\n\nand more",
        });
        assert_eq!((body_json.status, body_json.json()), (200, expected));
        body_json
            .has("content-type", "application/json")
            .has("wasmstore-commit", commit);
        assert_eq!(body_json.text().find("\"hash\""), Some(1));
        let upper = api.get(&format!("/commit/{}", commit.to_uppercase()));
        assert_eq!(upper.body, body_json.body);
        assert_eq!(
            api.get(&format!("/commit/{root}")).json()["parents"],
            json!([])
        );
    }
}

#[test]
fn an_unknown_commit_is_404_and_a_malformed_one_400() {
    let api = Api::new();
    api.put("a", 1);
    let (blob, tree) = (api.rev("main:a"), api.rev("main^{tree}"));
    for unknown in [&blob, &tree, &"0".repeat(40), &"0".repeat(64)] {
        let detail = format!("there is no commit {unknown}");
        api.get(&format!("/commit/{unknown}")).is(404, &detail);
        api.post(&format!("/restore/{unknown}"), "")
            .is(404, &detail);
        api.post(&format!("/restore/{unknown}/a"), "")
            .is(404, &detail);
    }
    for malformed in ["a..b", "%20", "main%5E%7B", "main@%7B1%7D"] {
        for response in [
            api.get(&format!("/commit/{malformed}")),
            api.post(&format!("/restore/{malformed}"), ""),
            api.post(&format!("/restore/{malformed}/a"), ""),
        ] {
            assert_eq!(response.status, 400, "{malformed}");
            assert!(
                response.text().contains(": expected a "),
                "{}",
                response.text()
            );
        }
    }
}

#[test]
fn the_snapshot_is_the_tip() {
    let api = Api::new();
    let tip = api.put("a", 1).to_string();
    api.get("/snapshot")
        .is(200, &tip)
        .has("wasmstore-commit", &tip)
        .has("cache-control", "no-cache");
    let root = api.rev("main^");
    api.get_with("/snapshot", &[("wasmstore-commit", &root)])
        .is(200, &root);
    let unknown = "0".repeat(40);
    let response = api.get_with("/snapshot", &[("wasmstore-commit", &unknown)]);
    response.is(404, &format!("there is no commit {unknown}"));
}

fn hashes(response: &super::TestResponse) -> Vec<String> {
    assert_eq!(response.status, 200, "{}", response.text());
    let commits = response.json();
    let hash = |commit: &serde_json::Value| commit["hash"].as_str().unwrap().to_owned();
    commits.as_array().unwrap().iter().map(hash).collect()
}

#[test]
fn commits_are_listed_newest_first() {
    let api = Api::new();
    let root = api.rev("main");
    let [one, two, three] =
        [("a", 1), ("d/b", 2), ("a", 3)].map(|(at, n)| api.put(at, n).to_string());
    let all = api.get("/commits");
    all.has("wasmstore-commit", &three).lacks("link");
    assert_eq!(hashes(&all), [&*three, &*two, &*one, &*root]);
    let mut newest = api.get(&format!("/commit/{three}")).json();
    newest["commit"] = three.as_str().into();
    assert_eq!(all.json()[0], newest);
    assert_eq!(hashes(&api.get("/commits/a")), [&*three, &*one]);
    assert_eq!(hashes(&api.get("/commits/d/b")), [&*two]);
    api.get("/commits/none").is(200, "[]");
    assert_eq!(
        hashes(&api.get_with("/commits", &[("wasmstore-commit", &one)])),
        [&*one, &*root]
    );
    assert_eq!(api.get("/commits/..").status, 400);
    api.delete("/module/a").is(200, "");
    assert_eq!(hashes(&api.get("/commits/a")).len(), 3);
}

#[test]
fn commits_are_listed_in_pages() {
    let s = Api::new();
    let root = s.rev("main");
    let commits = [1, 2, 3].map(|n| s.put("d/ä b", n).to_string());
    for (path, count) in [("/commits", 4), ("/commits/d/%C3%A4%20b", 3)] {
        let (mut uri, mut seen) = (api(&format!("{path}?limit=1")), Vec::new());
        loop {
            let page = s.send("GET", &uri, &[], "");
            seen.extend(hashes(&page));
            let Some(link) = page.header("link") else {
                break;
            };
            let last = seen.last().unwrap();
            let next = format!("?limit=1&after={last}");
            assert_eq!(link, format!("<{next}>; rel=\"next\""));
            uri = api(path) + &next;
        }
        let all = [&commits[2], &commits[1], &commits[0], &root];
        assert_eq!(
            seen,
            all[..count]
                .iter()
                .map(|id| id.to_string())
                .collect::<Vec<_>>()
        );
    }
    s.get("/commits?limit=4").lacks("link");
    s.get(&format!("/commits?after={root}")).is(200, "[]");
    s.get("/commits?limit=0")
        .is(400, "`limit` must be at least 1");
    for malformed in ["limit=x", "limit=", "after=", "after=main"] {
        assert_eq!(
            s.get(&format!("/commits?{malformed}")).status,
            400,
            "{malformed}"
        );
    }
    let unknown = "0".repeat(40);
    let detail = format!("there is no commit {unknown}");
    s.get(&format!("/commits?after={unknown}")).is(404, &detail);
    let elsewhere = format!("/commits/d/%C3%A4%20b?after={root}");
    s.get(&elsewhere)
        .is(404, &format!("there is no commit {root}"));
}

#[test]
fn a_restore_makes_a_new_commit() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let api = Api::with_format(format);
        api.put("a", 1);
        let old = api.put("d/x", 2).to_string();
        api.put("a", 3);
        api.put("b", 4);
        let before = api.rev("main");
        api.post(&format!("/restore/{old}/a"), "")
            .is(200, "")
            .has("wasmstore-commit", &api.rev("main"));
        assert_eq!(
            (api.content(), api.rev("main^")),
            ("/a=1 /b=4 /d/x=2".to_owned(), before)
        );
        // The path does not exist in the commit, so it is removed.
        api.post(&format!("/restore/{old}/b"), "").is(200, "");
        assert_eq!(api.subjects()[..2], ["Restore /b", "Restore /a"]);
        api.put("d/y", 5);
        api.post(&format!("/restore/{old}/d"), "").is(200, "");
        assert_eq!(api.content(), "/a=1 /d/x=2");
        api.put("a", 6);
        api.post(&format!("/restore/{}", old.to_uppercase()), "")
            .is(200, "");
        assert_eq!(
            (api.content(), &*api.subjects()[0]),
            ("/a=1 /d/x=2".to_owned(), "Restore")
        );
        // If nothing would change, no commit is made.
        let state = api.state();
        let again = api.post(&format!("/restore/{old}"), "");
        again.is(200, "").has("wasmstore-commit", &api.rev("main"));
        let absent =
            format!("there is no module /none in commit {old} or at the tip of the branch");
        api.post(&format!("/restore/{old}/none"), "")
            .is(404, &absent);
        assert_eq!(api.post(&format!("/restore/{old}/.."), "").status, 400);
        assert_eq!(api.state(), state);
        api.fsck();
    }
}

#[test]
fn a_restore_that_conflicts_with_a_module_is_409() {
    let api = Api::new();
    let old = api.put("a/b", 1);
    api.delete("/module/a/b").is(200, "");
    api.put("a", 2);
    let rejection = api.post(&format!("/restore/{old}/a/b"), "");
    rejection.is(409, "/a/b cannot be written: /a is a module");
    assert_eq!(api.content(), "/a=2");
}

#[test]
fn a_commit_made_by_another_git_program_is_readable() {
    let api = Api::new();
    let text = format!(
        "tree {}\nauthor J\u{f6}rg <j@x> 12 +0130\ncommitter C <c@x> 99 -0500\n\nTitle\n\nText\n",
        api.rev("main^{tree}")
    );
    let commit = git_with_input(
        &api.root,
        &["hash-object", "-w", "-t", "commit", "--stdin"],
        &text,
    );
    let body_json = api.get(&format!("/commit/{}", commit.trim())).json();
    let expected = json!({
        "hash": commit.trim(), "parents": [], "author": "Jörg", "date": 12, "message": "Title\n\nText",
    });
    assert_eq!(body_json, expected);
}
