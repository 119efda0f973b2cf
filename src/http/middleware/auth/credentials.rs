//! What a request shows: its key, and what it wants.

use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, Entry, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::http::git;
use crate::remote::GitService;

/// The header for the key. It goes before all other ways to show one.
const WASMSTORE_AUTH: HeaderName = HeaderName::from_static("wasmstore-auth");

/// The subprotocol that a WebSocket speaks.
pub(in crate::http) const PROTOCOL: &str = "wasmstore.v1";

/// What a browser, which can set no header on a WebSocket, offers beside [`PROTOCOL`], with its key in base64url behind it.
pub(in crate::http) const KEY_PROTOCOL: &str = "wasmstore.key.";

/// Base64 as clients write it, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Keeps the headers that may hold a key out of whatever prints headers; called by the first that sees a request.
pub(in crate::http) fn conceal(headers: &mut HeaderMap) {
    for name in [WASMSTORE_AUTH, AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL] {
        if let Entry::Occupied(mut entry) = headers.entry(name) {
            entry.iter_mut().for_each(|value| value.set_sensitive(true));
        }
    }
}

/// The method that a key has to be good for. It is the request's own, unless that says too little of what is wanted.
pub(in crate::http) fn needed(request: &Request) -> &Method {
    if is_websocket(request) {
        // Over HTTP/2 it is opened by CONNECT.
        return &Method::GET;
    }
    match git::asked_for(request.uri()) {
        Some(GitService::UploadPack) => &Method::GET,
        Some(GitService::ReceivePack) => &Method::POST,
        None => request.method(),
    }
}

/// Says whether a WebSocket is to be opened.
pub(in crate::http) fn is_websocket(request: &Request) -> bool {
    if *request.method() == Method::CONNECT {
        let protocol = request.extensions().get::<hyper::ext::Protocol>();
        return protocol.is_some_and(|protocol| protocol.as_str() == "websocket");
    }
    let wanted = listed(request.headers(), UPGRADE);
    *request.method() == Method::GET
        && wanted
            .iter()
            .any(|name| name.eq_ignore_ascii_case("websocket"))
}

/// The key that a request shows. A way to show one that is used twice, or wrongly, is not made up for by another.
pub(in crate::http) fn shown(request: &Request) -> Option<Vec<u8>> {
    let headers = request.headers();
    if headers.contains_key(WASMSTORE_AUTH) {
        Some(single(headers, WASMSTORE_AUTH)?.as_bytes().to_vec())
    } else if headers.contains_key(AUTHORIZATION) {
        basic_password(single(headers, AUTHORIZATION)?)
    } else if is_websocket(request) {
        offered(&listed(headers, SEC_WEBSOCKET_PROTOCOL))
    } else {
        None
    }
}

/// The value of a header that is there exactly once.
fn single(headers: &HeaderMap, name: HeaderName) -> Option<&HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// The members of a header that is a list.
fn listed(headers: &HeaderMap, name: HeaderName) -> Vec<&str> {
    let values = headers.get_all(name).into_iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect()
}

fn basic_password(credentials: &HeaderValue) -> Option<Vec<u8>> {
    let (scheme, encoded) = credentials.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = BASE64.decode(encoded.trim()).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    Some(decoded[colon + 1..].to_vec())
}

fn offered(protocols: &[&str]) -> Option<Vec<u8>> {
    let mut keys = protocols
        .iter()
        .filter_map(|offer| offer.strip_prefix(KEY_PROTOCOL));
    let key = keys.next().filter(|_| keys.next().is_none())?;
    let key = BASE64_URL_SAFE_NO_PAD.decode(key).ok()?;
    protocols.contains(&PROTOCOL).then_some(key)
}
