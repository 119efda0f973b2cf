//! Forwards writes to the last writer: the server that was the last to replace the bucket's manifest by compare-and-swap, which is called a
//! swap.
//!
//! If every server made swaps for its own writes, most swaps would fail because another server was first. So a write is forwarded to the
//! last writer, which combines many writes into one swap. If the last writer does not respond, this server makes the write itself; the id
//! of the request ensures that the write is not made twice.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequestParts as _, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::copy::MIN_GENERATION;
use super::generation::unavailable;
use crate::budget::Charge;
use crate::http::error::{Failure, Result};
use crate::http::extract::WriteHeaders;
use crate::http::middleware::request_log::WasForwarded;
use crate::http::peers::{
    BucketServers, Forwarded, GENERATION, OutgoingRequest, PEER_KEY, PeerKey, REQUEST_GENERATION,
    REQUEST_ID, RequestOrigin, forwarded_headers, new_request_id,
};
use crate::http::state::App;
use crate::http::upload::body::{RequestBody, content_length};
use crate::http::upload::memory::{BufferedCharge, UploadMemory};
use crate::names::ServerUrl;
use crate::store::{Change, RequestEnd, RequestId, SharedState, Store};
use crate::wire::encode_header_value;

/// The largest request body that is buffered and forwarded, in bytes. This server handles requests with larger bodies itself.
const BODY_BYTES_MAX: u64 = 1 << 20;
/// How long the response to a forwarded write is delayed until this server's copy of the store contains the write too.
const FOLLOW_MAX: Duration = Duration::from_secs(1);
/// How long a forwarded request waits until this server's copy of the store is as recent as the copy of the forwarding server. It must be
/// shorter than the time that the forwarding server waits for the response.
const SENDER_GENERATION_MAX: Duration = Duration::from_secs(1);

/// The routes whose requests are forwarded: the routes that write to one branch.
const FORWARDED: [(Method, &str); 14] = [
    (Method::POST, "/api/v1/module/{*name}"),
    (Method::DELETE, "/api/v1/module/{*name}"),
    (Method::POST, "/api/v1/modules"),
    (Method::POST, "/api/v1/modules/{*prefix}"),
    (Method::DELETE, "/api/v1/modules"),
    (Method::POST, "/api/v1/copy"),
    (Method::POST, "/api/v1/move"),
    (Method::POST, "/api/v1/remove"),
    (Method::POST, "/api/v1/hash/{*name}"),
    (Method::POST, "/api/v1/restore/{commit}"),
    (Method::POST, "/api/v1/restore/{commit}/{*path}"),
    (Method::POST, "/api/v1/rollback"),
    (Method::POST, "/api/v1/rollback/{*path}"),
    (Method::POST, "/api/v1/merge/{*branch}"),
];

/// Forwards writes to the last writer, the server that has changed the bucket most recently. A request that another server has forwarded is
/// handled here, even if the last writer is a third server. So no request is forwarded twice. This must be a layer of the router that has
/// the routes, inside of [`authorize`](crate::http::middleware::auth::authorize).
pub(in crate::http) async fn forward_writes(
    State((app, bucket)): State<(App, Arc<BucketServers>)>,
    request: Request,
    next: Next,
) -> Response {
    if !is_forwarded(&request) {
        return next.run(request).await;
    }
    let handled = match bucket.peer_key() {
        Some(key) if key.is_presented(request.headers()) => {
            serve_peer(&app, &bucket, request, next).await
        }
        Some(key) => forward(&app, &bucket, &key, request, next).await,
        None => Ok(next.run(request).await),
    };
    handled.unwrap_or_else(IntoResponse::into_response)
}

fn is_forwarded(request: &Request) -> bool {
    let path = request.extensions().get::<MatchedPath>();
    path.is_some_and(|path| {
        let mut forwarded = FORWARDED.iter();
        forwarded.any(|(method, route)| request.method() == *method && path.as_str() == *route)
    })
}

/// Handles a request that another server has forwarded.
async fn serve_peer(
    app: &App,
    bucket: &BucketServers,
    mut request: Request,
    next: Next,
) -> Result<Response> {
    if let Some((origin, generation)) = RequestOrigin::of_peer(request.headers())? {
        // The write must not be based on a state of the store that is older than the state that the client may have seen.
        app.await_generation(bucket, generation, SENDER_GENERATION_MAX)
            .await?;
        request.extensions_mut().insert(origin);
    }
    Ok(next.run(request).await)
}

