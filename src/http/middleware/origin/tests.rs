use std::net::SocketAddr;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::request::Builder;
use axum::routing::any;
use axum::{Router, middleware};
use http_body_util::BodyExt;

use super::*;
use crate::http::listener::BoundAddress;

const FOREIGN: &str = "foreign origin: the server runs without --cors";
const UNKNOWN: &str =
    "unknown host: use an IP address, localhost, or a name given by --host or --allowed-host";

/// The origins and hosts that a server allows.
type Policy = (OriginPolicy, AllowedHosts);

fn app(policy: Policy) -> Router {
    let refused = || async { Failure::new(StatusCode::UNAUTHORIZED, "refused") };
    let varied = || async { ([("vary", "accept-encoding")], "varied") };
    Router::new()
        .route("/", any(|| async { "done" }))
        .route("/refused", any(refused))
        .route("/varied", any(varied))
        .layer(middleware::from_fn_with_state(
            Arc::new(policy),
            check_origin,
        ))
}

fn local() -> Policy {
    let bound = BoundAddress::Tcp {
        address: ([127, 0, 0, 1], 6384).into(),
        host: "dev.box".to_owned(),
    };
    let hosts = AllowedHosts::new(&[bound], &[], false);
    (OriginPolicy::SameOrigin, hosts)
}

fn public() -> Policy {
    let address = SocketAddr::from(([0, 0, 0, 0], 6384));
    let hosts = AllowedHosts::new(&[address.into()], &[], true);
    (OriginPolicy::SameOrigin, hosts)
}

fn with_cors() -> Policy {
    (OriginPolicy::any(), AllowedHosts::any())
}

async fn respond(policy: Policy, request: Builder) -> (u16, String, HeaderMap) {
    let request = request.body(Body::empty()).unwrap();
    let response = app(policy).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    (parts.status.as_u16(), body, parts.headers)
}

fn preflight(origin: &str) -> Builder {
    Request::options("/")
        .header("Host", "store.example")
        .header("Origin", origin)
        .header("Access-Control-Request-Method", "PUT")
}

#[tokio::test]
async fn pages_of_the_server_itself_are_allowed() {
    for (host, origin) in [
        ("store.example", "http://store.example"),
        ("store.example", "https://store.example"),
        ("store.example", "https://STORE.example:443"),
        ("store.example:443", "https://store.example"),
        ("store.example:80", "http://store.example"),
        ("store.example:6384", "http://store.example:6384"),
        ("store.example:6384", "https://store.example:6384"),
        ("127.0.0.1:6384", "http://127.0.0.1:6384"),
        ("[::1]:6384", "http://[::1]:6384"),
    ] {
        let request = Request::post("/").header("Host", host);
        let request = request.header("Origin", origin);
        let (status, body, _) = respond(public(), request).await;
        assert_eq!((status, body.as_str()), (200, "done"), "{host} {origin}");
    }
}

