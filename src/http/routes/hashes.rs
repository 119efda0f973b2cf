//! `/hash` and `/info`: which module a path has, putting a stored module at another path, and what is in one.

use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::http::commit_header::At;
use crate::http::error::{Failure, Result};
use crate::http::extract::{Changing, Reading, Rest};
use crate::http::json::Json;
use crate::http::openapi::{ChangeProblems, ReadProblems};
use crate::http::state::App;
use crate::names::{HashRef, ModulePath, ModuleRef};
use crate::store::ErrorKind;
use crate::wire;
use crate::wire::schema::HashSchema;

/// Tells a module's hash
#[utoipa::path(get, operation_id = "get_hash", path = "/api/v1/hash/{name}", tag = "modules",
    params(Reading),
    responses((status = 200, description = "The hash", body = HashSchema, content_type = "text/plain"), ReadProblems))]
pub(in crate::http) async fn get(
    State(app): State<App>,
    Reading(at): Reading,
    name: Rest,
) -> Result<Response> {
    let name = name.parse(ModuleRef::parse)?;
    let (commit, hash) = app
        .run(move |store| {
            let found = store.as_of(&at, |at| store.hash(at, &name));
            found.map_err(|error| match error.kind() {
                // The clients take a body for a hash.
                ErrorKind::NotFound => Failure::from(error).silent(),
                _ => error.into(),
            })
        })
        .await?;
    Ok((At(commit), hash.to_string()).into_response())
}

/// Puts a stored module at a path
#[utoipa::path(post, operation_id = "set_hash", path = "/api/v1/hash/{hash}/{path}", tag = "modules",
    params(Changing),
    responses((status = 200, description = "The hash", body = HashSchema, content_type = "text/plain"), ChangeProblems))]
pub(in crate::http) async fn set(
    State(app): State<App>,
    Changing(change): Changing,
    Rest(rest): Rest,
) -> Result<Response> {
    let (hash, path) = rest
        .split_once('/')
        .ok_or_else(|| Failure::malformed("a hash and a path are needed: /hash/<hash>/<path>"))?;
    let (hash, path) = (HashRef::parse(hash)?, ModulePath::parse(path)?);
    // It is validated again: the blob may be anybody's.
    let memory = app
        .afford(move |store| store.stored_size_bytes(&hash))
        .await?;
    let (at, hash) = app
        .change(move |store| {
            let _memory = memory;
            Ok(store.set(&change, &hash, &path)?)
        })
        .await?;
    Ok((at, hash.to_string()).into_response())
}

/// Tells what is in a module
#[utoipa::path(get, operation_id = "get_info", path = "/api/v1/info/{name}", tag = "modules",
    params(Reading),
    responses((status = 200, description = "What is in it", body = wire::InfoJson), ReadProblems))]
pub(in crate::http) async fn info(
    State(app): State<App>,
    Reading(at): Reading,
    name: Rest,
) -> Result<Response> {
    let name = name.parse(ModuleRef::parse)?;
    let (seen, named) = (at.clone(), name.clone());
    let memory = app.afford(move |store| store.size_bytes_of(&seen, &named));
    let memory = memory.await?;
    let (commit, info) = app
        .run(move |store| {
            let _memory = memory;
            Ok(store.as_of(&at, |at| store.info(at, &name))?)
        })
        .await?;
    Ok((At(commit), Json(&wire::InfoJson::from(&info))).into_response())
}
