//! Illegal names, and legal names that look unusual.

use super::{Api, api};
use crate::support::store::module;

#[test]
fn illegal_paths_are_400_in_every_endpoint() {
    let s = Api::new();
    let tip = s.put("a", 1).to_string();
    let (hash, state) = (s.hash_of(&module(1)), s.state());
    let long = "x".repeat(5000);
    let segment = "x".repeat(256);
    let deep = vec!["s"; 70].join("/");
    for path in [
        "..",
        "%2e%2e",
        "a/../b",
        "a%2F..%2Fb",
        "%2e",
        "./a",
        "a/%2E/b",
        ".git",
        ".GIT/config",
        "a/.git",
        "a/%2egit",
        "git~1",
        ".git%20",
        ".g%E2%80%8Cit",
        ".gitmodules",
        "x/.gitattributes",
        "%00",
        "a%00b",
        "a%0Ab",
        "a%5Cb",
        "%7F",
        "%C2%85",
        "%zz",
        "%",
        "a%4",
        "%ff",
        "%C3",
        "a/%ed%a0%80",
        &long,
        &segment,
        &deep,
        &format!("a/{segment}"),
        &"d/".repeat(2049),
    ] {
        for (method, uri) in [
            ("POST", format!("/module/{path}")),
            ("GET", format!("/module/{path}")),
            ("HEAD", format!("/module/{path}")),
            ("DELETE", format!("/module/{path}?recursive=true")),
            ("GET", format!("/modules/{path}")),
            ("GET", format!("/hash/{path}")),
            ("POST", format!("/hash/{hash}/{path}")),
            ("GET", format!("/info/{path}")),
            ("GET", format!("/versions/{path}")),
            ("GET", format!("/version/0/{path}")),
            ("GET", format!("/commits/{path}")),
            ("POST", format!("/restore/{tip}/{path}")),
            ("POST", format!("/rollback/{path}")),
        ] {
            let response = s.send(method, &api(&uri), &[], module(2));
            assert_eq!(response.status, 400, "{method} {uri}: {}", response.text());
        }
    }
    assert_eq!(s.state(), state);
}

#[test]
fn a_path_with_the_form_of_a_hash_is_rejected() {
    let s = Api::new();
    let state = s.state();
    for name in [
        "a".repeat(40),
        "F".repeat(40),
        "0".repeat(64),
        format!("sha256:{}", "0".repeat(64)),
        "sha256:x".to_owned(),
    ] {
        let put = s.post(&format!("/module/{name}"), module(1));
        put.is(
            400,
            &format!(
                "module path {name:?} has the form of a hash: use a directory or another name"
            ),
        );
        assert_eq!(s.get(&format!("/versions/{name}")).status, 400);
    }
    assert_eq!(s.state(), state);
    let hash = s.hash_of(&module(1));
    let deeper = format!("/module/d/{hash}");
    s.post(&deeper, module(1)).is(200, &hash);
    assert_eq!(s.get(&deeper).body, module(1));
    assert_eq!(s.rev(&format!("main:d/{hash}")), hash);
}

#[test]
fn a_path_is_decoded_once() {
    let s = Api::new();
    let hash = s.hash_of(&module(1));
    for (sent, stored) in [
        ("a%2Fb", "a/b"),
        ("%2Fc%2F%2f", "c"),
        ("d%252Fe", "d%2Fe"),
        ("%C3%A4/%F0%9F%A6%80.wasm", "ä/🦀.wasm"),
        ("x%20y", "x y"),
        ("x+y", "x+y"),
        ("q%3Fx%3D1", "q?x=1"),
        ("h%23i", "h#i"),
        ("%22%27%3C%3E%7C%2A", "\"'<>|*"),
        ("...", "..."),
        ("a.lock", "a.lock"),
        ("HEAD", "HEAD"),
        ("refs/heads/main", "refs/heads/main"),
        ("-rf", "-rf"),
    ] {
        let uri = api(&format!("/module/{sent}"));
        s.send("POST", &uri, &[], module(1)).is(200, &hash);
        let tree = s.git(&["ls-tree", "-r", "-z", "--name-only", "main"]);
        assert_eq!(tree, format!("{stored}\0"), "{sent}");
        let listed = s.get("/modules").json();
        assert_eq!(
            listed,
            serde_json::json!({ format!("/{stored}"): hash }),
            "{sent}"
        );
        assert_eq!(s.send("GET", &uri, &[], "").body, module(1), "{sent}");
        s.get(&format!("/hash/{sent}")).is(200, &hash);
        s.send("DELETE", &uri, &[], "").is(200, "");
    }
    s.fsck();
}

#[test]
fn new_names_with_c1_or_bidi_controls_are_400() {
    let s = Api::new();
    s.put("a", 1);
    let (hash, state) = (s.hash_of(&module(1)), s.state());
    let path = "path segment \"\\u{202e}x\" contains a bidirectional control character";
    s.post("/module/%E2%80%AEx", module(1)).is(400, path);
    s.post(&format!("/hash/{hash}/d/%E2%80%AEx"), "")
        .is(400, path);
    let branch = "branch name \"x\\u{9b}\" contains a C1 or bidirectional control character";
    s.post("/branch/x%C2%9B", "").is(400, branch);
    assert_eq!(s.state(), state);
    s.get("/module/%E2%80%AEx")
        .is(404, "there is no module /\u{202e}x");
}

#[test]
fn the_query_is_not_part_of_the_path() {
    let s = Api::new();
    let hash = s.hash_of(&module(1));
    s.post("/module/a?b=c&%2f&//", module(1)).is(200, &hash);
    s.get("/module/a?").has("wasmstore-hash", &hash);
    assert_eq!(s.content(), "/a=1");
    s.get("/modules?limit=1&%2f=%c3%a4")
        .is(200, &format!(r#"{{"/a":"{hash}"}}"#));
    let malformed = "a `%` is not followed by two hex digits";
    s.get("/modules?limit=1&%zz").is(400, malformed);
    let malformed = "the percent escapes are not UTF-8";
    s.get("/modules?after=/%ff").is(400, malformed);
}

#[test]
fn the_longest_path_is_accepted() {
    let s = Api::new();
    let hash = s.hash_of(&module(1));
    let segments: Vec<_> = (0..16).map(|_| "x".repeat(255)).collect();
    let longest = segments.join("/");
    let deepest = vec!["s"; 64].join("/");
    for path in [longest, deepest] {
        s.post(&format!("/module/{path}"), module(1)).is(200, &hash);
        s.get(&format!("/hash/{path}")).is(200, &hash);
    }
    s.fsck();
}
