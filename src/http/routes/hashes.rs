//! `/hash` and `/info`: a module's hash, adding a stored module at another path, and the description of a module.

use axum::extract::State;
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::Deserialize;

use crate::http::commit_header::CommitHeader;
use crate::http::error::{Failure, Result};
use crate::http::extract::{QueryParams, ReadRevision, UrlTail, WriteHeaders};
use crate::http::json::Json;
use crate::http::openapi::{ReadProblems, WriteProblems};
use crate::http::pagination::next_info_link;
use crate::http::state::App;
use crate::names::{HashRef, ModulePath, ModuleRef};
use crate::store::ErrorKind;
use crate::wire;
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
    let (commit, hash) = app
        .run_read(move |store| {
            let found = store.as_of(&revision, |revision| store.hash(revision, &name));
            found.map_err(|error| match error.kind() {
                // The published clients do not look at the status and would take the text for the hash.
                ErrorKind::NotFound => Failure::from(error).without_body(),
                _ => error.into(),
            })
        })
        .await?;
    Ok((CommitHeader(commit), hash.to_string()).into_response())
}

// `document.rs` describes it as `/hash/{hash}/{path}`.
/// Adds a path for a module that the store already has
#[utoipa::path(post, operation_id = "set_hash", path = "/hash/{*name}", tag = "modules",
    params(WriteHeaders),
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
    // Memory is needed because the module is validated again: the blob may be any object in the store.
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

/// The query parameter that selects a page of a description.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct InfoQuery {
    /// Leave out this number of imports and exports.
    #[serde(default)]
    skip: usize,
}

/// Describes a module: size, kind, imports, exports, custom sections and producers
#[utoipa::path(get, operation_id = "get_info", path = "/info/{*name}", tag = "modules",
    params(ReadRevision, InfoQuery),
    responses((status = 200, description = "The description of the module", body = wire::InfoJson,
        headers(("Link" = String, description = "Further imports and exports, as `rel=\"next\"`, if there are some"))), ReadProblems))]
pub(in crate::http) async fn info(
    State(app): State<App>,
    ReadRevision(revision): ReadRevision,
    tail: UrlTail,
    QueryParams(page): QueryParams<InfoQuery>,
) -> Result<Response> {
    let name = tail.parse(ModuleRef::parse)?;
    let (sized_revision, sized_name) = (revision.clone(), name.clone());
    let size_bytes = app
        .run_read(move |store| Ok(store.size_bytes_of(&sized_revision, &sized_name)?))
        .await?;
    let memory = app.charge(size_bytes).await?;
    let (commit, info) = app
        .run_read(move |store| {
            let _memory = memory;
            Ok(store.as_of(&revision, |revision| store.info(revision, &name, page.skip))?)
        })
        .await?;
    let json = wire::InfoJson::from(&info);
    let link = info.module.next.map(next_info_link);
    Ok((CommitHeader(commit), AppendHeaders(link), Json(&json)).into_response())
}
