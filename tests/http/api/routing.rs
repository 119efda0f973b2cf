//! The endpoints and the methods that they support.

use wasmstore::config::Options;
use wasmstore::http::ServerOptions;

use super::Api;

#[test]
fn unknown_endpoints_are_404() {
    let s = Api::new();
    for uri in [
        "/",
        "/api",
        "/api/v1",
        "/api/v1/",
        "/api/v2/modules",
        "/modules",
        "/api/v1/Modules",
        "/api/v1/module.",
        "/index.html",
        "/api/v1/commit",
        "/api/v1/info",
        "/api/v1/versions/",
        "/api/v1/merge",
    ] {
        for method in ["GET", "POST", "DELETE", "BREW"] {
            let response = s.send(method, uri, &[], "");
            response.is(404, "there is no such endpoint");
        }
    }
}

#[test]
fn a_tag_without_a_name_says_where_tags_are() {
    let s = Api::new();
    for (method, uri) in [("GET", "/tag"), ("POST", "/tag/"), ("DELETE", "/tag")] {
        let response = s.send(method, &super::api(uri), &[], "");
        assert_eq!(response.status, 400, "{method} {uri}");
        assert!(response.text().contains("/tags lists all tags"));
    }
}

#[test]
fn a_base_path_is_part_of_every_url_but_those_of_probes() {
    let server_options = ServerOptions {
        base_path: "/ws".parse().unwrap(),
        ..ServerOptions::default()
    };
    let s = Api::with_options(server_options, Options::default());
    s.send("GET", "/ws/api/v1/branch", &[], "").is(200, "main");
    s.send("GET", "//ws/api/v1//branch/", &[], "")
        .is(200, "main");
    s.send("GET", "/healthz", &[], "").is(200, "ok");
    s.send("GET", "/ws/readyz", &[], "").is(200, "ok");
    for uri in ["/", "/api/v1/branch", "/wsx/api/v1/branch"] {
        let response = s.send("GET", uri, &[], "");
        response.is(404, "the URLs of this server begin with /ws");
    }
    s.send("GET", "/ws", &[], "")
        .is(404, "there is no such endpoint");
}

#[test]
fn a_server_that_drains_is_not_ready_but_serves() {
    let server_options = ServerOptions::default();
    let draining = server_options.draining.clone();
    let s = Api::with_options(server_options, Options::default());
    s.send("GET", "/readyz", &[], "").is(200, "ok");
    draining.cancel();
    s.send("GET", "/readyz", &[], "")
        .is(503, "the server is stopping");
    s.send("GET", "/healthz", &[], "").is(200, "ok");
    s.get("/branch").is(200, "main");
}

/// Returns the routes of the API and the methods that each supports, except for `/watch` and `/auth`.
pub(super) fn routes(commit: &str) -> Vec<(String, &'static str)> {
    vec![
        ("/modules".to_owned(), "GET,HEAD,POST,DELETE"),
        ("/modules/d".to_owned(), "GET,HEAD,POST"),
        ("/module/a".to_owned(), "GET,HEAD,POST,DELETE"),
        ("/copy".to_owned(), "POST"),
        ("/move".to_owned(), "POST"),
        ("/hash/a".to_owned(), "GET,HEAD,POST"),
        ("/info/a".to_owned(), "GET,HEAD"),
        ("/wit/a".to_owned(), "GET,HEAD"),
        ("/size/a".to_owned(), "GET,HEAD"),
        ("/search".to_owned(), "GET,HEAD"),
        ("/versions/a".to_owned(), "GET,HEAD"),
        ("/version/0/a".to_owned(), "GET,HEAD"),
        ("/commits".to_owned(), "GET,HEAD"),
        ("/commits/a".to_owned(), "GET,HEAD"),
        ("/snapshot".to_owned(), "GET,HEAD"),
        (format!("/commit/{commit}"), "GET,HEAD"),
        (format!("/restore/{commit}"), "POST"),
        (format!("/restore/{commit}/a"), "POST"),
        ("/rollback".to_owned(), "GET,HEAD,POST"),
        ("/rollback/a".to_owned(), "GET,HEAD,POST"),
        ("/branch".to_owned(), "GET,HEAD"),
        ("/branch/x".to_owned(), "PUT,POST,DELETE"),
        ("/branches".to_owned(), "GET,HEAD"),
        ("/merge/main".to_owned(), "POST"),
        ("/tags".to_owned(), "GET,HEAD"),
        ("/tag/x".to_owned(), "GET,HEAD,POST,DELETE"),
        ("/gc".to_owned(), "POST"),
        ("/openapi.json".to_owned(), "GET,HEAD"),
    ]
}

#[test]
fn unsupported_methods_are_405_with_the_supported_ones() {
    let s = Api::new();
    let tip = s.put("a", 1);
    let state = s.state();
    for (path, allowed) in routes(&tip.to_string()) {
        let methods = [
            "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW",
        ];
        for method in methods
            .into_iter()
            .filter(|method| !allowed.split(',').any(|name| name == *method))
        {
            let response = s.send_empty(method, &path, &[]);
            let detail = if method == "HEAD" {
                ""
            } else {
                "the endpoint does not support this method"
            };
            assert_eq!(
                (response.status, response.text()),
                (405, detail),
                "{method} {path}"
            );
            response.has("allow", allowed);
        }
        // A problem document has the header, too.
        s.send_empty("PATCH", &path, &[("accept", "application/json")])
            .has("allow", allowed);
    }
    assert_eq!(s.state(), state);
}
