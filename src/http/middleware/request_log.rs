//! Writes one log line per request, and assigns request ids.

use std::any::Any;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use axum::body::HttpBody;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument;

use crate::http::error::Failure;
use crate::http::listener::Peer;
use crate::http::middleware::auth;
use crate::http::middleware::client_address::{ClientAddress, TrustedProxy};

/// The header with the request id, in requests and responses.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The maximum length of a request id that a client sends, in bytes.
const ID_BYTES_MAX: usize = 64;

/// The length to which paths and panic messages are truncated in the log, in characters.
const LOGGED_CHARS_MAX: usize = 256;

/// The length to which methods are truncated in the log, in characters.
const METHOD_CHARS_MAX: usize = 32;

/// A mark on a response that another server has made, because the request was forwarded to that server. It is an extension of the response.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct WasForwarded;

/// Logs one line per response. The line is in a span with the id, client, method and path of the request, and with the name of its API key
/// if the server has keys. Adds the id to the response as a header, and the [`ClientAddress`] to the request as an extension.
pub(in crate::http) async fn request_log(
    State(trusted_proxies): State<Arc<[TrustedProxy]>>,
    mut request: Request,
    next: Next,
) -> Response {
    let start = Instant::now();
    auth::mark_sensitive(request.headers_mut());
    let id = requested_id(request.headers()).unwrap_or_else(new_id);
    // If the request is forwarded to another server, that server logs it with the same id.
    request.headers_mut().insert(X_REQUEST_ID, id_header(&id));
    let client = request
        .extensions()
        .get::<Peer>()
        .map(|peer| ClientAddress::new(peer, request.headers(), &trusted_proxies));
    if let Some(client) = client {
        request.extensions_mut().insert(client);
    }
    // The span has the level ERROR, so that even a log with only errors shows which request has failed.
    let span = tracing::error_span!(
        "request",
        id,
        client = client.map(tracing::field::display),
        method = escape(request.method().as_str(), METHOD_CHARS_MAX),
        path = escape(request.uri().path(), LOGGED_CHARS_MAX),
        key = tracing::field::Empty,
    );
    let respond = async {
        let response = with_id(next.run(request).await, &id);
        log(&response, start.elapsed());
        response
    };
    respond.instrument(span).await
}

/// Responds with 500 if a handler panics. This layer must be inside of [`request_log`], which adds the request id to the response.
pub(in crate::http) fn catch_panics() -> CatchPanicLayer<fn(Box<dyn Any + Send>) -> Response> {
    CatchPanicLayer::custom(log_panic)
}

fn log_panic(panic: Box<dyn Any + Send>) -> Response {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(
        panic = escape(message.unwrap_or("no message"), LOGGED_CHARS_MAX),
        "a request handler panicked"
    );
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

fn log(response: &Response, duration: Duration) {
    let status = response.status().as_u16();
    let duration_ms = duration.as_micros() as f64 / 1e3;
    let bytes = response.body().size_hint().exact();
    let forwarded = response.extensions().get::<WasForwarded>().map(|_| true);
    if response.status().is_server_error() {
        tracing::error!(status, duration_ms, bytes, forwarded, "responded");
    } else {
        tracing::info!(status, duration_ms, bytes, forwarded, "responded");
    }
}

/// Adds the request id to the response. In a 500 response, replaces the body by a text with the id, because the original body may reveal
/// internals. Only the text about a write that may have been made is kept.
fn with_id(mut response: Response, id: &str) -> Response {
    if response.status() == StatusCode::INTERNAL_SERVER_ERROR {
        let failure = match response.extensions().get::<Failure>() {
            Some(failure) => failure.without_internals(id),
            None => Failure::internal(id),
        };
        let (failure, body) = failure.into_response().into_parts();
        response.headers_mut().remove(CONTENT_LENGTH);
        response.headers_mut().extend(failure.headers);
        response.extensions_mut().extend(failure.extensions);
        *response.body_mut() = body;
    }
    response.headers_mut().insert(X_REQUEST_ID, id_header(id));
    response
}

fn id_header(id: &str) -> HeaderValue {
    HeaderValue::from_str(id).expect("BUG: an id is visible ASCII")
}

/// Returns the request id that the client has sent, if it is short and all its characters are safe in logs.
fn requested_id(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(X_REQUEST_ID).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    let id = value.to_str().ok()?;
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let is_valid = (1..=ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(is_legal);
    is_valid.then(|| id.to_owned())
}

/// Returns a new unique id. It is a keyed hash of a counter, so it does not reveal the number of requests.
fn new_id() -> String {
    static SECRET: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{:016x}", SECRET.hash_one(number))
}

/// Escapes control characters and truncates the text, so that a client can neither forge log lines nor make them very long.
fn escape(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", text[..end].escape_debug()),
        None => text.escape_debug().to_string(),
    }
}

#[cfg(test)]
mod tests;
