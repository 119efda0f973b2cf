//! Requests from other origins to a server with `--cors`.

use wasmstore::config::Options;
use wasmstore::http::{Keys, ServerOptions};

use super::{Api, api};
use crate::support::store::module;

const ORIGIN: (&str, &str) = ("origin", "https://example.org");

fn server_with_cors() -> Api {
    let keys = Some(Keys::parse_file("key:*").unwrap().into());
    let server_options = ServerOptions {
        keys,
        has_cors: true,
        ..ServerOptions::default()
    };
    Api::with_options(server_options, Options::default())
}

#[test]
fn a_preflight_needs_no_key() {
    let s = server_with_cors();
    for (path, method) in [
        ("/module/a", "POST"),
        ("/branch/x", "PUT"),
        ("/auth", "GET"),
    ] {
        let preflight = [
            ORIGIN,
            ("access-control-request-method", method),
            (
                "access-control-request-headers",
                "wasmstore-auth,wasmstore-branch,if-match",
            ),
        ];
        let response = s.send_empty("OPTIONS", path, &preflight);
        response.is(200, "").has("access-control-allow-origin", "*");
        let methods = response.header("access-control-allow-methods").unwrap();
        assert!(methods.split(',').any(|name| name == method), "{methods}");
        let headers = response.header("access-control-allow-headers").unwrap();
        for name in ["wasmstore-auth", "wasmstore-branch", "if-match", "range"] {
            assert!(headers.split(',').any(|header| header == name), "{headers}");
        }
    }
}

#[test]
fn other_origins_can_read_responses_and_errors() {
    let s = server_with_cors();
    s.put("a", 1);
    let key = ("wasmstore-auth", "key");
    for (path, headers, status) in [
        ("/module/a", &[ORIGIN, key][..], 200),
        ("/module/a", &[ORIGIN, key, ("if-none-match", "*")], 304),
        (
            "/module/none",
            &[ORIGIN, key, ("accept", "application/json")],
            404,
        ),
        ("/module/%zz", &[ORIGIN, key], 400),
        ("/module/a", &[ORIGIN], 401),
    ] {
        let response = s.get_with(path, headers);
        assert_eq!(response.status, status, "{path}");
        response.has("access-control-allow-origin", "*");
        let exposed = response.header("access-control-expose-headers").unwrap();
        for name in [
            "wasmstore-hash",
            "wasmstore-digest",
            "wasmstore-commit",
            "etag",
            "link",
            "content-range",
            "wasmstore-undone",
            "wasmstore-moved-from",
        ] {
            assert!(exposed.split(',').any(|header| header == name), "{exposed}");
        }
    }
    let put = s.send("POST", &api("/module/b"), &[ORIGIN, key], module(2));
    put.is(200, &s.rev("main:b"));
}
