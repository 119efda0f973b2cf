//! `Wasmstore-If-Match` and `Wasmstore-If-None-Match`: every write honours them, or refuses them.

use super::{Api, TestResponse, api};
use crate::support::store::{branch, module};
use wasmstore::store::Revision;

fn filled() -> Api {
    let s = Api::new();
    s.put("a", 1);
    s.put("b", 2);
    s.put("d/x", 3);
    s.store
        .create_branch(&branch("side"), &Revision::default())
        .unwrap();
    s.put_on(Some("side"), "side", 4);
    s
}

/// Sends a write; one to `/module/` has a module as its body.
fn send(s: &Api, (method, uri): (&str, &str), header: (&str, &str)) -> TestResponse {
    let is_upload = method == "POST" && uri.starts_with("/module/");
    let body = if is_upload { module(5) } else { Vec::new() };
    s.send(method, &api(uri), &[header], body)
}

#[test]
fn every_write_to_modules_honours_conditions_for_paths() {
    let s = filled();
    let (one, two) = (s.hash_of(&module(1)), s.hash_of(&module(2)));
    let old = s.rev("main~1");
    let writes = [
        ("POST", "/module/new".to_owned()),
        ("POST", format!("/hash/{two}/new")),
        ("POST", "/copy?from=b&to=new".to_owned()),
        ("POST", "/move?from=b&to=new".to_owned()),
        ("DELETE", "/module/b".to_owned()),
        ("DELETE", "/modules?name=b".to_owned()),
        ("POST", format!("/restore/{old}")),
        ("POST", "/rollback".to_owned()),
        ("POST", "/merge/side".to_owned()),
    ];
    for (method, uri) in &writes {
        let before = s.state();
        for (name, value, current) in [
            (
                "wasmstore-if-match",
                format!("/a {two}"),
                format!("the current value at /a is {one}"),
            ),
            (
                "wasmstore-if-match",
                format!("/none {two}"),
                "nothing exists at /none".to_owned(),
            ),
            (
                "wasmstore-if-none-match",
                "/none, /a".to_owned(),
                format!("the current value at /a is {one}"),
            ),
            (
                "wasmstore-if-none-match",
                "/d".to_owned(),
                "/d is a directory".to_owned(),
            ),
        ] {
            let response = send(&s, (method, uri), (name, &value));
            response.is(412, &format!("the precondition failed: {current}"));
            assert_eq!(s.state(), before, "{method} {uri} {name}: {value}");
        }
    }
    for (method, uri) in &writes {
        let s = filled();
        let old = s.rev("main~1");
        let uri = uri.split("/restore/").collect::<Vec<_>>();
        let uri = match uri[..] {
            [_, _] => format!("/restore/{old}"),
            _ => uri[0].to_owned(),
        };
        let holds = format!("/a {one}, /b {two}");
        let response = send(&s, (method, &uri), ("wasmstore-if-match", &holds));
        assert_eq!(response.status, 200, "{method} {uri}: {}", response.text());
        response.has("wasmstore-changed", "true");
    }
}

#[test]
fn the_module_that_a_write_puts_there_is_allowed_and_a_star_means_its_paths() {
    let s = filled();
    let star = ("wasmstore-if-none-match", "*");
    let [one, five] = [1, 5].map(|n| s.hash_of(&module(n)));
    let failed = format!("the precondition failed: the current value at /a is {one}");
    for uri in [
        "/module/a".to_owned(),
        format!("/hash/{}/a", s.hash_of(&module(2))),
    ] {
        send(&s, ("POST", &uri), star).is(412, &failed);
    }
    send(&s, ("POST", "/module/new"), star).has("wasmstore-changed", "true");
    // A job that runs twice.
    send(&s, ("POST", "/module/new"), star)
        .is(200, &five)
        .has("wasmstore-changed", "false");
    let twice = format!("/hash/{one}/a");
    send(&s, ("POST", &twice), star)
        .is(200, &one)
        .has("wasmstore-changed", "false");
}

#[test]
fn a_write_that_names_no_paths_refuses_conditions_for_them() {
    let s = filled();
    s.git(&["tag", "v1"]);
    let state = s.state();
    let restore = format!("/restore/{}", s.rev("main~1"));
    for write in [
        ("POST", "/copy?from=b&to=new"),
        ("POST", "/move?from=b&to=new"),
        ("DELETE", "/module/b"),
        ("DELETE", "/modules?name=b"),
        ("POST", &restore),
        ("POST", "/rollback"),
        ("POST", "/merge/side"),
    ] {
        let response = send(&s, write, ("wasmstore-if-none-match", "*"));
        let reason = "a precondition for all written paths is not possible, because the request does not name these paths: name them in the precondition";
        response.is(400, reason);
    }
    for write in [
        ("POST", "/gc"),
        ("POST", "/gc?dry_run=true"),
        ("POST", "/tag/v2"),
        ("DELETE", "/tag/v1"),
        ("POST", "/branch/new"),
        ("PUT", "/branch/side"),
        ("DELETE", "/branch/side"),
    ] {
        let response = send(&s, write, ("wasmstore-if-none-match", "/none"));
        assert_eq!(response.status, 400, "{write:?}: {}", response.text());
        assert!(
            response.text().starts_with("Wasmstore-If-Match and"),
            "{write:?}"
        );
    }
    for write in [("POST", "/module/c"), ("POST", "/rollback")] {
        assert_eq!(send(&s, write, ("wasmstore-if-match", "/a")).status, 400);
    }
    assert_eq!(s.state(), state);
}
