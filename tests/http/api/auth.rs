//! Every endpoint without a key, and with a key that lacks its method.

use super::{Api, api};
use crate::support::store::module;

const KEYS: &str = "reader:GET\nwriter:POST,PUT,DELETE\nann:POST:Ann <ann@example.org>\nall:*";

/// Returns whether the request needs a key that allows GET.
fn needs_get(method: &str, uri: &str) -> bool {
    matches!(method, "GET" | "HEAD") || uri == "/api/v1/world"
}

/// Returns a request to every endpoint.
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
        ("GET", api("/wit/c")),
        ("GET", api("/size/a")),
        ("GET", api("/search?q=kind:module")),
        ("POST", api("/world")),
        ("GET", api("/diff?from=main&to=dev")),
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
        ("GET", api("/rollback")),
        ("GET", api("/rollback/a")),
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

fn server_with_keys() -> Api {
    let s = Api::with_keys(KEYS);
    let component = include_bytes!("../../../fixtures/wit/filter.wasm");
    let all = [("wasmstore-auth", "all")];
    let added = s.send("POST", &api("/module/c"), &all, &component[..]);
    assert_eq!(added.status, 200);
    s.put("a", 1);
    s.git(&["branch", "dev"]);
    s
}

#[test]
fn every_endpoint_is_401_without_a_key() {
    let s = server_with_keys();
    let state = s.state();
    for (method, uri) in endpoints(&s) {
        for headers in [
            &[][..],
            &[("wasmstore-auth", "guess")],
            &[("authorization", "Bearer guess")],
            &[("authorization", "Token all")],
        ] {
            let response = s.send(method, &uri, headers, module(2));
            let detail = if method == "HEAD" {
                ""
            } else {
                "a valid key is needed"
            };
            assert_eq!(
                (response.status, response.text()),
                (401, detail),
                "{method} {uri}"
            );
            response.has(
                "www-authenticate",
                "Basic realm=\"wasmstore\", charset=\"UTF-8\"",
            );
        }
    }
    assert_eq!(s.state(), state);
}

#[test]
fn every_endpoint_is_403_with_a_key_that_lacks_the_method() {
    let s = server_with_keys();
    let state = s.state();
    for (method, uri) in endpoints(&s) {
        let key = if needs_get(method, &uri) {
            "writer"
        } else {
            "reader"
        };
        let response = s.send(method, &uri, &[("wasmstore-auth", key)], module(2));
        assert_eq!(response.status, 403, "{method} {uri}");
        if method == "HEAD" {
            assert_eq!(response.text(), "");
        } else {
            // The required method may be another one than that of the request: a git fetch uses POST, but needs GET.
            let detail = response.text();
            let methods = detail.strip_prefix("the key does not allow ");
            let (required, allowed) = methods.unwrap().split_once(": it allows ").unwrap();
            assert!(!allowed.contains(required), "{method} {uri}: {detail}");
        }
        response.lacks("www-authenticate");
    }
    assert_eq!(s.state(), state);
}

#[test]
fn every_endpoint_works_with_a_key_for_its_method() {
    let known = server_with_keys();
    for (method, uri) in endpoints(&known) {
        if matches!(method, "BREW") || uri.ends_with("/nothing") || uri == "/" {
            continue;
        }
        let s = server_with_keys();
        let uri = uri.replace(&known.tip().to_string(), &s.tip().to_string());
        let key = if needs_get(method, &uri) {
            "reader"
        } else {
            "writer"
        };
        let body = match uri.as_str() {
            "/api/v1/world" => b"package a:b; world w {}".to_vec(),
            _ => module(2),
        };
        let response = s.send(method, &uri, &[("wasmstore-auth", key)], body);
        assert_eq!(response.status, 200, "{method} {uri}: {}", response.text());
    }
}

#[test]
fn gc_that_drops_history_needs_delete() {
    let s = Api::with_keys("builder:GET,POST:CI <ci@x>\nkeeper:POST,DELETE");
    s.put("a", 1);
    s.put("a", 2);
    let (builder, keeper) = (("wasmstore-auth", "builder"), ("wasmstore-auth", "keeper"));
    let state = s.state();
    let detail = "the key does not allow DELETE, which dropping the history needs: use keep_history=true; it allows GET,POST";
    s.send_empty("POST", "/gc", &[builder]).is(403, detail);
    s.send_empty("POST", "/gc?keep_history=false", &[builder])
        .is(403, detail);
    s.send_empty("POST", "/gc?keep_last=1", &[builder])
        .is(403, detail);
    let previewed = s.send_empty("POST", "/gc?keep_last=1&dry_run=true", &[builder]);
    assert_eq!(
        (previewed.status, &previewed.json()["versions"]),
        (200, &1.into())
    );
    assert_eq!(s.state(), state);
    let kept = s.send_empty("POST", "/gc?keep_history=true", &[builder]);
    assert_eq!((kept.status, s.subjects().len()), (200, 3));
    assert_eq!(s.send_empty("POST", "/gc", &[keeper]).status, 200);
    assert_eq!(s.subjects().len(), 1);
}

#[test]
fn the_auth_endpoint_reports_whether_a_key_allows_a_method() {
    let s = server_with_keys();
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
        let response = s.send_empty(method, "/auth", &[("wasmstore-auth", key)]);
        assert_eq!(response.status, status, "{key} {method}");
    }
}

#[test]
fn wasmstore_auth_takes_precedence_over_http_basic() {
    let s = server_with_keys();
    // "git:reader" and ":reader".
    for basic in ["Basic Z2l0OnJlYWRlcg==", "basic OnJlYWRlcg"] {
        assert_eq!(
            s.get_with("/modules", &[("authorization", basic)]).status,
            200
        );
        let both = [("authorization", basic), ("wasmstore-auth", "writer")];
        assert_eq!(s.get_with("/modules", &both).status, 403);
    }
}

#[test]
fn a_key_can_fix_the_author() {
    let s = server_with_keys();
    let ann = ("wasmstore-auth", "ann");
    let foreign = "the key does not allow this author: it allows Ann <ann@example.org>";
    let state = s.state();
    for path in ["/module/b", "/rollback", "/gc", "/merge/dev"] {
        let response = s.send(
            "POST",
            &api(path),
            &[ann, ("wasmstore-author", "Bob <b@x>")],
            module(2),
        );
        response.is(403, foreign);
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
    let unfixed = [("wasmstore-auth", "all"), ("wasmstore-author", "Bob <b@x>")];
    s.send("POST", &api("/module/c"), &unfixed, module(3));
    assert_eq!(s.git(&["log", "-1", "--format=%an"]), "Bob\n");
}

#[test]
fn health_endpoints_and_preflights_need_no_key() {
    let s = server_with_keys();
    for path in ["/healthz", "/readyz", "/healthz/"] {
        s.send("GET", path, &[], "").is(200, "ok");
    }
    let preflight = [
        ("origin", "http://127.0.0.1:6384"),
        ("access-control-request-method", "POST"),
    ];
    assert_eq!(s.send_empty("OPTIONS", "/module/a", &preflight).status, 204);
}
