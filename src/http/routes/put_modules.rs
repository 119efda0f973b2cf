//! `POST /modules`: adds several modules in one commit.

use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::encoded_body::{EncodedBody, receive};
use crate::http::error::{Failure, Result};
use crate::http::extract::{UrlTail, WriteHeaders};
use crate::http::json::Json;
use crate::http::openapi::{BodyProblems, PathConditionHeaders, UploadHeaders};
use crate::http::state::App;
use crate::http::upload::body::{RequestBody, content_length, has_media_type};
use crate::http::upload::cancel_on_drop::CancelOnDrop;
use crate::http::upload::decoding::content_coding;
use crate::http::upload::memory::{BufferedCharge, CHUNK_BYTES, UploadMemory};
use crate::http::upload::modules_sink::{ArchiveSink, ModulesSink};
use crate::http::upload::multipart::{BodyPart, HELD_BYTES_MAX, MULTIPART, MultipartBody};
use crate::names::{TreePath, printable_excerpt};
use crate::store::{Change, ModulesUpload, PathConditions};
use crate::wire::Modules;
use crate::wire::schema::HashSchema;

/// The media type of a tar archive.
const ARCHIVE: &str = "application/x-tar";

/// The name of a form's part whose path is given by its file name.
const FILE_PART: &str = "file";

/// The parameters of a write of several modules: everything except the modules themselves.
struct ModulesWrite {
    change: Change,
    conditions: PathConditions,
    directory: TreePath,
}

/// Adds modules in one commit
///
/// The body is a tar archive or a form. The files of an archive are put at their paths. The path of a form's part is its name or, if the
/// name is `file`, its file name. All modules are added, or none. A part may have a `Content-Digest` or `Repr-Digest` of its own.
#[utoipa::path(post, operation_id = "put_modules", path = "/modules", tag = "modules",
    request_body(content(("application/x-tar"), ("multipart/form-data")), description = "The modules; a tar archive may be gzip or zstd"),
    params(WriteHeaders, PathConditionHeaders, UploadHeaders),
    responses((status = 200, description = "The hash of each path", body = BTreeMap<String, HashSchema>), BodyProblems))]
pub(in crate::http) async fn put_all(
    app: State<App>,
    change: WriteHeaders,
    request: Request,
) -> Result<Response> {
    put(app, change, UrlTail::default(), request).await
}

/// Adds modules below a directory in one commit
///
/// Like `POST /modules`, but paths are relative to the directory.
#[utoipa::path(post, operation_id = "put_modules_below", path = "/modules/{*prefix}", tag = "modules",
    request_body(content(("application/x-tar"), ("multipart/form-data")), description = "The modules; a tar archive may be gzip or zstd"),
    params(WriteHeaders, PathConditionHeaders, UploadHeaders),
    responses((status = 200, description = "The hash of each path", body = BTreeMap<String, HashSchema>), BodyProblems))]
pub(in crate::http) async fn put(
    State(app): State<App>,
    WriteHeaders(mut change): WriteHeaders,
    UrlTail(tail): UrlTail,
    request: Request,
) -> Result<Response> {
    let write = ModulesWrite {
        conditions: std::mem::take(&mut change.path_conditions),
        change,
        directory: TreePath::parse(&tail)?,
    };
    if has_media_type(request.headers(), ARCHIVE) {
        put_archive(&app, write, request).await
    } else if has_media_type(request.headers(), MULTIPART) {
        put_form(&app, write, request).await
    } else {
        Err(unsupported(request.headers()))
    }
}

fn unsupported(headers: &HeaderMap) -> Failure {
    let sent = headers.get(CONTENT_TYPE);
    let sent = sent.map_or("missing", |sent| sent.to_str().unwrap_or("malformed"));
    let sent = printable_excerpt(sent);
    let detail = format!(
        "Content-Type must be {ARCHIVE} or {MULTIPART}, and is {sent}; nothing was changed"
    );
    Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
}

