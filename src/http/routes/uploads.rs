//! `/uploads`: uploads a module in chunks, so that a client can continue an upload that was interrupted.
//!
//! The requests are the same as for an upload of the OCI distribution specification, except that the last request commits the module. Every
//! request needs a key that allows POST, even if its method is PATCH, PUT, GET or DELETE, so that a key that may only add modules is enough
//! for the whole upload.

use axum::Extension;
use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::modules::check_size;
use super::upload_body::UploadBody;
use super::upload_session::{UploadSession, check_verified_size};
use crate::http::commit_header::ChangeHeaders;
use crate::http::error::{Failure, Result};
use crate::http::extract::{QueryParams, UrlTail, WriteHeaders};
use crate::http::middleware::auth::Caller;
use crate::http::openapi::{
    ChunkHeaders, ChunkProblems, CompletionProblems, PathConditionHeaders, ReadProblems,
    RepresentationDigest, UploadBeginProblems,
};
use crate::http::state::App;
use crate::http::upload::body::content_length;
use crate::http::upload::body_digest::{
    BodyDigest, REPR_DIGEST, different_digest, representation_digests,
};
use crate::http::upload::decoding::content_coding;
use crate::http::upload::memory::UploadMemory;
use crate::names::{ModuleHash, ModulePath, OciDigest};
use crate::store::{BlobUpload, Change, Precondition, Store, chain};
use crate::wire::schema::HashSchema;

/// The query parameters of a request that begins an upload.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct BeginQuery {
    /// The path at which the module will be put. Then `If-Match`, `If-None-Match` and conflicts are checked before the bytes are sent. The
    /// request that completes the upload must repeat the preconditions that are to hold then.
    #[param(pattern = r"^[^\u0000-\u001f\u007f-\u009f\\]+$")]
    path: Option<String>,
    /// The size of the module in bytes, if it is known; 413 if it is too large.
    size: Option<u64>,
    /// The digest that the module has, if it is known. If the same client has begun an upload with this digest and has not completed it,
    /// the response has the `Location` of that upload, and its `Range`.
    #[param(pattern = "^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$")]
    digest: Option<String>,
}

/// The query parameters of a request that completes an upload.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct CompleteQuery {
    /// The path at which the module is put.
    #[param(pattern = r"^[^\u0000-\u001f\u007f-\u009f\\]+$")]
    path: String,
    /// The digest that all bytes must have; otherwise 400.
    #[param(pattern = "^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$")]
    digest: Option<String>,
}

/// The client that sends the request; an upload belongs to the client that has begun it. `None` if the server has no API keys.
type User = Option<Extension<Caller>>;

/// Begins an upload in chunks
///
/// A precondition without `path`, `Wasmstore-If-Match` and `Wasmstore-If-None-Match` are rejected with 400: they belong to the request that
/// completes the upload.
#[utoipa::path(post, operation_id = "begin_upload", path = "/uploads", tag = "modules", params(WriteHeaders, BeginQuery),
    responses((status = 202, description = "The upload is at `Location`",
        headers(("Location" = String, description = "The URL of the upload"),
            ("Range" = String, description = "The positions of the first and the last byte that have arrived; absent if none has"))), UploadBeginProblems))]
pub(in crate::http) async fn begin(
    State(app): State<App>,
    WriteHeaders(change): WriteHeaders,
    QueryParams(query): QueryParams<BeginQuery>,
    user: User,
) -> Result<Response> {
    let path = query.path.as_deref().map(ModulePath::parse).transpose()?;
    let digest = query.digest.as_deref();
    let digest = digest.map(OciDigest::parse).transpose()?;
    check_size(query.size, app.module_bytes_max())?;
    refuse_unchecked_conditions(&change, path.is_some())?;
    if let Some(path) = path {
        check_early(&app, &change, &path).await?;
    }
    let area = Store::module_upload_area(name_of(&user));
    let (session, size_bytes) = match digest {
        Some(digest) => UploadSession::continue_or_begin(&app, area, digest).await?,
        None => (UploadSession::begin(&app, area).await?, 0),
    };
    Ok(respond(&app, StatusCode::ACCEPTED, (&session, size_bytes)))
}

