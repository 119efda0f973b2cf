//! `GET /commits/{path}` with a filter.

use serde_json::json;

use super::Api;
use crate::support::store::module;

/// A store with versions of `a` that export `f` or not, oldest first.
fn history() -> (Api, Vec<String>) {
    let s = Api::new();
    let mut commits = Vec::new();
    for text in [
        r#"(module (func (export "f")))"#,
        r#"(module (func (export "f")) (func (export "g")))"#,
        r#"(module (func (export "g") (param i32)))"#,
        r#"(module (func (export "f") (result i32) i32.const 0) (func (export "g") (param i32)))"#,
    ] {
        let put = s.post("/module/a", wat::parse_str(text).unwrap());
        assert_eq!(put.status, 200, "{}", put.text());
        commits.push(s.rev("main").to_string());
    }
    (s, commits)
}

#[test]
fn commits_are_listed_with_their_changes() {
    let (s, commits) = history();
    let found = s.get("/commits/a?export=f");
    assert_eq!(found.status, 200, "{}", found.text());
    let found_json = found.json();
    let listed = found_json.as_array().unwrap();
    let ids: Vec<_> = listed
        .iter()
        .map(|commit| commit["hash"].as_str().unwrap())
        .collect();
    assert_eq!(ids, [&commits[3], &commits[2], &commits[0]]);
    let expected = json!({
        "items": [{ "kind": "export", "name": "f", "old": null, "new": { "type": "(func (result i32))" } }],
        "left_out": 0,
    });
    assert_eq!(listed[0]["matched"], expected);
    assert_eq!(listed[1]["matched"]["items"][0]["new"], json!(null));
    let module = s.git(&["rev-parse", "main:a"]);
    assert_eq!(listed[0]["module"], module.trim());
    assert_eq!(found.headers["wasmstore-commit"], *s.rev("main"));
    let both = s.get("/commits/a?export=g&grew=0%25").json();
    assert_eq!(both.as_array().unwrap().len(), 3);
    let grew = &both[0]["matched"];
    assert!(
        grew["grew"]["new"].as_u64() > grew["grew"]["old"].as_u64(),
        "{grew}"
    );
    assert_eq!(grew["items"], json!([]));
    let old = [("wasmstore-commit", commits[0].as_str())];
    let at_first = s.send("GET", &super::api("/commits/a?export=f"), &old, "");
    assert_eq!(at_first.json().as_array().unwrap().len(), 1);
    assert_eq!(s.get("/commits/none?export=f").json(), json!([]));
    assert_eq!(s.get("/commits/a?import=f").json(), json!([]));
}

#[test]
fn filtered_commits_come_in_pages() {
    let (s, commits) = history();
    let (mut url, mut ids) = (
        "/commits/a?export=f&grew=500%25&limit=1".to_owned(),
        Vec::new(),
    );
    let mut pages = 0;
    loop {
        let page = s.get(&url);
        let page_json = page.json();
        let listed = page_json.as_array().unwrap();
        assert!(listed.len() <= 1);
        ids.extend(
            listed
                .iter()
                .map(|commit| commit["hash"].as_str().unwrap().to_owned()),
        );
        pages += 1;
        let Some(link) = page.headers.get("link") else {
            break;
        };
        let link = link.to_str().unwrap();
        assert!(
            link.ends_with("&export=f&grew=500%25>; rel=\"next\""),
            "{link}"
        );
        url = format!("/commits/a{}", link.split(['<', '>']).nth(1).unwrap());
    }
    assert_eq!(ids, [&*commits[3], &commits[2], &commits[0]]);
    assert_eq!(pages, 3);
}

#[test]
fn malformed_filters_are_rejected() {
    let s = Api::new();
    s.put("a", 1);
    let text = s.get("/commits/a?import=wasi:http@y").text().to_owned();
    assert!(text.contains("is not a version requirement"), "{text}");
    assert!(text.contains(" (at character 10)"), "{text}");
    for query in [
        "import=",
        "export=@1",
        "grew=10",
        "grew=",
        "grew=-1%25",
        "export=f&limit=0",
        "export=f&after=x",
    ] {
        assert_eq!(s.get(&format!("/commits/a?{query}")).status, 400, "{query}");
    }
    let long = "x".repeat(5000);
    assert_eq!(s.get(&format!("/commits/a?import={long}")).status, 400);
    let unknown = "0".repeat(40);
    assert_eq!(
        s.get(&format!("/commits/a?export=f&after={unknown}"))
            .status,
        404
    );
    assert_eq!(s.hash_of(&module(1)).len(), 40);
}

#[test]
fn the_commits_of_a_directory_are_listed_in_pages() {
    let s = Api::new();
    for (at, n) in [("d/a", 1), ("x", 2), ("d/e/b", 3), ("d/a", 4)] {
        s.put(at, n);
    }
    let ids = |uri: &str| {
        let found = s.get(uri);
        assert_eq!(found.status, 200, "{uri}: {}", found.text());
        let listed = found.json();
        let listed = listed.as_array().unwrap().iter();
        let ids: Vec<_> = listed
            .map(|commit| {
                assert!(commit.get("module").is_none(), "{commit}");
                commit["hash"].as_str().unwrap().to_owned()
            })
            .collect();
        (ids, found.headers.contains_key("link"))
    };
    let revs = ["main", "main~1", "main~3"].map(|name| s.rev(name).to_string());
    assert_eq!(ids("/commits/d"), (revs.to_vec(), false));
    assert_eq!(
        ids("/commits/d?modules=true&limit=2"),
        (revs[..2].to_vec(), true)
    );
    let next = format!("/commits/d?limit=2&after={}", revs[1]);
    assert_eq!(ids(&next), (revs[2..].to_vec(), false));
    assert_eq!(ids("/commits/d/e"), (vec![revs[1].clone()], false));
    assert_eq!(ids("/commits/none"), (vec![], false));
}

#[test]
fn commits_are_selected_by_author_and_date() {
    let s = Api::new();
    for (n, author) in [
        (1, "Ann <ann@x>"),
        (2, "Bob <bob@x>"),
        (3, "Ann Other <o@x>"),
    ] {
        let put = s.send(
            "POST",
            "/api/v1/module/d/a",
            &[("wasmstore-author", author)],
            module(n),
        );
        assert_eq!(put.status, 200, "{}", put.text());
    }
    let authors = |uri: &str| -> Vec<String> {
        let listed = s.get(uri).json();
        let listed = listed.as_array().unwrap().iter();
        listed
            .map(|commit| commit["author"].as_str().unwrap().to_owned())
            .collect()
    };
    for list in ["/commits", "/commits/d", "/commits/d/a"] {
        assert_eq!(authors(&format!("{list}?author=Ann")), ["Ann Other", "Ann"]);
        assert_eq!(
            authors(&format!("{list}?author=Ann%20%3Cann%40x%3E")),
            ["Ann"]
        );
        assert_eq!(authors(&format!("{list}?since=2200-01-01")), [""; 0]);
        assert_eq!(
            authors(&format!("{list}?since=2020-01-01&author=Bob")),
            ["Bob"]
        );
        let page = s.get(&format!("{list}?author=Ann&limit=1"));
        let link = page.headers["link"].to_str().unwrap();
        assert!(link.contains("&author=Ann>"), "{link}");
    }
    let found = authors("/commits/d/a?author=Ann&export=f");
    assert_eq!(found, ["Ann"]);
    for query in ["since=90d", "since=soon", "author=%3C"] {
        assert_eq!(s.get(&format!("/commits?{query}")).status, 400, "{query}");
    }
}
