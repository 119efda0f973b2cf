//! Makes the request that a server sends to the last writer.

use axum::body::Bytes;
use axum::http::HeaderValue;
use axum::http::request::Parts;

use super::copy::MIN_GENERATION;
use super::generation::unavailable;
use crate::http::error::{Failure, Result};
use crate::http::peers::{
    OutgoingRequest, PEER_KEY, PeerKey, REQUEST_GENERATION, REQUEST_ID, forwarded_headers,
};
use crate::names::ServerUrl;
use crate::store::{Change, RequestId};
use crate::wire::encode_header_value;

/// Returns the request that is sent to the last writer.
pub(super) fn outgoing(
    parts: &Parts,
    change: &Change,
    body: Bytes,
    (request, key): (&RequestId, &PeerKey),
    writer: &ServerUrl,
) -> Result<OutgoingRequest> {
    let value = |text: &str| {
        let value = HeaderValue::from_str(text);
        value.map_err(|_| Failure::malformed("a header cannot be forwarded"))
    };
    let mut headers = forwarded_headers(&parts.headers);
    // Not forwarded, because this server already has the generation in this header. The header `REQUEST_GENERATION` tells the other server
    // to wait for the generation of this server, which is at least as high.
    headers.remove(MIN_GENERATION);
    if let Some(branch) = &change.branch {
        headers.insert(
            "wasmstore-branch",
            value(&encode_header_value(branch.as_str()))?,
        );
    }
    if let Some(author) = &change.author {
        headers.insert(
            "wasmstore-author",
            value(&encode_header_value(&author.to_string()))?,
        );
    }
    headers.insert(REQUEST_ID, value(&request.id)?);
    headers.insert(REQUEST_GENERATION, value(&request.since.to_string())?);
    let key = key.header();
    headers.insert(
        PEER_KEY,
        key.ok_or_else(|| unavailable("the secret of the servers is invalid"))?,
    );
    let path = parts.uri.path_and_query();
    Ok(OutgoingRequest {
        method: parts.method.clone(),
        url: writer.at(path.map_or("/", |path| path.as_str())),
        headers,
        body,
    })
}