/// Returns how much of an upload has arrived
#[utoipa::path(get, operation_id = "upload_status", path = "/uploads/{id}", tag = "modules",
    responses((status = 204, description = "The upload exists",
        headers(("Location" = String, description = "The URL of the upload"),
            ("Range" = String, description = "The positions of the first and the last byte that have arrived; absent if none has"))), ReadProblems))]
pub(in crate::http) async fn status(
    State(app): State<App>,
    tail: UrlTail,
    user: User,
) -> Result<Response> {
    let session = session(&app, tail, &user);
    let size_bytes = session.size_bytes().await?;
    Ok(respond(
        &app,
        StatusCode::NO_CONTENT,
        (&session, size_bytes),
    ))
}

/// Appends a chunk to an upload
///
/// A chunk with a `Content-Digest` is appended only if it has that digest, and may have at most 16 MiB.
#[utoipa::path(patch, operation_id = "append_to_upload", path = "/uploads/{id}", tag = "modules",
    request_body(content_type = "application/octet-stream", description = "The next bytes of the module"),
    params(ChunkHeaders),
    responses((status = 202, description = "The bytes have arrived",
        headers(("Location" = String, description = "The URL of the upload"),
            ("Range" = String, description = "The positions of the first and the last byte that have arrived; absent if none has"))), ChunkProblems))]
pub(in crate::http) async fn append(
    State(app): State<App>,
    tail: UrlTail,
    user: User,
    request: Request,
) -> Result<Response> {
    let (parts, body) = request.into_parts();
    refuse_coding(&parts.headers)?;
    if parts.headers.contains_key(REPR_DIGEST) {
        let detail = "a chunk must have no Repr-Digest, which is that of the module: send it when the upload is completed";
        return Err(Failure::malformed(detail));
    }
    let session = session(&app, tail, &user);
    let size_bytes = receive(&app, &session, &parts, body).await?;
    Ok(respond(&app, StatusCode::ACCEPTED, (&session, size_bytes)))
}

/// Completes an upload, and adds the module at a path
///
/// The body has the last bytes, or none. If the client repeats this request because the response was lost, it gets the same response again.
#[utoipa::path(put, operation_id = "complete_upload", path = "/uploads/{id}", tag = "modules",
    request_body(content_type = "application/octet-stream", description = "The last bytes of the module, which may be none"),
    params(WriteHeaders, PathConditionHeaders, ChunkHeaders, RepresentationDigest, CompleteQuery),
    responses((status = 200, description = "The module's hash", body = HashSchema, content_type = "text/plain"), CompletionProblems))]
pub(in crate::http) async fn complete(
    State(app): State<App>,
    WriteHeaders(change): WriteHeaders,
    tail: UrlTail,
    QueryParams(query): QueryParams<CompleteQuery>,
    user: User,
    request: Request,
) -> Result<Response> {
    let (parts, body) = request.into_parts();
    let path = ModulePath::parse(&query.path)?;
    let mut digests = representation_digests(&parts.headers)?;
    digests.extend(query.digest.as_deref().map(OciDigest::parse).transpose()?);
    refuse_coding(&parts.headers)?;
    let chunk_digest = BodyDigest::of_content(&parts.headers)?;
    let session = session(&app, tail, &user);
    let target = (path, change.branch.clone());
    if let Some(published) = app.completed_uploads.find(session.key(), &target) {
        return Ok(respond_with_hash(
            ChangeHeaders::from(&published),
            published.value,
        ));
    }
    let (path, _) = target;
    let mut size_bytes = session.size_bytes().await?;
    check_early(&app, &change, &path).await?;
    if !body.is_end_stream() {
        size_bytes = receive(&app, &session, &parts, body).await?;
    } else if let Some(digest) = chunk_digest {
        digest.check()?;
    }
    let (headers, hash) = put(&app, session, size_bytes, (change, path, digests)).await?;
    Ok(respond_with_hash(headers, hash))
}

