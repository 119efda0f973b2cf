//! Every request for a module or a list is answered without an internal error, and a partial answer is the part that it says it is.

#![no_main]

use std::cell::RefCell;
use std::sync::Arc;

use arbitrary::Arbitrary;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body_util::BodyExt as _;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use wasmstore::http::{ServerOptions, router};
use wasmstore_fuzz::{EMPTY_MODULE, Scratch};

/// The headers that a request can have. Each value is any text.
const HEADERS: [HeaderName; 8] = [
    header::RANGE,
    header::IF_RANGE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
    header::ACCEPT_ENCODING,
    header::ACCEPT,
];

/// The beginnings of the URLs.
const TARGETS: [&str; 10] = [
    "/api/v1/module/a/b.wasm",
    "/api/v1/module/",
    "/api/v1/modules",
    "/api/v1/modules/",
    "/api/v1/versions/",
    "/api/v1/commits",
    "/api/v1/info/",
    "/api/v1/diff",
    "/api/v1/hash/",
    "/",
];

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    target: u8,
    rest: &'a str,
    is_head: bool,
    headers: Vec<(u8, &'a str)>,
}

thread_local! {
    static SERVER: RefCell<Server> = RefCell::new(Server::start());
}

struct Server {
    runtime: Runtime,
    routes: Router,
    _scratch: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let Scratch { store, dir } = Scratch::new();
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        let token = CancellationToken::new();
        let routes = runtime
            .block_on(async { router(Arc::new(store), ServerOptions::default(), &[], token) });
        Self {
            runtime,
            routes,
            _scratch: dir,
        }
    }

    /// Returns the status, the headers and the body of a response; `None` if the input is not a request.
    fn respond(&self, input: &Input<'_>) -> Option<(StatusCode, HeaderMap, Vec<u8>)> {
        let target = TARGETS[usize::from(input.target) % TARGETS.len()];
        let method = if input.is_head { "HEAD" } else { "GET" };
        let request = Request::builder()
            .method(method)
            .uri(format!("{target}{}", input.rest));
        let request = input
            .headers
            .iter()
            .try_fold(request, |request, (n, text)| {
                let name = &HEADERS[usize::from(*n) % HEADERS.len()];
                Some(request.header(name, HeaderValue::from_str(text).ok()?))
            })?;
        let request = request.header(header::HOST, "localhost");
        let request = request.body(Body::empty()).ok()?;
        self.runtime.block_on(async {
            let response = self.routes.clone().oneshot(request).await.ok()?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.expect("a complete body").to_bytes();
            Some((parts.status, parts.headers, body.to_vec()))
        })
    }
}

fuzz_target!(|input: Input<'_>| {
    let answer = SERVER.with_borrow(|server| server.respond(&input));
    let Some((status, headers, body)) = answer else {
        return;
    };
    let is_fault = status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED;
    assert!(!is_fault, "{input:?}: {status}");
    let is_module = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value == "application/wasm");
    let is_encoded = headers.contains_key(header::CONTENT_ENCODING);
    if !is_module || is_encoded || input.is_head {
        return;
    }
    match status {
        StatusCode::OK => assert_eq!(body, EMPTY_MODULE, "{input:?}"),
        StatusCode::PARTIAL_CONTENT => check_part(&headers, &body),
        _ => {}
    }
});

/// Checks that the body is the part that `Content-Range` names (RFC 9110, section 14.4).
fn check_part(headers: &HeaderMap, body: &[u8]) {
    let range = headers[header::CONTENT_RANGE].to_str().expect("text");
    let bounds = range
        .strip_prefix("bytes ")
        .and_then(|rest| rest.strip_suffix(&format!("/{}", EMPTY_MODULE.len())))
        .and_then(|bounds| bounds.split_once('-'))
        .expect("a range");
    let (first, last): (usize, usize) = (bounds.0.parse().unwrap(), bounds.1.parse().unwrap());
    assert_eq!(body, &EMPTY_MODULE[first..=last], "{range}");
}
