//! Gets and deletes blobs of the OCI registry.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use axum::http::header::{ACCEPT_ENCODING, IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::bytes::Content;
use super::uploads::author;
use crate::http::charged::charged_bytes;
use crate::http::error::{Failure, Result};
use crate::http::module::response::NamedBy;
use crate::http::state::App;
use crate::names::{ModuleHash, OciDigest, RepositoryName};
use crate::oci::FoundBlob;
use crate::store::{Revision, Store};

/// The media type of the response with a blob. The actual media type is not stored with the blob, but in the manifests that name it.
const BLOB: &str = "application/octet-stream";

/// The headers that describe a module to clients of the API. The response with a blob does not have them.
const MODULE_HEADERS: [&str; 3] = ["wasmstore-hash", "wasmstore-digest", "repr-digest"];

pub(super) async fn get(
    app: App,
    name: RepositoryName,
    digest: OciDigest,
    parts: Parts,
) -> Result<Response> {
    let (method, headers) = (parts.method, &parts.headers);
    let found = {
        let app_of_read = app.clone();
        app.run_read(move |store| {
            let found = app_of_read.registry.blob(store, &name, &digest)?;
            let size_bytes = match &found {
                FoundBlob::Stored(hash) => store.size_bytes(*hash)?,
                FoundBlob::Config(bytes) => bytes.len() as u64,
                FoundBlob::Uploaded(file, _) => file.metadata().map_err(|_| unreadable())?.len(),
            };
            Ok((found, size_bytes))
        })
    };
    let (found, size_bytes) = found.await?;
    let content = Content {
        digest: &digest,
        media_type: BLOB,
        size_bytes,
    };
    if let Some(response) = content.respond_without_bytes(&method, headers) {
        return Ok(response);
    }
    match found {
        FoundBlob::Stored(hash) => stored(&app, hash, &content, (&method, headers)).await,
        FoundBlob::Config(bytes) => content.respond(headers, bytes.into()),
        FoundBlob::Uploaded(file, path) => {
            let charge = app.charge(size_bytes).await?;
            let bytes = app.run_read(move |_| read(file, path)).await?;
            content.respond(headers, charged_bytes(bytes, charge))
        }
    }
}

/// Responds with a blob that is stored as a git object, from the same caches as the modules of the API.
async fn stored(
    app: &App,
    hash: ModuleHash,
    content: &Content<'_>,
    (method, headers): (&Method, &HeaderMap),
) -> Result<Response> {
    let has_range = *method == Method::GET && content.range(headers)?.is_some();
    let mut headers = headers.clone();
    // Blobs are never compressed, and these conditions contain entity tags of the blob, which differ from the entity tags of the module.
    for name in [ACCEPT_ENCODING, IF_MATCH, IF_NONE_MATCH, IF_RANGE] {
        headers.remove(name);
    }
    if !has_range {
        headers.remove(RANGE);
    }
    let find = move |_: &Store, _: &Revision| Ok(hash);
    let response = app.respond_with_module(&headers, Revision::default(), find, |_| NamedBy::Hash);
    let mut response = response.await?;
    for name in MODULE_HEADERS {
        response.headers_mut().remove(HeaderName::from_static(name));
    }
    content.insert_headers(response.headers_mut());
    Ok(response)
}

fn read(mut file: File, path: PathBuf) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match file.read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => {
            tracing::error!(%error, ?path, "cannot read an uploaded blob");
            Err(unreadable())
        }
    }
}

fn unreadable() -> Failure {
    let detail = "the store failed; see the server log";
    Failure::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
}

pub(super) async fn delete(
    app: App,
    name: RepositoryName,
    digest: OciDigest,
    parts: Parts,
) -> Result<Response> {
    let author = author(&parts)?;
    let app_of_write = app.clone();
    let deleted = app.publish(move |store| {
        let registry = &app_of_write.registry;
        Ok(registry.delete_blob(store, &name, &digest, author)?)
    });
    deleted.await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