/// Validates and commits the module of an upload. `size_bytes` is the number of bytes that the upload must have.
async fn put(
    app: &App,
    session: UploadSession,
    size_bytes: u64,
    (change, path, digests): (Change, ModulePath, Vec<OciDigest>),
) -> Result<(ChangeHeaders, ModuleHash)> {
    let charge = app.charge(UploadMemory::first_bytes(None)).await?;
    let mut memory = UploadMemory::new(charge, Some(0));
    // The module is validated only now, not while its bytes arrive. Validation takes much CPU time, so it needs a permit for long reads.
    let permit = app.acquire(&app.long_read_permits).await?;
    let app_of_put = app.clone();
    app.publish(move |store| {
        let _permit = permit;
        let mut upload = session.open(store)?;
        session.check_size(&upload, size_bytes)?;
        for digest in &digests {
            if !upload.has_digest(digest)? {
                upload.discard()?;
                return Err(different_digest(digest));
            }
        }
        let mut hold = |bytes| memory.hold(bytes).is_ok();
        let (published, upload) = store.put_uploaded(&change, &path, upload, &mut hold)?;
        let target = (path, change.branch);
        let completed = &app_of_put.completed_uploads;
        completed.insert(session.key(), target, published.clone());
        if let Err(error) = upload.discard() {
            tracing::warn!(error = chain(&error), "could not remove a completed upload");
        }
        Ok(published)
    })
    .await
}

/// Cancels an upload
#[utoipa::path(delete, operation_id = "cancel_upload", path = "/uploads/{id}", tag = "modules",
    responses((status = 204, description = "The upload is discarded"), ReadProblems))]
pub(in crate::http) async fn cancel(
    State(app): State<App>,
    tail: UrlTail,
    user: User,
) -> Result<StatusCode> {
    session(&app, tail, &user).discard().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn session(app: &App, UrlTail(id): UrlTail, user: &User) -> UploadSession {
    UploadSession::new(app, Store::module_upload_area(name_of(user)), id)
}

fn name_of(user: &User) -> Option<&str> {
    user.as_ref().and_then(|Extension(caller)| caller.user())
}

/// Rejects the conditions that are not checked when an upload begins. If they were ignored, the client could take it that they hold.
fn refuse_unchecked_conditions(change: &Change, has_path: bool) -> Result<()> {
    if !change.path_conditions.is_empty() {
        let detail = "Wasmstore-If-Match and Wasmstore-If-None-Match are not checked when an upload begins: send them with the PUT that completes it";
        return Err(Failure::malformed(detail));
    }
    if !has_path && change.precondition != Precondition::default() {
        let detail = "If-Match and If-None-Match are not checked when an upload begins without `path`: send them with the PUT that completes it";
        return Err(Failure::malformed(detail));
    }
    Ok(())
}

/// Checks what can be checked without the bytes, to save the upload.
async fn check_early(app: &App, change: &Change, path: &ModulePath) -> Result<()> {
    let (change, path) = (change.clone(), path.clone());
    app.run_read(move |store| Ok(store.check_put(&change, &path)?))
        .await
}

/// Appends the chunk in the body of a request to an upload, and returns the number of bytes that have arrived then.
async fn receive(app: &App, session: &UploadSession, parts: &Parts, body: Body) -> Result<u64> {
    let digest = BodyDigest::of_content(&parts.headers)?;
    let start = session.start(&parts.headers).await?;
    if digest.is_some() {
        check_verified_size(content_length(&parts.headers).unwrap_or_default())?;
    }
    let body = UploadBody::new(app, parts, body).await?;
    match digest {
        Some(digest) => session.receive_verified(start, body, digest).await,
        None => {
            let size_bytes = |upload: BlobUpload<'_>| Ok(upload.size_bytes());
            session.receive(start, body, size_bytes).await
        }
    }
}

/// Rejects a chunk that is compressed: its position is that of bytes of the module.
fn refuse_coding(headers: &HeaderMap) -> Result<()> {
    if content_coding(headers)?.is_some() {
        let detail = "a chunk must have no Content-Encoding";
        return Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    Ok(())
}

fn respond(
    app: &App,
    status: StatusCode,
    (session, size_bytes): (&UploadSession, u64),
) -> Response {
    let location = format!("/api/v1/uploads/{}", session.id());
    let headers = session.headers(app.base_path.join(&location), size_bytes);
    (status, headers).into_response()
}

fn respond_with_hash(headers: ChangeHeaders, hash: ModuleHash) -> Response {
    (headers, hash.to_string()).into_response()
}
