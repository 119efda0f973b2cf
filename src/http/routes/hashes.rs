//! `/hash`: returns the hash of a module, and adds a further path for a stored module.

use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::http::commit_header::CommitHeader;
use crate::http::error::{Failure, Result};
use crate::http::extract::{ReadRevision, UrlTail, WriteHeaders};
use crate::http::openapi::{PathConditionHeaders, ReadProblems, WriteProblems};
use crate::http::state::App;
use crate::names::{HashRef, ModulePath, ModuleRef};
use crate::store::ErrorKind;
use crate::wire::schema::HashSchema;

/// Returns a module's hash
#[utoipa::path(get, operation_id = "get_hash", path = "/hash/{*name}", tag = "modules",
    params(ReadRevision),
    responses((status = 200, description = "The hash", body = HashSchema, content_type = "text/plain"), ReadProblems))]
pub(in crate::http) async fn get(
    State(app): State<App>,
    ReadRevision(revision): ReadRevision,
    tail: UrlTail,
) -> Result<Response> {
    let name = tail.parse(ModuleRef::parse)?;
    let app_of_read = app.clone();
    let (commit, hash) = app
        .run_read(move |store| {
            let name = app_of_read.registry.resolve(store, &revision, &name)?;
            let found = store.as_of(&revision, |revision| store.hash(revision, &name));
            found.map_err(|error| match error.kind() {
                // The published clients ignore the status of the response, and would use an error text as the hash.
                ErrorKind::NotFound => Failure::from(error).without_body(),
                _ => error.into(),
            })
        })
        .await?;
    Ok((CommitHeader(commit), hash.to_string()).into_response())
}

// The OpenAPI document has this operation at `/hash/{hash}/{path}`; see `rewrite_paths` in `openapi/document.rs`.
/// Adds a path for a module that the store already has
#[utoipa::path(post, operation_id = "set_hash", path = "/hash/{*name}", tag = "modules",
    params(WriteHeaders, PathConditionHeaders),
    responses((status = 200, description = "The hash", body = HashSchema, content_type = "text/plain"), WriteProblems))]
pub(in crate::http) async fn set(
    State(app): State<App>,
    WriteHeaders(change): WriteHeaders,
    UrlTail(tail): UrlTail,
) -> Result<Response> {
    let (hash, path) = tail
        .split_once('/')
        .ok_or_else(|| Failure::malformed("a hash and a path are needed: /hash/<hash>/<path>"))?;
    let (hash, path) = (HashRef::parse(hash)?, ModulePath::parse(path)?);
    // The object is validated as a module, which takes memory: the hash may name any blob in the repository, even one that is not a module.
    let size_bytes = app
        .run_read(move |store| Ok(store.stored_size_bytes(&hash)?))
        .await?;
    let memory = app.charge(size_bytes).await?;
    let (commit, hash) = app
        .publish(move |store| {
            let _memory = memory;
            Ok(store.set(&change, &hash, &path)?)
        })
        .await?;
    Ok((commit, hash.to_string()).into_response())
}
