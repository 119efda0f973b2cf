//! Writes that reach a server that is not the last writer.
//!
//! If every server swapped by itself, most swaps would be lost to those of another server. So a write is forwarded to the server that made
//! the last swap, which puts many into one swap. If that server does not respond, this one makes the change by itself; the id of the request
//! keeps it from being made twice.

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
use crate::store::{Change, RequestId, SharedState};
use crate::wire::encode_header_value;

/// The size up to which a body is buffered and forwarded, in bytes. A larger one is received here.
const BODY_BYTES_MAX: u64 = 1 << 20;
/// How long a response waits until this server has the change too.
const FOLLOW_MAX: Duration = Duration::from_secs(1);
/// How long a forwarded request waits for the generation that its sender knows. Less than the sender waits for the response.
const SENDER_GENERATION_MAX: Duration = Duration::from_secs(1);

/// The operations that are forwarded: those that publish a change of one branch.
const FORWARDED: [(Method, &str); 13] = [
    (Method::POST, "/api/v1/module/{*name}"),
    (Method::DELETE, "/api/v1/module/{*name}"),
    (Method::POST, "/api/v1/modules"),
    (Method::POST, "/api/v1/modules/{*prefix}"),
    (Method::DELETE, "/api/v1/modules"),
    (Method::POST, "/api/v1/copy"),
    (Method::POST, "/api/v1/move"),
    (Method::POST, "/api/v1/hash/{*name}"),
    (Method::POST, "/api/v1/restore/{commit}"),
    (Method::POST, "/api/v1/restore/{commit}/{*path}"),
    (Method::POST, "/api/v1/rollback"),
    (Method::POST, "/api/v1/rollback/{*path}"),
    (Method::POST, "/api/v1/merge/{*branch}"),
];

/// Forwards writes to the last writer. A request that another server has forwarded is handled here, whoever the last writer is, so no
/// request is forwarded twice. This must be a layer of the router that has the routes, inside of
/// [`authorize`](crate::http::middleware::auth::authorize).
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

/// Handles a request of another server.
async fn serve_peer(
    app: &App,
    bucket: &BucketServers,
    mut request: Request,
    next: Next,
) -> Result<Response> {
    if let Some((origin, generation)) = RequestOrigin::of_peer(request.headers())? {
        // The decision must not be based on an older state than its client may have seen.
        app.await_generation(bucket, generation, SENDER_GENERATION_MAX)
            .await?;
        request.extensions_mut().insert(origin);
    }
    Ok(next.run(request).await)
}

/// Forwards a request of a client, or handles it here.
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
    // This server's rules apply, too: its default branch, and the author that its key requires.
    let WriteHeaders(change) = WriteHeaders::from_request_parts(&mut parts, app).await?;
    let (bytes, charge) = buffer(app, &parts, body, length).await?;
    let id = new_request_id();
    let outgoing = outgoing(&parts, &change, bytes.clone(), (&id, key, &state), &writer)?;
    let is_unknown = match forwarder.forward(&writer, outgoing).await {
        Forwarded::Response(response) => {
            drop(charge);
            return Ok(finish(app, bucket, response).await);
        }
        Forwarded::Refused(_) | Forwarded::NotSent(_) => false,
        Forwarded::Unknown(_) => true,
    };
    if is_unknown {
        parts.extensions.insert(RequestOrigin {
            request: RequestId {
                id,
                since: state.generation,
                is_sent_once: false,
            },
            is_from_peer: false,
        });
    }
    parts.extensions.insert(BufferedCharge::new(charge));
    let response = next
        .run(Request::from_parts(parts, Body::from(bytes)))
        .await;
    Ok(if is_unknown {
        with_doubt(response)
    } else {
        response
    })
}

/// Returns the length of a body that is small enough to be forwarded; `None` for others.
fn forwarded_length(request: &Request) -> Option<u64> {
    if request.body().is_end_stream() {
        return Some(0);
    }
    let length = content_length(request.headers())?;
    (length <= BODY_BYTES_MAX).then_some(length)
}

/// Reads a body of this length. Returns it with its charge on the memory budget; an empty body has none.
async fn buffer(
    app: &App,
    parts: &Parts,
    body: Body,
    length: u64,
) -> Result<(Bytes, Option<Charge>)> {
    if length == 0 {
        return Ok((Bytes::new(), None));
    }
    // If this server handles the request after all, the handler takes over the charge.
    let charge = app.charge(UploadMemory::first_bytes(Some(length))).await?;
    let mut body = RequestBody::new((parts.version, &parts.headers), body, app.limits);
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    while let Some(chunk) = body.next().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok((bytes.into(), Some(charge)))
}

/// Returns the request to the last writer.
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
    // The state that this server knows has that generation.
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

/// Waits until this server has the change of a forwarded request, so that the client can read it here.
async fn finish(app: &App, bucket: &BucketServers, mut response: Response) -> Response {
    response.extensions_mut().insert(WasForwarded);
    let generation = response.headers().get(GENERATION);
    let generation = generation.and_then(|value| value.to_str().ok()?.parse().ok());
    if let Some(generation) = generation.filter(|_| response.status().is_success()) {
        let waited = app.await_generation(bucket, generation, FOLLOW_MAX).await;
        if let Err(error) = waited {
            // The client got the generation, and can ask for it.
            tracing::debug!(%error, "this server does not have a forwarded change yet");
        }
    }
    response
}

/// Turns a refusal, which says that nothing was changed, into a 500: the other server may have made the change, or may still make it when the
/// request reaches it late.
fn with_doubt(response: Response) -> Response {
    if response.status().is_success() {
        return response;
    }
    let reason = response.extensions().get::<Failure>();
    let reason = reason.map_or_else(|| "the server is busy".to_owned(), ToString::to_string);
    let detail =
        format!("{reason}; another server may have made the change, which did not respond in time");
    Failure::new(StatusCode::INTERNAL_SERVER_ERROR, detail).into_response()
}
