//! Finds the API key in a request, and the HTTP method that the key must allow.

use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, COOKIE, Entry, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::http::git_url::requested_service;
use crate::http::pages;
use crate::http::peers::PEER_KEY;
use crate::remote::GitService;

/// The request header for the API key. If it is present, all other ways to send a key are ignored.
const WASMSTORE_AUTH: HeaderName = HeaderName::from_static("wasmstore-auth");

/// The WebSocket subprotocol of the endpoint that watches branches.
pub(in crate::http) const WEBSOCKET_PROTOCOL: &str = "wasmstore.v1";

/// The prefix of a WebSocket subprotocol that contains an API key in base64url. Browsers offer it together with [`WEBSOCKET_PROTOCOL`],
/// because scripts cannot set headers on a WebSocket.
pub(super) const KEY_PROTOCOL_PREFIX: &str = "wasmstore.key.";

/// The only endpoint whose requests can open a WebSocket.
const WATCH_PATH: &str = "/api/v1/watch";

/// Base64 with or without padding, because clients send both.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Marks the headers that may contain an API key as sensitive, so that printing the headers does not reveal it.
/// [`request_log`](crate::http::middleware::request_log::request_log), the outermost layer that logs, calls this.
pub(in crate::http) fn mark_sensitive(headers: &mut HeaderMap) {
    for name in [
        WASMSTORE_AUTH,
        AUTHORIZATION,
        SEC_WEBSOCKET_PROTOCOL,
        COOKIE,
        PEER_KEY,
    ] {
        if let Entry::Occupied(mut entry) = headers.entry(name) {
            entry.iter_mut().for_each(|value| value.set_sensitive(true));
        }
    }
}

/// The endpoint that only reads, although its method is POST. It uses POST because it needs a request body, which a GET request does not
/// have.
const WORLD_PATH: &str = "/api/v1/world";

/// The endpoint that removes modules, although its method is POST. It uses POST because a DELETE request should have no body.
const REMOVE_PATH: &str = "/api/v1/remove";

/// The endpoint for module uploads in chunks.
const UPLOADS_PATH: &str = "/api/v1/uploads";

/// Returns the HTTP method that the API key must allow for a request. This is the method of the request, with these exceptions: GET for a
/// WebSocket, for a read with a request body, and for every request of a git fetch; POST for every request of a git push and of a module
/// upload in chunks, and for PUT and PATCH of an OCI push; DELETE for a removal with a request body; for a page, the method that
/// [`pages::required_method`] returns. The path of the request must be normalized and without the base path.
pub(in crate::http) fn required_method(request: &Request) -> &Method {
    if is_websocket(request) {
        // Over HTTP/2, a WebSocket is opened with CONNECT.
        return &Method::GET;
    }
    if *request.method() == Method::POST && request.uri().path() == WORLD_PATH {
        return &Method::GET;
    }
    if *request.method() == Method::POST && request.uri().path() == REMOVE_PATH {
        return &Method::DELETE;
    }
    match requested_service(request.uri()) {
        Some(GitService::UploadPack) => &Method::GET,
        Some(GitService::ReceivePack) => &Method::POST,
        None if is_oci_upload(request) || is_module_upload(request) => &Method::POST,
        None if pages::is_page(request.uri().path()) => {
            pages::required_method(request.method(), request.uri().path())
        }
        None => request.method(),
    }
}

/// Returns whether the request is a PUT or PATCH of an OCI push. An OCI push uses POST, PATCH and PUT, and a key that allows POST may send
/// all three.
fn is_oci_upload(request: &Request) -> bool {
    let is_upload = [Method::PUT, Method::PATCH].contains(request.method());
    is_upload && request.uri().path().starts_with("/v2/")
}

