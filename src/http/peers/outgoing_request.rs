//! A request that one server of a bucket sends to another one.

use axum::body::Bytes;
use axum::http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, DATE, EXPECT, HOST, ORIGIN, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, Method};

use super::origin::{PEER_KEY, REQUEST_GENERATION, REQUEST_ID};

/// The headers that are not forwarded: headers about the connection, headers about the web page that has made the request, and the headers
/// that only servers of one bucket send to each other. This server has already checked the origin of the page; the other server would
/// compare the origin with its own host name.
const NOT_FORWARDED: [HeaderName; 16] = [
    CONNECTION,
    CONTENT_LENGTH,
    COOKIE,
    DATE,
    EXPECT,
    HOST,
    ORIGIN,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("sec-fetch-site"),
    PEER_KEY,
    REQUEST_ID,
    REQUEST_GENERATION,
];

/// A request to another server.
pub(in crate::http) struct OutgoingRequest {
    pub method: Method,
    /// The complete URL, including the URL of the other server.
    pub url: String,
    /// The headers: the client's headers that are forwarded, and the headers that servers of one bucket add to a forwarded request.
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Returns the headers that may be forwarded: all except those in [`NOT_FORWARDED`].
pub(in crate::http) fn forwarded_headers(headers: &HeaderMap) -> HeaderMap {
    let mut forwarded = headers.clone();
    for name in NOT_FORWARDED {
        forwarded.remove(name);
    }
    forwarded
}