#[tokio::test]
async fn pages_of_other_origins_are_rejected() {
    let long = format!("http://{}", "a".repeat(60_000));
    for origin in [
        "http://evil.example",
        "http://store.example:81",
        "https://store.example:80",
        "http://store.example.evil",
        "http://evil.store.example",
        "http://store.example@evil",
        "http://store.example/",
        "http://store.example, http://store.example",
        "http://store.example http://store.example",
        "ws://store.example",
        "chrome-extension://store.example",
        "store.example",
        "://store.example",
        "null",
        "",
        "http://",
        &long,
    ] {
        for method in ["GET", "POST", "OPTIONS"] {
            let request = Request::builder().method(method).uri("/");
            let request = request.header("Host", "store.example");
            let request = request.header("Origin", origin);
            let (status, body, headers) = respond(public(), request).await;
            assert_eq!((status, body.as_str()), (403, FOREIGN), "{method} {origin}");
            assert_eq!(headers["cache-control"], "no-store");
        }
    }
    let binary = HeaderValue::from_bytes(b"http://store.example\xff").unwrap();
    let request = Request::get("/").header("Host", "store.example");
    let (status, ..) = respond(public(), request.header("Origin", binary)).await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn two_origin_headers_are_rejected() {
    let request = Request::get("/")
        .header("Host", "store.example")
        .header("Origin", "http://store.example")
        .header("Origin", "http://store.example");
    assert_eq!(respond(public(), request).await.0, 403);
}

#[tokio::test]
async fn a_websocket_of_another_origin_is_rejected() {
    let request = Request::get("/")
        .header("Host", "127.0.0.1:6384")
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Origin", "http://127.0.0.1:8080");
    let (status, body, _) = respond(local(), request).await;
    assert_eq!((status, body.as_str()), (403, FOREIGN));
}

#[tokio::test]
async fn the_authority_of_http2_is_the_host() {
    for (origin, expected) in [("https://a.example", 200), ("https://b.example", 403)] {
        let request = Request::get("https://a.example/")
            .version(axum::http::Version::HTTP_2)
            .header("Origin", origin);
        assert_eq!(respond(public(), request).await.0, expected, "{origin}");
    }
}

#[tokio::test]
async fn a_request_without_a_host_must_not_have_an_origin() {
    let request = || Request::get("/").version(axum::http::Version::HTTP_10);
    assert_eq!(respond(local(), request()).await.0, 200);
    let request = request().header("Origin", "http://localhost");
    assert_eq!(respond(local(), request).await.0, 403);
}

#[tokio::test]
async fn a_local_server_rejects_rebound_names() {
    let rebound = |method: &str| {
        Request::builder()
            .method(method)
            .uri("/")
            .header("Host", "evil.example:6384")
    };
    for request in [
        rebound("GET"),
        rebound("POST").header("Origin", "http://evil.example:6384"),
    ] {
        let (status, body, _) = respond(local(), request).await;
        assert_eq!((status, body.as_str()), (403, UNKNOWN));
    }
    assert_eq!(respond(public(), rebound("GET")).await.0, 200);
    for own in ["localhost:6384", "dev.box", "127.0.0.1"] {
        let request = Request::get("/").header("Host", own);
        assert_eq!(respond(local(), request).await.0, 200, "{own}");
    }
}

#[tokio::test]
async fn a_missing_or_malformed_host_is_400() {
    for policy in [local(), public(), with_cors()] {
        let (status, body, _) = respond(policy.clone(), Request::get("/")).await;
        let missing = "the Host header is missing";
        assert_eq!((status, body.as_str()), (400, missing));
        let request = Request::get("/").header("Host", "a b");
        let (status, body, _) = respond(policy, request).await;
        let malformed = "the Host header is malformed";
        assert_eq!((status, body.as_str()), (400, malformed));
    }
}

#[tokio::test]
async fn with_cors_every_origin_is_allowed_and_may_read_the_headers() {
    for origin in ["http://evil.example", "null"] {
        let request = Request::post("/refused").header("Host", "evil.example");
        let request = request.header("Origin", origin);
        let (status, body, headers) = respond(with_cors(), request).await;
        assert_eq!((status, body.as_str()), (401, "refused"));
        assert_eq!(headers["access-control-allow-origin"], "*");
        assert_eq!(
            headers["access-control-expose-headers"],
            "wasmstore-hash,wasmstore-digest,wasmstore-commit,wasmstore-branch,wasmstore-changed,\
             wasmstore-undone,wasmstore-moved-from,wasmstore-forwarded-from,repr-digest,x-request-id,etag,content-length,content-range,range,location,accept-ranges,link,allow,retry-after,cache-control,\
             vary,www-authenticate"
        );
        assert!(!headers.contains_key("access-control-allow-credentials"));
        assert!(!headers.contains_key("vary"));
    }
    let request = Request::get("/varied").header("Host", "a");
    let (_, _, headers) = respond(with_cors(), request).await;
    let varied: Vec<_> = headers.get_all("vary").iter().collect();
    assert_eq!(varied, ["accept-encoding"]);
}

#[tokio::test]
async fn with_cors_preflights_are_answered() {
    let (status, body, headers) = respond(with_cors(), preflight("http://a")).await;
    assert_eq!((status, body.as_str()), (200, ""));
    assert_eq!(headers["access-control-allow-origin"], "*");
    assert_eq!(
        headers["access-control-allow-methods"],
        "GET,HEAD,POST,PUT,PATCH,DELETE"
    );
    assert_eq!(
        headers["access-control-allow-headers"],
        "wasmstore-auth,wasmstore-branch,wasmstore-commit,wasmstore-author,wasmstore-message,\
         wasmstore-if-match,wasmstore-if-none-match,x-request-id,authorization,content-type,content-encoding,content-range,if-match,if-none-match,range,\
         if-range,traceparent,tracestate,baggage,b3,x-b3-traceid,x-b3-spanid,x-b3-parentspanid,\
         x-b3-sampled,x-b3-flags,uber-trace-id,sentry-trace,x-datadog-trace-id,\
         x-datadog-parent-id,x-datadog-origin,x-datadog-sampling-priority,x-datadog-tags,\
         x-amzn-trace-id,x-cloud-trace-context,elastic-apm-traceparent,newrelic"
    );
    assert_eq!(headers["access-control-max-age"], "7200");
    assert!(!headers.contains_key("access-control-allow-credentials"));
    assert!(!headers.contains_key("vary"));
}

#[tokio::test]
async fn an_options_request_that_is_not_a_preflight_reaches_its_route() {
    for header in ["Origin", "Access-Control-Request-Method", "Accept"] {
        let request = Request::options("/").header("Host", "a");
        let request = request.header(header, "http://a");
        for policy in [with_cors(), public()] {
            let (status, body, _) = respond(policy, copy_of(&request)).await;
            assert_eq!((status, body.as_str()), (200, "done"), "{header}");
        }
    }
}

fn copy_of(request: &Builder) -> Builder {
    let headers = request.headers_ref().unwrap().iter();
    headers.fold(Request::options("/"), |request, (name, value)| {
        request.header(name, value)
    })
}

#[tokio::test]
async fn without_cors_a_preflight_of_another_origin_is_rejected() {
    let (status, body, headers) = respond(public(), preflight("http://evil")).await;
    assert_eq!((status, body.as_str()), (403, FOREIGN));
    assert!(!headers.contains_key("access-control-allow-origin"));
    let (status, body, _) = respond(public(), preflight("http://store.example")).await;
    assert_eq!((status, body.as_str()), (204, ""));
}

#[tokio::test]
async fn listed_hosts_are_checked_with_cors_too() {
    let address = SocketAddr::from(([0, 0, 0, 0], 6384));
    let listed = ["store.example".parse().unwrap()];
    let hosts = AllowedHosts::new(&[address.into()], &listed, true);
    for policy in [OriginPolicy::any(), OriginPolicy::SameOrigin] {
        for (host, expected) in [
            ("store.example", 200),
            ("1.2.3.4", 200),
            ("evil.example", 403),
        ] {
            let request = Request::get("/").header("Host", host);
            let (status, ..) = respond((policy.clone(), hosts.clone()), request).await;
            assert_eq!(status, expected, "{host}");
        }
    }
}

#[tokio::test]
async fn with_cors_a_saved_password_does_not_count_for_changes_that_another_site_can_send() {
    const BASIC: &str = "Basic OmtleQ==";
    let cases = [
        // (Origin, Sec-Fetch-Site, Authorization, Content-Type, status)
        (
            "http://evil.example",
            "",
            BASIC,
            "text/plain; charset=utf-8",
            403,
        ),
        ("http://evil.example", "", BASIC, "", 403),
        ("null", "", BASIC, "multipart/form-data; boundary=a", 403),
        (
            "",
            "cross-site",
            BASIC,
            "application/x-www-form-urlencoded",
            403,
        ),
        ("", "same-site", "basic OmtleQ==", "", 403),
        // These requests are allowed: a preflight preceded them, or the script of the page sent the API key itself, or a page of the server
        // sent them, or no page did.
        (
            "http://evil.example",
            "cross-site",
            BASIC,
            "application/wasm",
            200,
        ),
        (
            "http://evil.example",
            "cross-site",
            "Bearer key",
            "text/plain",
            200,
        ),
        (
            "http://store.example",
            "same-origin",
            BASIC,
            "text/plain",
            200,
        ),
        ("", "", BASIC, "text/plain", 200),
    ];
    for case in cases {
        let (origin, site, authorization, media_type, expected) = case;
        let headers = [
            ("Host", "store.example"),
            ("Origin", origin),
            ("Sec-Fetch-Site", site),
            ("Authorization", authorization),
            ("Content-Type", media_type),
        ];
        let headers = headers.iter().filter(|(_, value)| !value.is_empty());
        let request = headers.fold(Request::post("/"), |request, (name, value)| {
            request.header(*name, *value)
        });
        let (status, ..) = respond(with_cors(), request).await;
        assert_eq!(status, expected, "{case:?}");
    }
}
