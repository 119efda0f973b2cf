//! Every endpoint without a key, and with one that lacks its method.

use super::{Api, api};
use crate::support::store::module;

const KEYS: &str = "reader:GET\nwriter:POST,PUT,DELETE\nann:POST:Ann <ann@example.org>\nall:*";

/// Every row of the contract's table.
fn endpoints(s: &Api) -> Vec<(&'static str, String)> {
    let (tip, hash) = (s.tip(), s.hash_of(&module(1)));
    vec![
        ("GET", api("/modules")),
        ("GET", api("/modules/d")),
        ("GET", api("/module/a")),
        ("HEAD", api("/module/a")),
        ("GET", api(&format!("/module/{hash}"))),
        ("POST", api("/module/b")),
        ("DELETE", api("/module/a")),
        ("DELETE", api(&format!("/module/{hash}"))),
        ("GET", api("/hash/a")),
        ("POST", api(&format!("/hash/{hash}/b"))),
        ("GET", api("/info/a")),
        ("GET", api("/versions/a")),
        ("GET", api("/version/0/a")),
        ("GET", api("/commits")),
        ("GET", api("/commits/a")),
        ("GET", api("/snapshot")),
        ("GET", api(&format!("/commit/{tip}"))),
        ("POST", api(&format!("/restore/{tip}"))),
        ("POST", api(&format!("/restore/{tip}/a"))),
        ("POST", api("/rollback")),
        ("POST", api("/rollback/a")),
        ("GET", api("/branch")),
        ("GET", api("/branches")),
        ("PUT", api("/branch/new")),
        ("POST", api("/branch/new")),
        ("DELETE", api("/branch/dev")),
        ("POST", api("/merge/dev")),
        ("POST", api("/gc")),
        ("GET", api("/auth")),
        ("POST", api("/auth")),
        ("GET", api("/openapi.json")),
        ("GET", "/metrics".to_owned()),
        ("GET", api("/nothing")),
        ("GET", "/".to_owned()),
        ("BREW", api("/modules")),
    ]
}

fn guarded() -> Api {
    let s = Api::with_keys(KEYS);
    s.put("a", 1);
    s.git(&["branch", "dev"]);
    s
}

#[test]
fn without_a_key_everything_is_401() {
    let s = guarded();
    let state = s.state();
    for (method, uri) in endpoints(&s) {
        for headers in [
            &[][..],
            &[("wasmstore-auth", "guess")],
            &[("authorization", "Bearer all")],
        ] {
            let answer = s.send(method, &uri, headers, module(2));
            let detail = if method == "HEAD" {
                ""
            } else {
                "a valid key is needed"
            };
            assert_eq!(
                (answer.status, answer.text()),
                (401, detail),
                "{method} {uri}"
            );
            answer.has(
                "www-authenticate",
                "Basic realm=\"wasmstore\", charset=\"UTF-8\"",
            );
        }
    }
    assert_eq!(s.state(), state);
}

#[test]
fn with_a_key_that_lacks_the_method_everything_is_403() {
    let s = guarded();
    let state = s.state();
    for (method, uri) in endpoints(&s) {
        let key = match method {
            "GET" | "HEAD" => "writer",
            _ => "reader",
        };
        let answer = s.send(method, &uri, &[("wasmstore-auth", key)], module(2));
        let detail = if method == "HEAD" {
            ""
        } else {
            "the key does not allow this method"
        };
        assert_eq!(
            (answer.status, answer.text()),
            (403, detail),
            "{method} {uri}"
        );
        answer.lacks("www-authenticate");
    }
    assert_eq!(s.state(), state);
}

#[test]
fn with_a_key_for_the_method_nothing_is_in_the_way() {
    let known = guarded();
    for (method, uri) in endpoints(&known) {
        if matches!(method, "BREW") || uri.ends_with("/nothing") || uri == "/" {
            continue;
        }
        let s = guarded();
        let uri = uri.replace(&known.tip().to_string(), &s.tip().to_string());
        let key = match method {
            "GET" | "HEAD" => "reader",
            _ => "writer",
        };
        let answer = s.send(method, &uri, &[("wasmstore-auth", key)], module(2));
        assert_eq!(answer.status, 200, "{method} {uri}: {}", answer.text());
    }
}

#[test]
fn the_clients_ask_what_a_key_may_do() {
    let s = guarded();
    for (key, method, status) in [
        ("reader", "GET", 200),
        ("reader", "HEAD", 200),
        ("reader", "POST", 403),
        ("reader", "DELETE", 403),
        ("writer", "GET", 403),
        ("writer", "PUT", 200),
        ("all", "PATCH", 200),
        ("none", "GET", 401),
    ] {
        let answer = s.change(method, "/auth", &[("wasmstore-auth", key)]);
        assert_eq!(answer.status, status, "{key} {method}");
    }
}

#[test]
fn a_key_comes_as_a_password_too_but_its_own_header_wins() {
    let s = guarded();
    // "git:reader" and ":reader".
    for basic in ["Basic Z2l0OnJlYWRlcg==", "basic OnJlYWRlcg"] {
        assert_eq!(s.read("/modules", &[("authorization", basic)]).status, 200);
        let both = [("authorization", basic), ("wasmstore-auth", "writer")];
        assert_eq!(s.read("/modules", &both).status, 403);
    }
}

#[test]
fn a_key_may_fix_the_author() {
    let s = guarded();
    let ann = ("wasmstore-auth", "ann");
    let foreign = "the key does not allow this author";
    let state = s.state();
    for path in ["/module/b", "/rollback", "/gc", "/merge/dev"] {
        let answer = s.send(
            "POST",
            &api(path),
            &[ann, ("wasmstore-author", "Bob <b@x>")],
            module(2),
        );
        answer.is(403, foreign);
    }
    assert_eq!(s.state(), state);
    for headers in [
        &[ann][..],
        &[ann, ("wasmstore-author", "Ann <ann@example.org>")],
    ] {
        s.send(
            "POST",
            &api("/module/b"),
            headers,
            module(headers.len() as u32),
        );
        assert_eq!(
            s.git(&["log", "-1", "--format=%an <%ae>"]),
            "Ann <ann@example.org>\n"
        );
    }
    let free = [("wasmstore-auth", "all"), ("wasmstore-author", "Bob <b@x>")];
    s.send("POST", &api("/module/c"), &free, module(3));
    assert_eq!(s.git(&["log", "-1", "--format=%an"]), "Bob\n");
}

#[test]
fn those_who_look_after_the_server_need_no_key() {
    let s = guarded();
    for path in ["/healthz", "/readyz", "/healthz/"] {
        s.send("GET", path, &[], "").is(200, "ok");
    }
    let preflight = [
        ("origin", "http://127.0.0.1:6384"),
        ("access-control-request-method", "POST"),
    ];
    assert_eq!(s.change("OPTIONS", "/module/a", &preflight).status, 204);
}