async fn put_archive(app: &App, write: ModulesWrite, request: Request) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    let (headers, extensions) = (&parts.headers, &mut parts.extensions);
    let coding = content_coding(headers)?;
    let upload = begin(app, &write).await?;
    let _cancel = CancelOnDrop(upload.cancellation());
    let length = content_length(headers);
    let buffered = extensions.remove::<BufferedCharge>();
    let charge = match buffered.and_then(|charge| charge.take()) {
        Some(charge) => charge,
        None => app.charge(UploadMemory::first_bytes(length)).await?,
    };
    let sink = ArchiveSink::new(sink(app, upload, UploadMemory::new(charge, length)));
    let upload = EncodedBody::new(headers, coding, sink, app.memory.empty_charge())?;
    let body = RequestBody::new((parts.version, headers), body, app.limits);
    let (mut upload, last_chunk) = receive(app, body, upload).await?;
    publish(app, write, move || {
        upload.write(&last_chunk)?;
        upload.finish()?.finish()
    })
    .await
}

async fn put_form(app: &App, write: ModulesWrite, request: Request) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    if content_coding(&parts.headers)?.is_some() {
        let detail = "a form must have no Content-Encoding; a tar archive may have one";
        return Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let upload = begin(app, &write).await?;
    let _cancel = CancelOnDrop(upload.cancellation());
    let bytes = UploadMemory::first_bytes(None) + HELD_BYTES_MAX as u64;
    let buffered = parts.extensions.remove::<BufferedCharge>();
    let mut charge = match buffered.and_then(|charge| charge.take()) {
        Some(mut charge) => {
            charge.try_grow(bytes)?;
            charge
        }
        None => app.charge(bytes).await?,
    };
    let _held = charge.split(HELD_BYTES_MAX as u64);
    let mut sink = sink(app, upload, UploadMemory::new(charge, None));
    let body = RequestBody::new((parts.version, &parts.headers), body, app.limits);
    let mut body = MultipartBody::new(&parts.headers, body)?;
    while let Some(part) = body.next().await? {
        sink = receive_part(app, sink, part).await?;
    }
    body.finish().await?;
    publish(app, write, move || Ok(sink)).await
}

/// Receives a part of a form. The path of the module is the name of the part or, if the part has the name `file`, its file name.
async fn receive_part(app: &App, mut sink: ModulesSink, mut part: BodyPart) -> Result<ModulesSink> {
    let file_name = part.file_name().filter(|_| part.name() == Some(FILE_PART));
    let name = match (file_name, part.name()) {
        (Some(name), _) => name,
        (None, Some(name)) => name.to_owned(),
        (None, None) => {
            let detail = "a part of the form has no name; nothing was changed";
            return Err(Failure::malformed(detail));
        }
    };
    let mut digest = part.digest()?;
    sink.begin(&name)?;
    let mut chunk = Vec::new();
    loop {
        let bytes = part.next().await?;
        let is_last = bytes.is_none();
        chunk.extend_from_slice(&bytes.unwrap_or_default());
        if !is_last && chunk.len() < CHUNK_BYTES {
            continue;
        }
        let full = std::mem::take(&mut chunk);
        let written = app.run_read(move |_| {
            digest.update(&full);
            if is_last {
                // The digest is checked before the last bytes are validated, so that a module that was damaged on the way is reported as
                // damaged and not as invalid.
                std::mem::take(&mut digest).check()?;
            }
            sink.write(&full)?;
            if is_last {
                sink.end()?;
            }
            Ok((sink, digest))
        });
        (sink, digest) = written.await?;
        if is_last {
            return Ok(sink);
        }
    }
}

async fn begin(app: &App, write: &ModulesWrite) -> Result<ModulesUpload> {
    let (change, directory) = (write.change.clone(), write.directory.clone());
    app.run_read(move |store| Ok(store.begin_put_modules(&change, &directory)?))
        .await
}

fn sink(app: &App, upload: ModulesUpload, memory: UploadMemory) -> ModulesSink {
    let bytes_max = app.limits.spool_bytes_max;
    ModulesSink::new(upload, app.reserve_upload(), memory, bytes_max)
}

/// Completes the upload with `finish`, and commits its modules.
async fn publish(
    app: &App,
    write: ModulesWrite,
    finish: impl FnOnce() -> Result<ModulesSink> + Send + 'static,
) -> Result<Response> {
    let (headers, (modules, _memory)) = app
        .publish(move |store| {
            let (upload, memory) = finish()?.into_parts();
            let ModulesWrite {
                change, conditions, ..
            } = write;
            let mut published = store.finish_put_modules(&change, &conditions, upload)?;
            let modules = std::mem::take(&mut published.value);
            Ok(published.with_value((modules, memory)))
        })
        .await?;
    Ok((headers, Json(&Modules(&modules))).into_response())
}
