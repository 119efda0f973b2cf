//! Error responses.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use wasmstore::config::{Options, ServerLimits};
use wasmstore::http::ServerOptions;

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
        s.get_with("/module/none", &[("accept", accept)])
            .is(404, "there is no module /none");
    }
}

#[test]
fn a_client_that_accepts_json_gets_a_problem_document() {
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
            "/branches",
            "Method Not Allowed",
            405,
            "the endpoint does not support this method",
        ),
        (
            "POST",
            "/rollback",
            "Precondition Failed",
            412,
            "the precondition failed: nothing exists there",
        ),
    ] {
        for accept in [
            "application/json",
            "text/html, Application/JSON;q=0.1",
            "application/problem+json",
        ] {
            let headers = [("accept", accept), ("if-match", "\"x\"")];
            let response = s.send_empty(method, path, &headers);
            let detail = match status {
                412 => format!("the precondition failed: the current value is {}", s.tip()),
                _ => detail.to_owned(),
            };
            let mut expected =
                json!({"type": "about:blank", "title": title, "status": status, "detail": detail});
            if path.ends_with("/none") {
                expected["missing"] = json!({"kind": "module", "name": "/none"});
            }
            assert_eq!(
                (response.status, response.json()),
                (status, expected),
                "{method} {path}"
            );
            response
                .has("content-type", "application/problem+json")
                .has("content-length", &response.body.len().to_string())
                .has("cache-control", "no-store");
        }
    }
    // Only errors are converted.
    let json = [("accept", "application/json")];
    assert_eq!(s.get_with("/module/a", &json).body, module(1));
}

#[test]
fn an_unknown_coding_is_415_with_the_supported_ones() {
    let s = Api::new();
    let state = s.state();
    for coding in ["br", "deflate", "compress", "gzip, gzip", "gzip,zstd", "x"] {
        let response = s.send(
            "POST",
            &api("/module/a"),
            &[("content-encoding", coding)],
            module(1),
        );
        response
            .is(415, "Content-Encoding must be gzip or zstd")
            .has("accept-encoding", "gzip, zstd");
    }
    let twice = [("content-encoding", "gzip"), ("content-encoding", "gzip")];
    assert_eq!(
        s.send("POST", &api("/module/a"), &twice, module(1)).status,
        415
    );
    assert_eq!(s.state(), state);
    // The content type is ignored.
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
fn foreign_origins_and_hosts_are_403() {
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
            s.send_empty(method, "/module/a", &[("origin", origin)])
                .is(403, foreign);
        }
    }
    assert_eq!(
        s.get_with("/module/a", &[("origin", "http://127.0.0.1:6384")])
            .status,
        200
    );
    let to = |host: &str| {
        let request = Request::get(api("/branches")).header("host", host);
        s.send_request(request.body(Body::empty()).unwrap())
    };
    assert_eq!(to("rebound.example.org:6384").status, 403);
    assert_eq!(to("localhost:6384").status, 200);
    assert_eq!(to("a b").status, 400);
    let without = Request::get(api("/branches")).body(Body::empty()).unwrap();
    s.send_request(without)
        .is(400, "the Host header is missing");
    let twice = Request::get(api("/branches"))
        .header("host", HOST)
        .header("host", HOST);
    assert_eq!(
        s.send_request(twice.body(Body::empty()).unwrap()).status,
        400
    );
    assert_eq!(s.content(), "/a=1");
}

#[test]
fn a_damaged_store_is_500_without_internals() {
    let s = Api::new();
    s.put("a", 1);
    let blob = s.rev("main:a");
    for directory in ["objects", "refs/heads"] {
        std::fs::rename(
            s.root.join(directory),
            s.root.join(format!("{directory}.away")),
        )
        .unwrap();
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
        let response = s.send(method, &api(path), &[], module(2));
        assert_eq!(response.status, 500, "{method} {path}: {}", response.text());
        let id = response.header("x-request-id").unwrap();
        assert_eq!(
            response.text(),
            format!("the store failed; see the server log for request {id}"),
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
        assert!(!response.text().contains(&blob));
    }
}

#[test]
fn a_request_without_a_permit_is_503() {
    let limits = ServerLimits {
        requests_max: 0,
        request_wait: Duration::from_millis(20),
        ..ServerLimits::default()
    };
    let server_options = ServerOptions {
        limits,
        ..ServerOptions::default()
    };
    let s = Api::with_options(server_options, Options::default());
    let state = s.state();
    for (method, path) in [
        ("GET", "/modules"),
        ("POST", "/module/a"),
        ("POST", "/rollback"),
        ("PUT", "/branch/x"),
    ] {
        let response = s.send(method, &api(path), &[], module(1));
        response
            .is(503, "the server is busy; try again")
            .has("retry-after", "1");
    }
    assert_eq!(s.state(), state);
    s.send("GET", "/healthz", &[], "").is(200, "ok");
    // A busy server is ready.
    s.send("GET", "/readyz", &[], "").is(200, "ok");
}
