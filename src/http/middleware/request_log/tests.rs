use std::io;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::request::Builder;
use axum::routing::{any, get};
use axum::{Router, middleware};
use http_body_util::BodyExt;
use tokio::sync::OnceCell;
use tower::ServiceExt;
use tracing::subscriber::DefaultGuard;

use super::*;
use crate::http::base_path::BasePath;
use crate::http::metrics::{Metrics, count_requests, record_route};
use crate::http::middleware::auth::{AccessCheck, KeyCheck, Keys, authorize};
use crate::http::middleware::host::AllowedHosts;
use crate::http::middleware::normalize_path;
use crate::http::middleware::origin::{OriginPolicy, check_origin};
use crate::http::middleware::problem_json::problem_json;

/// The log output of this thread, in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Starts to record the log output of this thread. Recording ends when the returned guard is dropped.
    async fn record() -> (Self, DefaultGuard) {
        register_callsites().await;
        Self::subscribe()
    }

    fn subscribe() -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .without_time()
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

async fn panics() {
    panic!("an index\nout of bounds")
}

/// Returns a router with all layers in the right order.
fn app() -> Router {
    let keys = Keys::parse("hunter2:*;reader:GET").unwrap();
    let access = AccessCheck {
        keys: Some(KeyCheck::new(keys.into(), 60)),
        web_sessions: None,
    };
    let failed = || async { Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "/secret/path") };
    let busy = || async { Failure::new(StatusCode::SERVICE_UNAVAILABLE, "busy") };
    let routes = Router::new()
        .route("/done", any(|| async { "done" }))
        .route("/failed", get(failed))
        .route("/busy", get(busy))
        .route("/panics", get(panics))
        .layer(middleware::from_fn_with_state(access, authorize))
        .layer(middleware::from_fn(record_route));
    let origins = Arc::new((OriginPolicy::SameOrigin, AllowedHosts::any()));
    normalize_path::with_normalized_paths(routes, BasePath::default())
        .layer(middleware::from_fn_with_state(origins, check_origin))
        .layer(catch_panics())
        .layer(middleware::from_fn_with_state(
            Arc::from([TrustedProxy::Unix]),
            request_log,
        ))
        .layer(middleware::from_fn(problem_json))
        .layer(middleware::from_fn_with_state(
            Metrics::install(),
            count_requests,
        ))
}

fn get_as(path: &str, key: &str) -> Builder {
    Request::get(path)
        .header("Host", "localhost")
        .header("Wasmstore-Auth", key)
}

/// Emits each log line once, in a thread with a subscriber. `tracing` asks the subscriber of the first thread that reaches a callsite
/// whether the line is enabled, and while there is only one subscriber, it caches a "no" for all threads.
async fn register_callsites() {
    static REGISTERED: OnceCell<()> = OnceCell::const_new();
    let registered = REGISTERED.get_or_init(|| async {
        let (_log, _guard) = Log::subscribe();
        for path in ["/done", "/busy", "/panics"] {
            let request = get_as(path, "reader").body(Body::empty()).unwrap();
            app().oneshot(request).await.unwrap();
        }
    });
    registered.await;
}

async fn respond(request: Builder) -> (u16, String, HeaderMap) {
    register_callsites().await;
    let request = request.body(Body::empty()).unwrap();
    let response = app().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    (parts.status.as_u16(), body, parts.headers)
}

fn id(headers: &HeaderMap) -> &str {
    headers["x-request-id"].to_str().unwrap()
}

#[tokio::test]
async fn head_has_the_length_through_all_layers() {
    for (method, expected) in [("GET", "done"), ("HEAD", "")] {
        let (status, body, headers) = respond(get_as("/done", "reader").method(method)).await;
        assert_eq!((status, body.as_str()), (200, expected), "{method}");
        assert_eq!(headers["content-length"], "4", "{method}");
    }
}

#[tokio::test]
async fn every_response_has_a_unique_id() {
    let mut ids = Vec::new();
    for (path, key, expected) in [
        ("/done", "reader", 200),
        ("/done", "reader", 200),
        ("/done", "guess", 401),
        ("/none", "reader", 404),
        ("/%zz", "reader", 400),
        ("/failed", "reader", 500),
    ] {
        let (status, _, headers) = respond(get_as(path, key)).await;
        assert_eq!(status, expected, "{path}");
        let id = id(&headers).to_owned();
        let digits = "0123456789abcdef";
        assert!(
            id.len() == 16 && id.chars().all(|c| digits.contains(c)),
            "{id}"
        );
        ids.push(id);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 6);
}

#[tokio::test]
async fn a_valid_id_of_the_client_is_used() {
    let longest = "x".repeat(64);
    let too_long = "x".repeat(65);
    for (given, is_used) in [
        ("a", true),
        ("Trace-1_2.3", true),
        (&longest, true),
        (&too_long, false),
        ("", false),
        ("a b", false),
        ("a\"b", false),
        ("a/b", false),
        ("ä", false),
    ] {
        let request = get_as("/done", "reader");
        let value = HeaderValue::from_bytes(given.as_bytes()).unwrap();
        let (_, _, headers) = respond(request.header("X-Request-Id", value)).await;
        assert_eq!(id(&headers) == given, is_used, "{given:?}");
    }
    let twice = get_as("/done", "reader")
        .header("X-Request-Id", "a")
        .header("X-Request-Id", "a");
    let (_, _, headers) = respond(twice).await;
    assert_eq!(id(&headers).len(), 16);
}

