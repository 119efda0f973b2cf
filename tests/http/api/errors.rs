//! What is answered that cannot be done.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use wasmstore::config::{Options, ServerLimits};
use wasmstore::http::ServeOptions;

use super::{Api, HOST, api};
use crate::support::store::module;

#[test]
fn an_error_is_one_line_of_text() {
    let s = Api::new();
    s.get("/module/none")
        .is(404, "there is no module /none")
        .has("content-type", "text/plain; charset=utf-8")
        .has("content-length", "24")
        .has("cache-control", "no-store")
        .lacks("etag");
    for accept in [
        "*/*",
        "text/plain",
        "text/html, application/xml;q=0.9",
        "application/wasm",
        "application/jsonx",
    ] {
        s.read("/module/none", &[("accept", accept)])
            .is(404, "there is no module /none");
    }
}

#[test]
fn those_who_accept_json_get_a_problem_document() {
    let s = Api::new();
    s.put("a", 1);
    for (method, path, title, status, detail) in [
        (
            "GET",
            "/module/none",
            "Not Found",
            404,
            "there is no module /none",
        ),
        ("GET", "/hash/none", "Not Found", 404, ""),
        (
            "GET",
            "/nowhere",
            "Not Found",
            404,
            "there is no such endpoint",
        ),
        (
            "GET",
            "/module/%zz",
            "Bad Request",
            400,
            "a `%` is not followed by two hex digits",
        ),
        (
            "POST",
            "/modules",
            "Method Not Allowed",
            405,
            "the endpoint does not support this method",
        ),
        (
            "POST",
            "/rollback",
            "Precondition Failed",
            412,
            "the precondition failed: nothing is there",
        ),
    ] {
        for accept in [
            "application/json",
            "text/html, Application/JSON;q=0.1",
            "application/problem+json",
        ] {
            let headers = [("accept", accept), ("if-match", "\"x\"")];
            let answer = s.change(method, path, &headers);
            let detail = match status {
                412 => format!("the precondition failed: it is {}", s.tip()),
                _ => detail.to_owned(),
            };
            let mut wanted =
                json!({"type": "about:blank", "title": title, "status": status, "detail": detail});
            if path.ends_with("/none") {
                wanted["missing"] = json!({"kind": "module", "name": "/none"});
            }
            assert_eq!(
                (answer.status, answer.json()),
                (status, wanted),
                "{method} {path}"
            );
            answer
                .has("content-type", "application/problem+json")
                .has("content-length", &answer.body.len().to_string())
                .has("cache-control", "no-store");
        }
    }
    // Nothing but errors changes its form.
    let json = [("accept", "application/json")];
    assert_eq!(s.read("/module/a", &json).body, module(1));
}

#[test]
fn an_unknown_coding_is_415_and_told_which_to_use() {
    let s = Api::new();
    let state = s.state();
    for coding in ["br", "deflate", "compress", "gzip, gzip", "gzip,zstd", "x"] {
        let answer = s.send(
            "POST",
            &api("/module/a"),
            &[("content-encoding", coding)],
            module(1),
        );
        answer
            .is(415, "Content-Encoding must be gzip or zstd")
            .has("accept-encoding", "gzip, zstd");
    }
    let twice = [("content-encoding", "gzip"), ("content-encoding", "gzip")];
    assert_eq!(
        s.send("POST", &api("/module/a"), &twice, module(1)).status,
        415
    );
    assert_eq!(s.state(), state);
    // A type is not asked for.
    for kind in [
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
        "?",
    ] {
        s.send(
            "POST",
            &api("/module/a"),
            &[("content-type", kind)],
            module(1),
        )
        .is(200, &s.rev("main:a"));
    }
}

#[test]
fn foreign_pages_and_hosts_are_403() {
    let s = Api::new();
    s.put("a", 1);
    let foreign = "foreign origin: the server runs without --cors";
    for origin in [
        "https://example.org",
        "null",
        "http://127.0.0.1:6385",
        "http://localhost:6384",
        "",
    ] {
        for method in ["GET", "POST", "DELETE"] {
            s.change(method, "/module/a", &[("origin", origin)])
                .is(403, foreign);
        }
    }
    assert_eq!(
        s.read("/module/a", &[("origin", "http://127.0.0.1:6384")])
            .status,
        200
    );
    let to = |host: &str| {
        let request = Request::get(api("/branches")).header("host", host);
        s.ask(request.body(Body::empty()).unwrap())
    };
    assert_eq!(to("rebound.example.org:6384").status, 403);
    assert_eq!(to("localhost:6384").status, 200);
    assert_eq!(to("a b").status, 400);
    let without = Request::get(api("/branches")).body(Body::empty()).unwrap();
    s.ask(without).is(400, "the Host header is missing");
    let twice = Request::get(api("/branches"))
        .header("host", HOST)
        .header("host", HOST);
    assert_eq!(s.ask(twice.body(Body::empty()).unwrap()).status, 400);
    assert_eq!(s.content(), "/a=1");
}

#[test]
fn a_damaged_store_is_500_and_tells_nothing_of_its_inside() {
    let s = Api::new();
    s.put("a", 1);
    let blob = s.rev("main:a");
    for folder in ["objects", "refs/heads"] {
        std::fs::rename(s.root.join(folder), s.root.join(format!("{folder}.away"))).unwrap();
    }
    std::fs::create_dir(s.root.join("objects")).unwrap();
    std::fs::create_dir(s.root.join("refs/heads")).unwrap();
    std::fs::write(
        s.root.join("refs/heads/main"),
        format!("{}\n", "1".repeat(40)),
    )
    .unwrap();
    for (method, path) in [
        ("GET", "/modules"),
        ("GET", "/module/a"),
        ("POST", "/module/b"),
        ("POST", "/rollback"),
    ] {
        let answer = s.send(method, &api(path), &[], module(2));
        assert_eq!(answer.status, 500, "{method} {path}: {}", answer.text());
        let id = answer.header("x-request-id").unwrap();
        assert_eq!(
            answer.text(),
            format!("the store failed; request {id}"),
            "{method} {path}"
        );
        let json = s.send(
            method,
            &api(path),
            &[("accept", "application/json")],
            module(2),
        );
        assert_eq!(
            (json.status, &json.json()["status"]),
            (500, &json!(500)),
            "{method} {path}"
        );
        assert!(!answer.text().contains(&blob));
    }
}

#[test]
fn whoever_gets_no_turn_is_asked_to_try_again() {
    let limits = ServerLimits {
        requests_max: 0,
        request_wait: Duration::from_millis(20),
        ..ServerLimits::default()
    };
    let serve_options = ServeOptions {
        limits,
        ..ServeOptions::default()
    };
    let s = Api::with(serve_options, Options::default());
    let state = s.state();
    for (method, path) in [
        ("GET", "/modules"),
        ("POST", "/module/a"),
        ("POST", "/rollback"),
        ("PUT", "/branch/x"),
    ] {
        let answer = s.send(method, &api(path), &[], module(1));
        answer
            .is(503, "the server is busy; try again")
            .has("retry-after", "1");
    }
    assert_eq!(s.state(), state);
    s.send("GET", "/healthz", &[], "").is(200, "ok");
    // It is not in want of anything but time.
    s.send("GET", "/readyz", &[], "").is(200, "ok");
}
