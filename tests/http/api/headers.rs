//! The API's own request headers.

use axum::body::Body;
use axum::http::{HeaderValue, Request};

use super::{Api, HOST, api};
use crate::support::store::module;

fn two_branches() -> Api {
    let s = Api::new();
    s.put("a", 1);
    s.post("/branch/f/%C3%A4", "").is(200, "");
    s.put_on(Some("f/ä"), "b", 2);
    s
}

#[test]
fn every_read_uses_the_selected_branch() {
    let s = two_branches();
    let tip = s.rev("refs/heads/f/ä");
    let [one, two] = [1, 2].map(|n| s.hash_of(&module(n)));
    for branch in ["f%2F%C3%A4", "f/%c3%a4"] {
        let on = [("wasmstore-branch", branch)];
        let all = format!(r#"{{"/a":"{one}","/b":"{two}"}}"#);
        s.get_with("/modules", &on)
            .is(200, &all)
            .has("wasmstore-commit", &tip);
        s.get_with("/module/b", &on)
            .has("wasmstore-hash", &two)
            .has("wasmstore-commit", &tip);
        s.get_with(&format!("/module/{two}"), &on)
            .has("wasmstore-hash", &two);
        s.get_with("/hash/b", &on).is(200, &two);
        s.get_with("/versions/b", &on)
            .is(200, &format!(r#"[["{two}","{tip}"]]"#));
        s.get_with("/version/0/b", &on).has("wasmstore-hash", &two);
        s.get_with("/snapshot", &on).is(200, &tip);
        assert_eq!(s.get_with("/info/b", &on).json()["hash"], two);
        assert_eq!(s.get_with("/commits", &on).json()[0]["hash"], tip);
        assert_eq!(s.send_empty("HEAD", "/module/b", &on).status, 200);
    }
    assert_eq!(s.get("/module/b").status, 404);
    assert_eq!(s.get(&format!("/module/{two}")).status, 404);
}

#[test]
fn every_write_uses_the_selected_branch() {
    let s = two_branches();
    let main = s.rev("main");
    let on = [("wasmstore-branch", "f%2F%C3%A4")];
    let old = s.rev("refs/heads/f/ä");
    let one = s.hash_of(&module(1));
    let listed = || {
        s.git(&["ls-tree", "-r", "--name-only", "refs/heads/f/ä"])
            .replace('\n', " ")
    };
    for (method, path, body, left) in [
        ("POST", "/module/c".to_owned(), module(3), "a b c "),
        ("POST", format!("/hash/{one}/d"), vec![], "a b c d "),
        ("DELETE", "/module/c".to_owned(), vec![], "a b d "),
        ("DELETE", format!("/module/{one}"), vec![], "b "),
        ("POST", "/rollback".to_owned(), vec![], "a b d "),
        ("POST", "/rollback/d".to_owned(), vec![], "a b "),
        ("POST", format!("/restore/{old}/a"), vec![], "a b "),
        ("POST", format!("/restore/{main}"), vec![], "a "),
        ("POST", "/merge/main".to_owned(), vec![], "a "),
        ("POST", "/gc".to_owned(), vec![], "a "),
    ] {
        let response = s.send(method, &api(&path), &on, body);
        assert_eq!(response.status, 200, "{method} {path}: {}", response.text());
        assert_eq!(listed(), left, "{method} {path}");
        response.has("wasmstore-commit", &s.rev("refs/heads/f/ä"));
    }
    assert_eq!(s.rev("main"), main);
    s.fsck();
}

#[test]
fn an_unknown_branch_is_404_and_is_not_created() {
    let s = two_branches();
    let (state, hash) = (s.state(), s.hash_of(&module(1)));
    let tip = s.rev("main");
    let on = [("wasmstore-branch", "none")];
    let reads = [
        "modules",
        "modules/d",
        "module/a",
        "hash/a",
        "info/a",
        "versions/a",
        "version/0/a",
        "commits",
        "commits/a",
        "snapshot",
    ];
    let posts = [
        "module/x".to_owned(),
        format!("hash/{hash}/x"),
        format!("restore/{tip}"),
        format!("restore/{tip}/a"),
        "rollback".to_owned(),
        "rollback/a".to_owned(),
        "merge/main".to_owned(),
        "gc".to_owned(),
    ];
    let all = reads.iter().map(|path| ("GET", *path));
    let all = all
        .chain(posts.iter().map(|path| ("POST", &**path)))
        .chain([("DELETE", "module/a")]);
    for (method, path) in all {
        let response = s.send(method, &api(&format!("/{path}")), &on, module(5));
        let body = if path == "hash/a" {
            ""
        } else {
            "there is no branch \"none\""
        };
        assert_eq!(
            (response.status, response.text()),
            (404, body),
            "{method} {path}"
        );
        for malformed in ["", "..", "a b", "%zz", "%ff"] {
            let on = [("wasmstore-branch", malformed)];
            let response = s.send(method, &api(&format!("/{path}")), &on, module(5));
            assert_eq!(response.status, 400, "{method} {path} {malformed:?}");
        }
    }
    assert_eq!(s.state(), state);
}

#[test]
fn a_read_uses_the_selected_commit() {
    let s = Api::new();
    let old = s.put("a", 1).to_string();
    s.put("a", 2);
    s.put("b", 3);
    let one = s.hash_of(&module(1));
    let at = [("wasmstore-commit", &*old)];
    s.get_with("/modules", &at)
        .is(200, &format!(r#"{{"/a":"{one}"}}"#))
        .has("wasmstore-commit", &old);
    s.get_with("/module/a", &at)
        .has("wasmstore-hash", &one)
        .has("wasmstore-commit", &old);
    s.get_with(&format!("/module/{one}"), &at)
        .has("wasmstore-hash", &one)
        .lacks("wasmstore-commit");
    s.get_with("/hash/b", &at).is(404, "");
    s.get_with("/hash/a", &[("wasmstore-commit", &old.to_uppercase())])
        .is(200, &one);
    assert_eq!(s.get_with("/info/a", &at).json()["hash"], one);
    let unknown = "0".repeat(40);
    let detail = format!("there is no commit {unknown}");
    for path in [
        "/modules",
        "/module/a",
        "/info/a",
        "/versions/a",
        "/version/0/a",
        "/commits",
    ] {
        s.get_with(path, &[("wasmstore-commit", &unknown)])
            .is(404, &detail);
        let malformed = s.get_with(path, &[("wasmstore-commit", "a..b")]);
        assert_eq!(malformed.status, 400, "{path}");
        assert!(
            malformed
                .text()
                .starts_with("wasmstore-commit is malformed: ")
        );
    }
}

#[test]
fn a_write_with_a_commit_header_is_400() {
    let s = Api::new();
    let old = s.put("a", 1).to_string();
    s.put("a", 2);
    let (state, one) = (s.state(), s.hash_of(&module(1)));
    let detail = "Wasmstore-Commit is only for reads";
    for (method, path) in [
        ("POST", "/module/x".to_owned()),
        ("DELETE", "/module/a".to_owned()),
        ("POST", format!("/hash/{one}/x")),
        ("POST", format!("/restore/{old}")),
        ("POST", format!("/restore/{old}/a")),
        ("POST", "/rollback".to_owned()),
        ("POST", "/rollback/a".to_owned()),
        ("POST", "/merge/main".to_owned()),
        ("POST", "/gc".to_owned()),
        ("POST", "/branch/x".to_owned()),
        ("PUT", "/branch/x".to_owned()),
        ("DELETE", "/branch/main".to_owned()),
    ] {
        let at = [("wasmstore-commit", &*old)];
        s.send(method, &api(&path), &at, module(5)).is(400, detail);
    }
    let both = [("wasmstore-commit", &*old), ("wasmstore-branch", "none")];
    s.get_with("/modules", &both)
        .is(404, "there is no branch \"none\"");
    let both = [("wasmstore-commit", &*old), ("wasmstore-branch", "main")];
    assert_eq!(s.get_with("/modules", &both).status, 200);
    assert_eq!(s.state(), state);
}

#[test]
fn author_and_message_headers_appear_in_the_commit() {
    let s = Api::new();
    for (n, (author, name)) in [
        ("J%C3%B6rg <j@x>", "Jörg <j@x>"),
        ("Ann", "Ann <>"),
        ("%20 Ann  <a@b> ", "Ann <a@b>"),
    ]
    .into_iter()
    .enumerate()
    {
        let by = [
            ("wasmstore-author", author),
            ("wasmstore-message", "L%C3%B6sche%20100%25%0A%0Atext"),
        ];
        s.send("POST", &api("/module/a"), &by, module(n as u32));
        let log = s.git(&["log", "-1", "--format=%an <%ae>|%cn|%B"]);
        assert_eq!(log.trim(), format!("{name}|wasmstore|Lösche 100%\n\ntext"));
    }
    let (state, hash) = (s.state(), s.hash_of(&module(0)));
    for (name, value) in [
        ("wasmstore-author", "A <b> <c>"),
        ("wasmstore-author", "A%0AB <c>"),
        ("wasmstore-author", ""),
        ("wasmstore-author", "%zz"),
        ("wasmstore-author", "%ff"),
        ("wasmstore-message", ""),
        ("wasmstore-message", "%00"),
        ("wasmstore-message", &format!("x%0A%0ARestores: {hash}")),
        ("wasmstore-message", "Squashed: true"),
    ] {
        for path in [
            "/module/b".to_owned(),
            format!("/hash/{hash}/b"),
            "/rollback".to_owned(),
            "/gc".to_owned(),
        ] {
            let response = s.send("POST", &api(&path), &[(name, value)], module(5));
            assert_eq!(response.status, 400, "{path} {name}: {value:?}");
        }
    }
    assert_eq!(s.state(), state);
    s.fsck();
}

#[test]
fn headers_must_be_utf8_and_not_repeated() {
    let s = two_branches();
    let raw = HeaderValue::from_bytes("f/ä".as_bytes()).unwrap();
    let request = |value: HeaderValue| {
        Request::get(api("/hash/b"))
            .header("host", HOST)
            .header("wasmstore-branch", value)
    };
    let response = s.send_request(request(raw.clone()).body(Body::empty()).unwrap());
    response.is(200, &s.hash_of(&module(2)));
    let latin = HeaderValue::from_bytes(b"f/\xe4").unwrap();
    let response = s.send_request(request(latin).body(Body::empty()).unwrap());
    response.is(400, "a header is not UTF-8");
    let twice = request(raw).header("wasmstore-branch", "main");
    s.send_request(twice.body(Body::empty()).unwrap())
        .is(400, "there is more than one wasmstore-branch header");
}