#[tokio::test]
async fn an_internal_error_reveals_only_its_id() {
    for path in ["/failed", "/panics"] {
        let request = || get_as(path, "reader").header("X-Request-Id", "abc");
        let (status, body, headers) = respond(request()).await;
        let expected = "the store failed; see the server log for request abc";
        assert_eq!((status, body.as_str()), (500, expected), "{path}");
        assert_eq!(headers["content-type"], "text/plain; charset=utf-8");
        assert_eq!(headers["cache-control"], "no-store");
        let length = headers.get("content-length").map(HeaderValue::as_bytes);
        assert!(length.is_none_or(|length| length == b"52"), "{length:?}");
        let json = request().header("Accept", "application/json");
        let (status, body, headers) = respond(json).await;
        let problem: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &problem["detail"]), (500, &expected.into()));
        assert_eq!(headers["content-type"], "application/problem+json");
        assert_eq!(id(&headers), "abc");
    }
}

#[tokio::test]
async fn other_errors_keep_their_text() {
    let (status, body, headers) = respond(get_as("/busy", "reader")).await;
    assert_eq!((status, body.as_str()), (503, "busy"));
    assert_eq!(headers["retry-after"], "1");
}

#[tokio::test]
async fn the_client_behind_a_trusted_proxy_is_logged() {
    let peer = |address: Option<[u8; 4]>| Peer {
        address: address.map(|ip| (ip, 1).into()),
        is_tls: false,
    };
    for (peer, expected) in [
        (peer(Some([192, 0, 2, 1])), " client=192.0.2.1 "),
        (peer(None), " client=198.51.100.7 "),
    ] {
        let (log, _guard) = Log::record().await;
        let request = get_as("/done", "guess").extension(peer);
        respond(request.header("X-Forwarded-For", "198.51.100.7")).await;
        let text = log.text();
        assert!(text.contains(expected) && !text.contains("key="), "{text}");
    }
}

#[tokio::test]
async fn each_request_is_logged_as_one_line() {
    let (log, _guard) = Log::record().await;
    let request = |path| get_as(path, "reader").header("X-Request-Id", "abc");
    respond(request("/done?query")).await;
    let text = log.text();
    let head = r##" INFO request{id="abc" method="GET" path="/done" key="#2"}: "##;
    assert!(text.starts_with(head), "{text}");
    assert!(
        text.contains(": responded status=200 duration_ms="),
        "{text}"
    );
    assert!(
        text.ends_with(" bytes=4\n") && text.lines().count() == 1,
        "{text}"
    );

    let (log, _guard) = Log::record().await;
    respond(request("/busy")).await;
    let text = log.text();
    let head = r##"ERROR request{id="abc" method="GET" path="/busy" key="#2"}: "##;
    assert!(
        text.starts_with(head) && text.contains("status=503"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[tokio::test]
async fn a_panic_is_logged_with_the_request_id() {
    let (log, _guard) = Log::record().await;
    respond(get_as("/panics", "reader").header("X-Request-Id", "abc")).await;
    let text = log.text();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(
        lines
            .iter()
            .all(|line| line.starts_with(r#"ERROR request{id="abc" "#)),
        "{text}"
    );
    assert!(lines[0].contains(r"an index\\nout of bounds"), "{text}");
    assert!(lines[1].contains("status=500"), "{text}");
}

#[tokio::test]
async fn a_client_cannot_forge_or_flood_log_lines() {
    let (log, _guard) = Log::record().await;
    let path = format!("/\u{85}\u{202e}%0AERROR/{}", "x".repeat(50_000));
    let method = "M".repeat(1000);
    let request = get_as(&path, "reader").method(method.as_str());
    respond(request).await;
    let text = log.text();
    assert_eq!(text.lines().count(), 1);
    assert!(
        text.len() < 1000 && !text.trim_end().contains(char::is_control),
        "{text}"
    );
    assert!(
        text.contains("%0AERROR/xxx") && !text.contains('\u{202e}'),
        "{text}"
    );
}

#[tokio::test]
async fn the_log_contains_no_key() {
    let (log, _guard) = Log::record().await;
    let basic = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, "u:hunter2");
    let offer = base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, "hunter2");
    for path in ["/done", "/failed", "/panics", "/none", "/%zz"] {
        let request = |name, value: &str| {
            let request = Request::post(path).header("Host", "localhost");
            request.header(name, value)
        };
        respond(request("Wasmstore-Auth", "hunter2")).await;
        respond(request("Wasmstore-Auth", "hunter22")).await;
        respond(request("Wasmstore-Auth", "hunter2").header("Wasmstore-Auth", "hunter2")).await;
        respond(request("Authorization", &format!("Basic {basic}"))).await;
        respond(request("Authorization", "Basic hunter2")).await;
        let protocols = format!("wasmstore.v1, wasmstore.key.{offer}");
        let socket = request("Sec-WebSocket-Protocol", &protocols);
        respond(socket.method("GET").header("Upgrade", "websocket")).await;
    }
    let text = log.text();
    assert!(text.lines().count() >= 30, "{text}");
    for secret in ["hunter2", &basic, &offer] {
        assert!(!text.contains(secret), "{text}");
    }
}
