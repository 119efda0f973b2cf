//! One line in the log for each request, and an id by which to find it.

use std::any::Any;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::body::HttpBody;
use axum::extract::Request;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument;

use crate::http::error::Failure;
use crate::http::middleware::auth;

/// The header for the id, in requests and answers.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken over from a client.
const ID_BYTES_MAX: usize = 64;

/// As much of a path or a panic as goes into the log, in characters.
const LOGGED_CHARS_MAX: usize = 256;

/// As much of a method as goes into the log, in characters.
const METHOD_CHARS_MAX: usize = 32;

/// Follows a request to its answer: a span around it, a line in the log at its end, and its id in the answer.
pub(in crate::http) async fn follow(mut request: Request, next: Next) -> Response {
    let start = Instant::now();
    auth::conceal(request.headers_mut());
    let id = requested_id(request.headers()).unwrap_or_else(new_id);
    // At the level of errors, so that even a log of nothing else tells which request failed.
    let span = tracing::error_span!(
        "request",
        id,
        method = logged(request.method().as_str(), METHOD_CHARS_MAX),
        path = logged(request.uri().path(), LOGGED_CHARS_MAX),
    );
    let answered = async {
        let response = with_id(next.run(request).await, &id);
        log(&response, start.elapsed());
        response
    };
    answered.instrument(span).await
}

/// Answers 500 to a request whose handling panicked. It goes inside of [`follow`].
pub(in crate::http) fn catch_panics() -> CatchPanicLayer<fn(Box<dyn Any + Send>) -> Response> {
    CatchPanicLayer::custom(panicked)
}

fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    let panic = logged(text.unwrap_or("no text"), LOGGED_CHARS_MAX);
    tracing::error!(panic, "the handling of a request panicked");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

fn log(response: &Response, duration: Duration) {
    let status = response.status().as_u16();
    let duration_ms = duration.as_micros() as f64 / 1e3;
    let bytes = response.body().size_hint().exact();
    if response.status().is_server_error() {
        tracing::error!(status, duration_ms, bytes, "answered");
    } else {
        tracing::info!(status, duration_ms, bytes, "answered");
    }
}

/// The answer with the id in its header, and for 500 as all that its body tells.
fn with_id(mut response: Response, id: &str) -> Response {
    if response.status() == StatusCode::INTERNAL_SERVER_ERROR {
        let (failed, body) = Failure::with_request_id(id).into_response().into_parts();
        response.headers_mut().remove(CONTENT_LENGTH);
        response.headers_mut().extend(failed.headers);
        response.extensions_mut().extend(failed.extensions);
        *response.body_mut() = body;
    }
    let value = HeaderValue::from_str(id).expect("BUG: an id is visible ASCII");
    response.headers_mut().insert(X_REQUEST_ID, value);
    response
}

/// The client's own id, if it gave one that is fit for logs.
fn requested_id(headers: &HeaderMap) -> Option<String> {
    let mut given = headers.get_all(X_REQUEST_ID).iter();
    let id = given.next().filter(|_| given.next().is_none())?;
    let id = id.to_str().ok()?;
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let fits = (1..=ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(legal);
    fits.then(|| id.to_owned())
}

/// An id that no other request has, and that tells nothing of how many there were.
fn new_id() -> String {
    static SECRET: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{:016x}", SECRET.hash_one(number))
}

/// The text as it can stand in a log: control characters escaped, and cut.
fn logged(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", text[..end].escape_debug()),
        None => text.escape_debug().to_string(),
    }
}

#[cfg(test)]
mod tests {
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
    use crate::http::error::in_accepted_form;
    use crate::http::metrics::{Metrics, count, note_route};
    use crate::http::middleware::auth::{Keyring, Keys, authorize};
    use crate::http::middleware::host::Hosts;
    use crate::http::middleware::normalize_path;
    use crate::http::middleware::origin::{Origins, guard};

    /// What was logged.
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
        /// Takes all that this thread logs from now on.
        async fn begin() -> (Self, DefaultGuard) {
            register_callsites().await;
            Self::listen()
        }

        fn listen() -> (Self, DefaultGuard) {
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

    /// All that stands in front of the routes, in its order.
    fn app() -> Router {
        let keys = Some(Keyring::from(Keys::parse("hunter2:*;reader:GET").unwrap()));
        let hosts = Hosts::new(([127, 0, 0, 1], 0).into(), "", true);
        let failed = || async { Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "/secret/path") };
        let busy = || async { Failure::new(StatusCode::SERVICE_UNAVAILABLE, "busy") };
        let routes = Router::new()
            .route("/done", any(|| async { "done" }))
            .route("/failed", get(failed))
            .route("/busy", get(busy))
            .route("/panics", get(panics))
            .layer(middleware::from_fn_with_state(keys, authorize))
            .layer(middleware::from_fn(note_route));
        let origins = Arc::new(Origins::Own(hosts));
        normalize_path::wrap(routes)
            .layer(middleware::from_fn_with_state(origins, guard))
            .layer(catch_panics())
            .layer(middleware::from_fn(follow))
            .layer(middleware::from_fn(in_accepted_form))
            .layer(middleware::from_fn_with_state(Metrics::install(), count))
    }

    fn get_as(path: &str, key: &str) -> Builder {
        Request::get(path)
            .header("Host", "localhost")
            .header("Wasmstore-Auth", key)
    }