/// Returns whether the request belongs to a module upload in chunks. A key that may only add modules must be able to continue and to cancel
/// its uploads.
fn is_module_upload(request: &Request) -> bool {
    let rest = request.uri().path().strip_prefix(UPLOADS_PATH);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns whether the request opens a WebSocket. Only requests for the watch endpoint can open one. On other paths, the server ignores an
/// `Upgrade` header (RFC 9110, section 7.8), so the header must not change the method that the key has to allow. The path must be
/// normalized and without the base path.
pub(super) fn is_websocket(request: &Request) -> bool {
    if request.uri().path() != WATCH_PATH {
        return false;
    }
    if *request.method() == Method::CONNECT {
        let protocol = request.extensions().get::<hyper::ext::Protocol>();
        return protocol.is_some_and(|protocol| protocol.as_str() == "websocket");
    }
    let protocols = list_members(request.headers(), UPGRADE);
    *request.method() == Method::GET
        && protocols
            .iter()
            .any(|name| name.eq_ignore_ascii_case("websocket"))
}

/// Returns the API key in a request. If the header with the highest precedence is repeated or malformed, the other headers are not tried.
pub(super) fn presented_key(request: &Request) -> Option<Vec<u8>> {
    let headers = request.headers();
    if headers.contains_key(WASMSTORE_AUTH) {
        Some(single(headers, WASMSTORE_AUTH)?.as_bytes().to_vec())
    } else if headers.contains_key(AUTHORIZATION) {
        key_from_authorization(single(headers, AUTHORIZATION)?)
    } else if is_websocket(request) {
        key_from_protocols(&list_members(headers, SEC_WEBSOCKET_PROTOCOL))
    } else {
        None
    }
}

/// Returns whether the request contains an API key, even a malformed one.
pub(super) fn presents_key(request: &Request) -> bool {
    let headers = request.headers();
    let has_protocol = || {
        let protocols = list_members(headers, SEC_WEBSOCKET_PROTOCOL);
        let is_key = |protocol: &&str| protocol.starts_with(KEY_PROTOCOL_PREFIX);
        protocols.iter().any(is_key)
    };
    headers.contains_key(WASMSTORE_AUTH)
        || headers.contains_key(AUTHORIZATION)
        || (is_websocket(request) && has_protocol())
}

/// Returns the value of a header; `None` if the header occurs more than once or not at all.
fn single(headers: &HeaderMap, name: HeaderName) -> Option<&HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// Returns the elements of a header whose value is a comma-separated list.
fn list_members(headers: &HeaderMap, name: HeaderName) -> Vec<&str> {
    let values = headers.get_all(name).into_iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect()
}

/// Returns the API key in an `Authorization` header: the token of `Bearer` (RFC 6750, section 2.1) or the password of `Basic` (RFC 7617).
/// Unlike in the RFC, the token may have any character that a key may have.
fn key_from_authorization(credentials: &HeaderValue) -> Option<Vec<u8>> {
    let (scheme, rest) = credentials.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().as_bytes().to_vec());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = BASE64.decode(rest.trim()).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    Some(decoded[colon + 1..].to_vec())
}

fn key_from_protocols(protocols: &[&str]) -> Option<Vec<u8>> {
    let mut keys = protocols
        .iter()
        .filter_map(|offer| offer.strip_prefix(KEY_PROTOCOL_PREFIX));
    let encoded = keys.next().filter(|_| keys.next().is_none())?;
    let key = BASE64_URL_SAFE_NO_PAD.decode(encoded).ok()?;
    protocols.contains(&WEBSOCKET_PROTOCOL).then_some(key)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn git_fetch_needs_get_and_git_push_needs_post() {
        for (method, path, expected) in [
            ("GET", "info/refs?service=git-upload-pack", Method::GET),
            ("HEAD", "info/refs?service=git-upload-pack", Method::GET),
            ("POST", "git-upload-pack", Method::GET),
            ("GET", "info/refs?service=git-receive-pack", Method::POST),
            ("POST", "git-receive-pack", Method::POST),
            ("GET", "info/refs", Method::GET),
            ("POST", "info/refs", Method::POST),
            ("DELETE", "HEAD", Method::DELETE),
        ] {
            let uri = format!("/wasmstore.git/{path}");
            let request = Request::builder().method(method).uri(uri);
            let request = request.body(Body::empty()).unwrap();
            assert_eq!(*required_method(&request), expected, "{method} {path}");
        }
    }

    #[test]
    fn a_read_and_a_removal_with_a_body_need_get_and_delete() {
        for (method, path, expected) in [
            ("POST", "/api/v1/world", Method::GET),
            ("DELETE", "/api/v1/world", Method::DELETE),
            ("POST", "/api/v1/world/x", Method::POST),
            ("POST", "/api/v1/module/world", Method::POST),
            ("POST", "/api/v1/remove", Method::DELETE),
            ("POST", "/api/v1/remove/x", Method::POST),
        ] {
            let request = Request::builder().method(method).uri(path);
            let request = request.body(Body::empty()).unwrap();
            assert_eq!(*required_method(&request), expected, "{method} {path}");
        }
    }

    #[test]
    fn every_request_of_an_upload_in_chunks_needs_post() {
        for (method, path, expected) in [
            ("POST", "/api/v1/uploads", Method::POST),
            ("GET", "/api/v1/uploads/x", Method::POST),
            ("PATCH", "/api/v1/uploads/x", Method::POST),
            ("PUT", "/api/v1/uploads/x?path=a", Method::POST),
            ("DELETE", "/api/v1/uploads/x", Method::POST),
            ("DELETE", "/api/v1/uploadsx", Method::DELETE),
            ("DELETE", "/api/v1/module/uploads/x", Method::DELETE),
        ] {
            let request = Request::builder().method(method).uri(path);
            let request = request.body(Body::empty()).unwrap();
            assert_eq!(*required_method(&request), expected, "{method} {path}");
        }
    }

    #[test]
    fn headers_with_keys_are_printed_as_sensitive() {
        let mut headers = HeaderMap::new();
        for name in [
            "wasmstore-auth",
            "authorization",
            "sec-websocket-protocol",
            "cookie",
        ] {
            headers.append(name, HeaderValue::from_static("hunter2"));
            headers.append(name, HeaderValue::from_static("hunter2"));
        }
        headers.append("x-other", HeaderValue::from_static("plain"));
        mark_sensitive(&mut headers);
        let printed = format!("{headers:?}");
        assert!(
            !printed.contains("hunter2") && printed.contains("plain"),
            "{printed}"
        );
        assert_eq!(printed.matches("Sensitive").count(), 8);
    }
}