/// Forwards the request of a client to the last writer, which is the server that made the last write to the bucket. If that is not
/// possible, handles the request on this server.
async fn forward(
    app: &App,
    bucket: &BucketServers,
    key: &PeerKey,
    request: Request,
    next: Next,
) -> Result<Response> {
    let state = app.run_inline(|store| store.shared_state());
    let Some(state) = state else {
        return Ok(next.run(request).await);
    };
    let Some((writer, forwarder)) = bucket.last_writer(&state) else {
        return Ok(next.run(request).await);
    };
    let Some(length) = forwarded_length(&request) else {
        return Ok(next.run(request).await);
    };
    let (mut parts, body) = request.into_parts();
    // The forwarded request gets the defaults of this server: its default branch, and the author that the API key requires.
    let WriteHeaders(change) = WriteHeaders::from_request_parts(&mut parts, app).await?;
    let (bytes, charge) = buffer(app, &parts, body, length).await?;
    let id = new_request_id();
    let outgoing = outgoing(&parts, &change, bytes.clone(), (&id, key, &state), &writer)?;
    // The other server may have the request, too.
    let doubtful = match forwarder.forward(&writer, outgoing).await {
        Forwarded::Response(response) => {
            drop(charge);
            return Ok(finish(app, bucket, response).await);
        }
        Forwarded::Refused(_) | Forwarded::NotSent(_) => None,
        Forwarded::Unknown(_) => Some(RequestId {
            id,
            since: state.generation,
            is_sent_once: false,
        }),
    };
    if let Some(request) = doubtful.clone() {
        parts.extensions.insert(RequestOrigin {
            request,
            is_from_peer: false,
        });
    }
    parts.extensions.insert(BufferedCharge::new(charge));
    let response = next
        .run(Request::from_parts(parts, Body::from(bytes)))
        .await;
    Ok(match doubtful {
        Some(request) => without_other_result(app, request, response).await,
        None => response,
    })
}

/// Returns the length of the request body; `None` if the body is too large to be forwarded or has no known length.
fn forwarded_length(request: &Request) -> Option<u64> {
    if request.body().is_end_stream() {
        return Some(0);
    }
    let length = content_length(request.headers())?;
    (length <= BODY_BYTES_MAX).then_some(length)
}

/// Reads a request body of this length. Returns the body and its charge on the memory budget; an empty body has no charge.
async fn buffer(
    app: &App,
    parts: &Parts,
    body: Body,
    length: u64,
) -> Result<(Bytes, Option<Charge>)> {
    if length == 0 {
        return Ok((Bytes::new(), None));
    }
    // If this server handles the request itself in the end, the handler uses this charge.
    let charge = app.charge(UploadMemory::first_bytes(Some(length))).await?;
    let mut body = RequestBody::new((parts.version, &parts.headers), body, app.limits);
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    while let Some(chunk) = body.next().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok((bytes.into(), Some(charge)))
}

/// Returns the request that is sent to the last writer.
fn outgoing(
    parts: &Parts,
    change: &Change,
    body: Bytes,
    (id, key, state): (&str, &PeerKey, &SharedState),
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
    headers.insert(REQUEST_ID, value(id)?);
    headers.insert(REQUEST_GENERATION, value(&state.generation.to_string())?);
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

/// Waits until this server has the write of a forwarded request, so that the client can read the result here.
async fn finish(app: &App, bucket: &BucketServers, mut response: Response) -> Response {
    response.extensions_mut().insert(WasForwarded);
    let generation = response.headers().get(GENERATION);
    let generation = generation.and_then(|value| value.to_str().ok()?.parse().ok());
    if let Some(generation) = generation.filter(|_| response.status().is_success()) {
        let waited = app.await_generation(bucket, generation, FOLLOW_MAX).await;
        if let Err(error) = waited {
            // The response contains the generation with the write, which the client can require in later requests.
            tracing::debug!(%error, "this server does not have the change of a forwarded request yet");
        }
    }
    response
}

/// Returns the response of this server to a request that another server may have, too, after it has made sure that the other one does not
/// make the write later. If that is not possible, the response becomes a 500: an error says that nothing was changed, and a success may
/// have changed nothing, because the module was there already.
async fn without_other_result(app: &App, request: RequestId, response: Response) -> Response {
    let status = response.status();
    if status.is_server_error() {
        return with_doubt(response);
    }
    let exclude = move |store: &Store| Ok(store.exclude_request(&request)?);
    match app.run_write(exclude).await {
        Ok(RequestEnd::Excluded) => response,
        // The change was made once, by this server or by the other one.
        Ok(RequestEnd::Applied) if status.is_success() => response,
        Ok(RequestEnd::Applied) | Err(_) => with_doubt(response),
    }
}

/// Turns a response into a 500: the other server may have made the write, or may still make it if the request reaches it late.
fn with_doubt(response: Response) -> Response {
    let reason = response.extensions().get::<Failure>();
    let reason = match reason {
        Some(failure) => failure.to_string(),
        None if response.status().is_success() => {
            "the result cannot be recorded in the bucket".to_owned()
        }
        None => "the server is busy".to_owned(),
    };
    let detail = format!(
        "{reason}; another server, which did not respond in time, may have made the change"
    );
    tracing::warn!(detail, "the result of a request is not known");
    Failure::new(StatusCode::INTERNAL_SERVER_ERROR, detail).into_response()
}