    /// Logs each line once in a thread that listens. `tracing` asks the thread that comes by first whether anyone wants a line,
    /// and with a single listener remembers a no for all threads.
    async fn register_callsites() {
        static REGISTERED: OnceCell<()> = OnceCell::const_new();
        let registered = REGISTERED.get_or_init(|| async {
            let (_log, _guard) = Log::listen();
            for path in ["/done", "/busy", "/panics"] {
                let request = get_as(path, "reader").body(Body::empty()).unwrap();
                app().oneshot(request).await.unwrap();
            }
        });
        registered.await;
    }

    async fn answer(request: Builder) -> (u16, String, HeaderMap) {
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
    async fn a_head_tells_the_length_through_all_layers() {
        for (method, expected) in [("GET", "done"), ("HEAD", "")] {
            let (status, body, headers) = answer(get_as("/done", "reader").method(method)).await;
            assert_eq!((status, body.as_str()), (200, expected), "{method}");
            assert_eq!(headers["content-length"], "4", "{method}");
        }
    }

    #[tokio::test]
    async fn every_answer_has_an_id_of_its_own() {
        let mut ids = Vec::new();
        for (path, key, expected) in [
            ("/done", "reader", 200),
            ("/done", "reader", 200),
            ("/done", "guess", 401),
            ("/none", "reader", 404),
            ("/%zz", "reader", 400),
            ("/failed", "reader", 500),
        ] {
            let (status, _, headers) = answer(get_as(path, key)).await;
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
    async fn a_fit_id_of_the_client_is_taken_over() {
        let longest = "x".repeat(64);
        let too_long = "x".repeat(65);
        for (given, taken) in [
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
            let (_, _, headers) = answer(request.header("X-Request-Id", value)).await;
            assert_eq!(id(&headers) == given, taken, "{given:?}");
        }
        let twice = get_as("/done", "reader")
            .header("X-Request-Id", "a")
            .header("X-Request-Id", "a");
        let (_, _, headers) = answer(twice).await;
        assert_eq!(id(&headers).len(), 16);
    }

    #[tokio::test]
    async fn a_failure_of_the_store_tells_its_id_and_nothing_else() {
        for path in ["/failed", "/panics"] {
            let request = || get_as(path, "reader").header("X-Request-Id", "abc");
            let (status, body, headers) = answer(request()).await;
            let expected = "the store failed; request abc";
            assert_eq!((status, body.as_str()), (500, expected), "{path}");
            assert_eq!(headers["content-type"], "text/plain; charset=utf-8");
            assert_eq!(headers["cache-control"], "no-store");
            let length = headers.get("content-length").map(HeaderValue::as_bytes);
            assert!(length.is_none_or(|length| length == b"29"), "{length:?}");
            let json = request().header("Accept", "application/json");
            let (status, body, headers) = answer(json).await;
            let problem: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert_eq!((status, &problem["detail"]), (500, &expected.into()));
            assert_eq!(headers["content-type"], "application/problem+json");
            assert_eq!(id(&headers), "abc");
        }
    }

    #[tokio::test]
    async fn other_failures_keep_their_text() {
        let (status, body, headers) = answer(get_as("/busy", "reader")).await;
        assert_eq!((status, body.as_str()), (503, "busy"));
        assert_eq!(headers["retry-after"], "1");
    }

    #[tokio::test]
    async fn each_request_is_one_line() {
        let (log, _guard) = Log::begin().await;
        let request = |path| get_as(path, "reader").header("X-Request-Id", "abc");
        answer(request("/done?query")).await;
        let text = log.text();
        let head = r#" INFO request{id="abc" method="GET" path="/done"}: "#;
        assert!(text.starts_with(head), "{text}");
        assert!(
            text.contains(": answered status=200 duration_ms="),
            "{text}"
        );
        assert!(
            text.ends_with(" bytes=4\n") && text.lines().count() == 1,
            "{text}"
        );

        let (log, _guard) = Log::begin().await;
        answer(request("/busy")).await;
        let text = log.text();
        let head = r#"ERROR request{id="abc" method="GET" path="/busy"}: "#;
        assert!(
            text.starts_with(head) && text.contains("status=503"),
            "{text}"
        );
        assert_eq!(text.lines().count(), 1, "{text}");
    }

    #[tokio::test]
    async fn a_panic_is_logged_with_the_id() {
        let (log, _guard) = Log::begin().await;
        answer(get_as("/panics", "reader").header("X-Request-Id", "abc")).await;
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
    async fn no_line_is_forged_or_endless() {
        let (log, _guard) = Log::begin().await;
        let path = format!("/\u{85}\u{202e}%0AERROR/{}", "x".repeat(50_000));
        let method = "M".repeat(1000);
        let request = get_as(&path, "reader").method(method.as_str());
        answer(request).await;
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
    async fn no_line_holds_a_key() {
        let (log, _guard) = Log::begin().await;
        let basic = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, "u:hunter2");
        let offer = base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, "hunter2");
        for path in ["/done", "/failed", "/panics", "/none", "/%zz"] {
            let request = |name, value: &str| {
                let request = Request::post(path).header("Host", "localhost");
                request.header(name, value)
            };
            answer(request("Wasmstore-Auth", "hunter2")).await;
            answer(request("Wasmstore-Auth", "hunter22")).await;
            answer(request("Wasmstore-Auth", "hunter2").header("Wasmstore-Auth", "hunter2")).await;
            answer(request("Authorization", &format!("Basic {basic}"))).await;
            answer(request("Authorization", "Basic hunter2")).await;
            let protocols = format!("wasmstore.v1, wasmstore.key.{offer}");
            let socket = request("Sec-WebSocket-Protocol", &protocols);
            answer(socket.method("GET").header("Upgrade", "websocket")).await;
        }
        let text = log.text();
        assert!(text.lines().count() >= 30, "{text}");
        for secret in ["hunter2", &basic, &offer] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
