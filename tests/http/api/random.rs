//! Random requests: none panics or gets a 5xx response.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request, Uri};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

use super::{Api, HOST, api};
use crate::support::store::module;

const ENDPOINTS: [&str; 24] = [
    "/modules/",
    "/module/",
    "/hash/",
    "/info/",
    "/versions/",
    "/version/",
    "/version/0/",
    "/commits/",
    "/snapshot",
    "/commit/",
    "/restore/",
    "/rollback/",
    "/branch/",
    "/branches",
    "/merge/",
    "/gc",
    "/auth",
    "/modules?limit=",
    "/modules?after=",
    "/commits?after=",
    "/branch/x?from=",
    "/module/a?recursive=",
    "/gc?keep_history=",
    "",
];

const HEADERS: [&str; 14] = [
    "wasmstore-branch",
    "wasmstore-commit",
    "wasmstore-author",
    "wasmstore-message",
    "wasmstore-auth",
    "if-match",
    "if-none-match",
    "if-range",
    "range",
    "accept",
    "accept-encoding",
    "content-encoding",
    "content-length",
    "authorization",
];

const WORDS: [&str; 10] = [
    "main", "d/a", "%2e%2e", "bytes=", "W/\"", "gzip;q=", "sha256:", "%00", "%ff", "//",
];

/// Generates text in which characters with a special meaning are frequent.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let special = select(&b"%2F/.:;,=*\"'-+~@{}^ \t?&#aA0\\\xff\xc3\xa4"[..]);
    let word = select(&WORDS[..]);
    let piece = prop_oneof![
        4 => special.prop_map(|byte| vec![byte]),
        2 => word.prop_map(|word| word.as_bytes().to_vec()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
        1 => vec(any::<u8>(), 0..100),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn method() -> impl Strategy<Value = Vec<u8>> {
    let known = select(
        &[
            "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "PATCH",
        ][..],
    );
    prop_oneof![9 => known.prop_map(|name| name.as_bytes().to_vec()), 1 => text()]
}

type Headers = Vec<(&'static str, Vec<u8>)>;

/// Builds a request. Bytes that the types of HTTP reject are escaped in the URI and omitted elsewhere.
fn request(method: &[u8], uri: &[u8], headers: Headers, body: Vec<u8>) -> Option<Request<Body>> {
    let raw = |byte: &u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(byte);
    let escaped = uri.iter().map(|byte| {
        if raw(byte) {
            char::from(*byte).to_string()
        } else {
            format!("%{byte:02x}")
        }
    });
    let uri = Uri::try_from(uri).or_else(|_| escaped.collect::<String>().parse());
    let mut request = Request::builder()
        .method(Method::from_bytes(method).unwrap_or(Method::GET))
        .uri(uri.ok()?)
        .header("host", HOST);
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            request = request.header(HeaderName::from_static(name), value);
        }
    }
    request.body(Body::from(body)).ok()
}

#[test]
fn no_request_gets_a_5xx_response() {
    let s = Api::new();
    s.put("d/a", 1);
    let case = (
        method(),
        select(&ENDPOINTS[..]),
        text(),
        vec((select(&HEADERS[..]), text()), 0..4),
        any::<bool>(),
    );
    let config = Config {
        cases: 800,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    let sent = std::cell::Cell::new(0);
    let result = runner.run(&case, |(method, endpoint, rest, headers, is_module)| {
        let uri = [api(endpoint).as_bytes(), &rest].concat();
        let body = if is_module { module(1) } else { rest };
        if let Some(request) = request(&method, &uri, headers, body) {
            sent.set(sent.get() + 1);
            let response = s.send_request(request);
            prop_assert!(
                response.status < 500,
                "{}: {}",
                response.status,
                response.text()
            );
        }
        Ok(())
    });
    result.unwrap();
    assert!(sent.get() > 600, "{sent:?}");
    s.fsck();
}
