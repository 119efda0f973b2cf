//! `/modules` and `/module`: listing, getting, putting and removing modules.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Version};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::Deserialize;

use crate::http::commit_header;
use crate::http::error::{Failure, Result};
use crate::http::extract::{Changing, Params, Reading, Rest, Wanted};
use crate::http::json::Json;
use crate::http::module::response::AskedBy;
use crate::http::openapi::{
    Bytes, ChangeProblems, Encoding, ModuleProblems, ReadProblems, UploadProblems,
};
use crate::http::pagination;
use crate::http::state::App;
use crate::http::upload::body::{Receiving, announced_bytes};
use crate::http::upload::decoding::{self, Decoding};
use crate::names::{ModulePath, ModuleRef, TreePath};
use crate::store::{DirectoryRemoval, Revision, Store};
use crate::wire::Modules;
use crate::wire::schema::HashSchema;

/// Which part of a list is asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct Page {
    /// The most modules to answer; without it all of them are.
    #[param(minimum = 1, maximum = 10_000)]
    limit: Option<usize>,
    /// Answer those that sort after this path.
    #[param(pattern = r"^[^\u0000-\u001f\u007f-\u009f\\]+$")]
    after: Option<String>,
}

/// Lists all modules, by path
#[utoipa::path(get, operation_id = "list_all_modules", path = "/api/v1/modules", tag = "modules", params(Reading, Page),
    responses((status = 200, description = "From path to hash", body = std::collections::BTreeMap<String, HashSchema>,
        headers(("Link" = String, description = "The next page, as `rel=\"next\"`, if there is more"))), ReadProblems))]
pub(in crate::http) async fn list_all(
    app: State<App>,
    at: Reading,
    page: Params<Page>,
) -> Result<Response> {
    list(app, at, Rest::default(), page).await
}

/// Lists the modules below a folder, by path
#[utoipa::path(get, operation_id = "list_modules", path = "/api/v1/modules/{prefix}", tag = "modules",
    params(Reading, Page),
    responses((status = 200, description = "From path to hash", body = std::collections::BTreeMap<String, HashSchema>,
        headers(("Link" = String, description = "The next page, as `rel=\"next\"`, if there is more"))), ReadProblems))]
pub(in crate::http) async fn list(
    State(app): State<App>,
    Reading(at): Reading,
    Rest(prefix): Rest,
    Params(page): Params<Page>,
) -> Result<Response> {
    let prefix = TreePath::parse(&prefix)?;
    let after = page.after.as_deref().map(ModulePath::parse).transpose()?;
    let limit = page.limit.map(pagination::limit).transpose()?;
    let folder = prefix.clone();
    let (commit, (modules, has_more)) = app
        .run(move |store| {
            let page = store.as_of(&at, |at| {
                store.list_page(at, &prefix, after.as_ref(), limit.unwrap_or(usize::MAX))
            });
            Ok(page?)
        })
        .await?;
    let last = modules.last().filter(|_| has_more).map(|(path, _)| path);
    let next = last.zip(limit).map(|(last, limit)| {
        pagination::next("modules", folder.as_str(), limit, &last.to_string(), "")
    });
    Ok((
        commit_header::At(commit),
        AppendHeaders(next),
        Json(&Modules(&modules)),
    )
        .into_response())
}

/// Gets a module
#[utoipa::path(
    get,
    operation_id = "get_module",
    path = "/api/v1/module/{name}",
    tag = "modules",
    params(Reading, Wanted),
    responses(Bytes, ModuleProblems)
)]
pub(in crate::http) async fn get(
    State(app): State<App>,
    Reading(at): Reading,
    name: Rest,
    Wanted(headers): Wanted,
) -> Result<Response> {
    let name = name.parse(ModuleRef::parse)?;
    if let ModuleRef::Path(path) = &name
        && let Some(response) = app.answer_at_once(&headers, &at, path)?
    {
        return Ok(response);
    }
    let by_hash = matches!(name, ModuleRef::Hash(_));
    let find = move |store: &Store, at: &Revision| store.hash(at, &name);
    app.answer(&headers, at, find, |commit| match by_hash {
        true => AskedBy::Hash,
        false => AskedBy::Path(commit),
    })
    .await
}

/// Puts a module at a path
///
/// The name has to be a path. The module is validated first, its function bodies included.
#[utoipa::path(post, operation_id = "put_module", path = "/api/v1/module/{name}", tag = "modules",
    request_body(content_type = "application/wasm", description = "The module"),
    params(Changing, Encoding),
    responses((status = 200, description = "The module's hash", body = HashSchema, content_type = "text/plain"), UploadProblems))]
pub(in crate::http) async fn put(
    State(app): State<App>,
    Changing(change): Changing,
    path: Rest,
    version: Version,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let path = path.parse(ModulePath::parse)?;
    let coding = decoding::coding(&headers)?;
    if coding.is_none() {
        check_length(&headers, app.module_bytes_max())?;
    }
    let begun = (change.clone(), path.clone());
    let upload = app.run(move |store| Ok(store.begin_put(&begun.0, &begun.1)?));
    let decoding = Decoding::new(upload.await?, coding, app.share());
    let (mut decoding, rest) = Receiving::new((version, &headers), body, app.limits)
        .into(&app, decoding)
        .await?;
    let (at, hash) = app
        .change(move |store| {
            decoding.write(&rest)?;
            Ok(store.finish_put(&change, &path, decoding.finish()?)?)
        })
        .await?;
    Ok((at, hash.to_string()).into_response())
}

/// Refuses a body whose length alone shows it to be too large.
fn check_length(headers: &HeaderMap, bytes_max: u64) -> Result<()> {
    match announced_bytes(headers) {
        Some(length) if length > bytes_max => Err(Failure::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the module is larger than {bytes_max} bytes"),
        )),
        _ => Ok(()),
    }
}

/// What to do with a folder.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct Removal {
    /// Remove a folder with everything in it.
    #[serde(default)]
    recursive: bool,
}

/// Removes a module from its path, or from every path that has it
#[utoipa::path(delete, operation_id = "remove_module", path = "/api/v1/module/{name}", tag = "modules",
    params(Changing, Removal),
    responses((status = 200, description = "It is removed"), ChangeProblems))]
pub(in crate::http) async fn remove(
    State(app): State<App>,
    Changing(change): Changing,
    name: Rest,
    Params(removal): Params<Removal>,
) -> Result<commit_header::At> {
    let name = name.parse(ModuleRef::parse)?;
    let folders = match removal.recursive {
        true => DirectoryRemoval::Recursive,
        false => DirectoryRemoval::Refuse,
    };
    let removed = app.change(move |store| Ok(store.remove(&change, &name, folders)?));
    Ok(removed.await?.0)
}
