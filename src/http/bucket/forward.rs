//! Forwards writes to the last writer: the server that was the last to replace the bucket's manifest by compare-and-swap, which is called a
//! swap.
//!
//! If every server made swaps for its own writes, most swaps would fail because another server was first. So a write is forwarded to the
//! last writer, which combines many writes into one swap. If the last writer does not respond, this server makes the write itself; the id
//! of the request ensures that the write is not made twice. If another server makes a swap first, that server is the new last writer, to
//! which the write is forwarded then.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::buffered_request::BufferedRequest;
use crate::budget::Charge;
use crate::http::error::Result;
use crate::http::peers::{BucketServers, PeerKey, RequestOrigin};
use crate::http::state::App;
use crate::http::upload::body::{RequestBody, content_length};
use crate::http::upload::memory::UploadMemory;

/// The largest request body that is buffered and forwarded, in bytes. This server handles requests with larger bodies itself.
const BODY_BYTES_MAX: u64 = 1 << 20;
/// How long a forwarded request waits until this server's copy of the store is as recent as the copy of the forwarding server. It must be
/// shorter than the time that the forwarding server waits for the response.
const SENDER_GENERATION_MAX: Duration = Duration::from_secs(3);

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
    let Some(length) = forwarded_length(&request) else {
        return Ok(next.run(request).await);
    };
    let (parts, body) = request.into_parts();
    let (body, charge) = buffer(app, &parts, body, length).await?;
    let request = BufferedRequest {
        parts,
        body,
        charge,
        first: None,
    };
    request.respond(app, bucket, key, &next).await
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
