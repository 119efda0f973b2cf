//! Uploads blobs to the OCI registry: in one request, in chunks, or by mounting the blob of another repository.

use axum::body::Body;
use axum::http::header::{CONTENT_RANGE, LOCATION, RANGE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::bytes::CONTENT_DIGEST;
use super::upload_body::UploadBody;
use crate::http::error::{Failure, Result};
use crate::http::extract::QueryParams;
use crate::http::middleware::auth::Caller;
use crate::http::state::App;
use crate::http::upload::body::content_length;
use crate::http::upload::memory::CHUNK_BYTES;
use crate::names::{Author, OciDigest, RepositoryName};
use crate::oci::{self, ErrorCode};
use crate::store::{BlobUpload, Store};

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
    let repository = name.clone();
    let begun = app.run_write(move |store| Ok(store.begin_blob(&repository)?.id().to_owned()));
    let id = begun.await?;
    match digest {
        Some(digest) => complete_with(app, (name, id, Some(0)), digest, parts, body).await,
        None => Ok(accepted(&app, StatusCode::ACCEPTED, &name, &id, 0)),
    }
}

/// Mounts the blob in the parameter `mount`. Returns its digest, or `None` if there is no such parameter or no such blob.
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
    let (repository, upload_id) = (name.clone(), id.clone());
    let size = app.run_read(move |store| Ok(resume(store, &repository, &upload_id)?.size_bytes()));
    let size_bytes = size.await?;
    Ok(accepted(
        &app,
        StatusCode::NO_CONTENT,
        &name,
        &id,
        size_bytes,
    ))
}

/// Discards an upload.
pub(super) async fn cancel(app: App, name: RepositoryName, id: String) -> Result<Response> {
    let cancelled = app.run_write(move |store| Ok(resume(store, &name, &id)?.discard()?));
    cancelled.await?;
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
    let start = start(&app, &name, &id, &parts).await?;
    let body = UploadBody::new(&app, &parts, body).await?;
    let (size_bytes, _) = receive(&app, (&name, &id, start), body, None).await?;
    Ok(accepted(&app, StatusCode::ACCEPTED, &name, &id, size_bytes))
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
    let start = start(&app, &name, &id, &parts).await?;
    complete_with(app, (name, id, start), digest, parts, body).await
}

/// Appends the body to an upload, and completes it. `start` is the number of bytes that the upload must have before; `None` if it may have
/// any number.
async fn complete_with(
    app: App,
    (name, id, start): (RepositoryName, String, Option<u64>),
    digest: OciDigest,
    parts: Parts,
    body: Body,
) -> Result<Response> {
    let body = UploadBody::new(&app, &parts, body).await?;
    let (_, is_equal) = receive(&app, (&name, &id, start), body, Some(digest)).await?;
    if is_equal {
        return Ok(created(&app, &name, &digest));
    }
    Err(oci::Error::DigestMismatch(digest).into())
}

/// Appends the body to an upload. `start` is the number of bytes that the upload must have before; `None` if it may have any number. With
/// `digest`, also completes the upload. Returns the number of bytes that the upload has, and whether they have the digest.
async fn receive(
    app: &App,
    (name, id, start): (&RepositoryName, &str, Option<u64>),
    mut body: UploadBody,
    digest: Option<OciDigest>,
) -> Result<(u64, bool)> {
    let mut size_bytes = start;
    loop {
        let chunk = body.next().await?.unwrap_or_default();
        let (name, id) = (name.clone(), id.to_owned());
        let is_last = body.is_complete();
        let digest = digest.filter(|_| is_last);
        let written = app.run_write(move |store| {
            let mut upload = resume(store, &name, &id)?;
            if size_bytes.is_some_and(|expected| upload.size_bytes() != expected) {
                return Err(out_of_order(&upload));
            }
            upload.write(&chunk)?;
            let size_bytes = upload.size_bytes();
            let is_equal = match &digest {
                Some(digest) => upload.complete(digest)?,
                None => true,
            };
            Ok((size_bytes, is_equal))
        });
        let (new_size_bytes, is_equal) = written.await?;
        if is_last {
            return Ok((new_size_bytes, is_equal));
        }
        size_bytes = Some(new_size_bytes);
    }
}

/// Returns the number of bytes that an upload has, after checking that the chunk in the request continues it. If the chunk is short and the
/// request does not say where it begins, returns `None` without reading the upload, because the upload is read anyway when the chunk is
/// received.
async fn start(app: &App, name: &RepositoryName, id: &str, parts: &Parts) -> Result<Option<u64>> {
    let range = content_range(&parts.headers)?;
    let length = content_length(&parts.headers);
    if range.is_none() && length.is_some_and(|length| length < CHUNK_BYTES as u64) {
        return Ok(None);
    }
    let (repository, upload_id) = (name.clone(), id.to_owned());
    let checked = app.run_read(move |store| {
        let upload = resume(store, &repository, &upload_id)?;
        match range {
            Some(start) if start != upload.size_bytes() => Err(out_of_order(&upload)),
            _ => Ok(Some(upload.size_bytes())),
        }
    });
    checked.await
}

/// Returns the position of the first byte according to `Content-Range`. Checks that the range is as long as the body.
fn content_range(headers: &HeaderMap) -> Result<Option<u64>> {
    let Some(value) = headers.get(CONTENT_RANGE) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    let text = text.strip_prefix("bytes ").unwrap_or(text);
    let text = text.split('/').next().unwrap_or_default();
    let range = text.split_once('-').and_then(|(first, last)| {
        let (first, last) = (first.parse::<u64>().ok()?, last.parse::<u64>().ok()?);
        (first <= last).then_some((first, last))
    });
    let invalid = || {
        let detail = "Content-Range does not match the body";
        Failure::new(StatusCode::RANGE_NOT_SATISFIABLE, detail)
            .with_oci_code(ErrorCode::BlobUploadInvalid)
    };
    let (first, last) = range.ok_or_else(invalid)?;
    match content_length(headers) {
        Some(length) if Some(length) != (last - first).checked_add(1) => Err(invalid()),
        _ => Ok(Some(first)),
    }
}

fn resume<'s>(store: &'s Store, name: &RepositoryName, id: &str) -> Result<BlobUpload<'s>> {
    let upload = store.resume_blob(name, id)?;
    Ok(upload.ok_or_else(|| oci::Error::UploadUnknown(id.to_owned()))?)
}

fn out_of_order(upload: &BlobUpload<'_>) -> Failure {
    let detail = "the chunk does not begin where the upload ends";
    Failure::new(StatusCode::RANGE_NOT_SATISFIABLE, detail)
        .with_oci_code(ErrorCode::BlobUploadInvalid)
        .with_header(RANGE, range_of(upload.size_bytes()))
}

/// Returns the value of the header `Range` that describes an upload. Clients expect `0-0` for an upload without bytes.
fn range_of(size_bytes: u64) -> String {
    format!("0-{}", size_bytes.saturating_sub(1))
}

fn location(app: &App, name: &RepositoryName, id: &str) -> String {
    app.base_path
        .join(&format!("/v2/{name}/blobs/uploads/{id}"))
}

fn accepted(
    app: &App,
    status: StatusCode,
    name: &RepositoryName,
    id: &str,
    size_bytes: u64,
) -> Response {
    let headers = [
        (LOCATION, location(app, name, id)),
        (RANGE, range_of(size_bytes)),
        (UPLOAD_ID, id.to_owned()),
    ];
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
