//! Uploads blobs to the OCI registry: in one request, in chunks, or by mounting the blob of another repository.

use axum::body::Body;
use axum::http::header::LOCATION;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::bytes::CONTENT_DIGEST;
use crate::http::error::{Failure, Result};
use crate::http::extract::QueryParams;
use crate::http::middleware::auth::Caller;
use crate::http::routes::upload_body::UploadBody;
use crate::http::routes::upload_session::UploadSession;
use crate::http::state::App;
use crate::names::{Author, OciDigest, RepositoryName};
use crate::oci::{self, ErrorCode};

/// The response header with the id of an upload.
const UPLOAD_ID: HeaderName = HeaderName::from_static("docker-upload-uuid");

#[derive(Debug, Default, Deserialize)]
struct UploadQuery {
    digest: Option<String>,
    mount: Option<String>,
    from: Option<String>,
}

/// Returns the author that all commits with the client's API key must have.
pub(super) fn author(parts: &Parts) -> Result<Option<Author>> {
    match parts.extensions.get::<Caller>() {
        Some(caller) => caller.author(None),
        None => Ok(None),
    }
}

/// Begins an upload. With the parameter `digest`, the request contains the whole blob. With `mount`, the blob of another repository is
/// used, if it exists.
pub(super) async fn begin(
    app: App,
    name: RepositoryName,
    parts: Parts,
    body: Body,
) -> Result<Response> {
    let QueryParams(query) = QueryParams::<UploadQuery>::of(&parts.uri)?;
    if let Some(mounted) = mount(&app, &name, &query).await? {
        return Ok(created(&app, &name, &mounted));
    }
    let digest = query.digest.as_deref().map(parse_digest).transpose()?;
    let session = UploadSession::begin(&app, (&name).into()).await?;
    match digest {
        Some(digest) => complete_with((app, name), (session, Some(0)), digest, parts, body).await,
        None => Ok(accepted(&app, StatusCode::ACCEPTED, &name, (&session, 0))),
    }
}

/// Mounts a blob: makes the blob whose digest is in the query parameter `mount` available in this repository, without an upload. Returns
/// the digest; `None` if the parameter is missing or there is no such blob.
async fn mount(app: &App, name: &RepositoryName, query: &UploadQuery) -> Result<Option<OciDigest>> {
    let Some(Ok(digest)) = query.mount.as_deref().map(OciDigest::parse) else {
        return Ok(None);
    };
    let from = match query.from.as_deref().map(RepositoryName::parse) {
        Some(Ok(from)) => Some(from),
        Some(Err(_)) => return Ok(None),
        None => None,
    };
    let (app_of_write, name) = (app.clone(), name.clone());
    let mounted = app.run_write(move |store| {
        let registry = &app_of_write.registry;
        Ok(registry.mount_blob(store, &name, from.as_ref(), &digest)?)
    });
    Ok(mounted.await?.then_some(digest))
}

/// Returns the number of bytes that an upload has received.
pub(super) async fn status(app: App, name: RepositoryName, id: String) -> Result<Response> {
    let session = UploadSession::new(&app, (&name).into(), id);
    let size_bytes = session.size_bytes().await?;
    let status = StatusCode::NO_CONTENT;
    Ok(accepted(&app, status, &name, (&session, size_bytes)))
}

/// Discards an upload.
pub(super) async fn cancel(app: App, name: RepositoryName, id: String) -> Result<Response> {
    let session = UploadSession::new(&app, (&name).into(), id);
    session.discard().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Appends the chunk in the request to an upload.
pub(super) async fn append(
    app: App,
    name: RepositoryName,
    id: String,
    parts: Parts,
    body: Body,
) -> Result<Response> {
    let session = UploadSession::new(&app, (&name).into(), id);
    let start = session.start(&parts.headers).await?;
    let body = UploadBody::new(&app, &parts, body).await?;
    let received = session.receive(start, body, |upload| Ok(upload.size_bytes()));
    let size_bytes = received.await?;
    let status = StatusCode::ACCEPTED;
    Ok(accepted(&app, status, &name, (&session, size_bytes)))
}

/// Appends the chunk in the request to an upload, if there is one, and completes the upload.
pub(super) async fn complete(
    app: App,
    name: RepositoryName,
    id: String,
    parts: Parts,
    body: Body,
) -> Result<Response> {
    let QueryParams(query) = QueryParams::<UploadQuery>::of(&parts.uri)?;
    let digest = query.digest.ok_or_else(|| {
        let detail = "the parameter `digest` is needed";
        Failure::malformed(detail).with_oci_code(ErrorCode::DigestInvalid)
    })?;
    let digest = parse_digest(&digest)?;
    let session = UploadSession::new(&app, (&name).into(), id);
    let start = session.start(&parts.headers).await?;
    complete_with((app, name), (session, start), digest, parts, body).await
}

/// Appends the body to an upload, and completes it. `start` is the number of bytes that the upload must have before; `None` if it may have
/// any number.
async fn complete_with(
    (app, name): (App, RepositoryName),
    (session, start): (UploadSession, Option<u64>),
    digest: OciDigest,
    parts: Parts,
    body: Body,
) -> Result<Response> {
    let body = UploadBody::new(&app, &parts, body).await?;
    let received = session.receive(start, body, move |upload| Ok(upload.complete(&digest)?));
    if received.await? {
        return Ok(created(&app, &name, &digest));
    }
    Err(oci::Error::DigestMismatch(digest).into())
}

fn location(app: &App, name: &RepositoryName, id: &str) -> String {
    app.base_path
        .join(&format!("/v2/{name}/blobs/uploads/{id}"))
}

fn accepted(
    app: &App,
    status: StatusCode,
    name: &RepositoryName,
    (session, size_bytes): (&UploadSession, u64),
) -> Response {
    let mut headers = session.headers(location(app, name, session.id()), size_bytes);
    let id = HeaderValue::from_str(session.id());
    headers.insert(UPLOAD_ID, id.expect("BUG: an id is a header value"));
    (status, headers).into_response()
}

fn created(app: &App, name: &RepositoryName, digest: &OciDigest) -> Response {
    let location = app.base_path.join(&format!("/v2/{name}/blobs/{digest}"));
    let headers = [(LOCATION, location), (CONTENT_DIGEST, digest.to_string())];
    (StatusCode::CREATED, headers).into_response()
}

fn parse_digest(text: &str) -> Result<OciDigest> {
    Ok(OciDigest::parse(text).map_err(oci::Error::from)?)
}
