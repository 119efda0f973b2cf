//! `/info`, `/wit` and `/size`: what a module contains.

use std::convert::Infallible;

use axum::extract::State;
use axum::http::header::{ETAG, VARY};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, IntoResponseParts, Response, ResponseParts};
use serde::Deserialize;

use crate::budget::Charge;
use crate::http::charged::{charged_json_response, charged_response};
use crate::http::commit_header::CommitHeader;
use crate::http::error::{Failure, Result};
use crate::http::extract::{QueryParams, ReadConditions, ReadRevision, UrlTail};
use crate::http::module::etag::{self, Freshness};
use crate::http::openapi::ReadProblems;
use crate::http::pagination::next_info_link;
use crate::http::state::App;
use crate::names::{CommitId, ModuleHash, ModuleRef};
use crate::store::{self, Revision, Store};
use crate::wire::{self, PartKind, PartSelection};

/// The maximum memory of the facts about a module (its imports, exports, sections, sizes and metadata), in bytes.
const FACTS_BYTES_MAX: u64 = 2 << 20;

/// The maximum size of the facts about a small module, as a multiple of the module's size. The smallest function takes 3 bytes in the code
/// section, and its entry in the facts takes 56 bytes.
const FACTS_FACTOR: u64 = 16;

const TEXT: &str = "text/plain; charset=utf-8";

/// The value of `Vary`: the request headers that select the module.
const SELECTING_HEADERS: HeaderValue =
    HeaderValue::from_static("Wasmstore-Branch, Wasmstore-Commit");

/// The query parameter that selects a part of the description.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct InfoQuery {
    /// Leave out this number of imports and exports at the beginning.
    #[serde(default)]
    skip: usize,
}

/// Describes a module: size, kind, imports, exports, requirements, metadata and custom sections
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
    let (app_of_read, revision_of_read) = (app.clone(), revision.clone());
    let resolved = app.run_read(move |store| {
        let registry = &app_of_read.registry;
        Ok(registry.resolve(store, &revision_of_read, &name)?)
    });
    let name = resolved.await?;
    let (_, _, size_bytes) = find(&app, &revision, &name).await?;
    let path = match &name {
        ModuleRef::Path(path) => Some(path.clone()),
        ModuleRef::Hash(_) => None,
    };
    let read = move |store: &Store, revision: &Revision| store.info(revision, &name, page.skip);
    let (charge, commit, info) = read_facts(&app, revision, size_bytes, read).await?;
    let mut json = wire::InfoJson::from(&info);
    if let Some(path) = path {
        let (app_of_read, hash) = (app.clone(), info.hash);
        let module = app.run_read(move |store| {
            let registry = &app_of_read.registry;
            Ok(registry.module_name(store, &path, hash)?)
        });
        json.oci = module.await?.as_ref().map(wire::OciJson::from);
    }
    let link = info.module.next.map(next_info_link);
    let body = charged_json_response(&json, charge)?;
    Ok((CommitHeader(commit), AppendHeaders(link), body).into_response())
}

/// Returns the WIT of a module, as text
///
/// A text of more than 512 KiB is cut at the end of a line, and a comment in the last line says so.
#[utoipa::path(get, operation_id = "get_wit", path = "/wit/{*name}", tag = "modules",
    params(ReadRevision, ReadConditions),
    responses(
        (status = 200, description = "The WIT of a component or package, or of the world that is embedded in a core module",
            body = String, content_type = "text/plain", headers(("ETag" = String, description = "The module's hash in quotes"))),
        (status = 304, description = "The client already has the WIT of this module",
            headers(("ETag" = String, description = "The module's hash in quotes"))),
        ReadProblems))]
pub(in crate::http) async fn wit(
    State(app): State<App>,
    ReadRevision(revision): ReadRevision,
    ReadConditions(conditions): ReadConditions,
    tail: UrlTail,
) -> Result<Response> {
    let name = tail.parse(ModuleRef::parse)?;
    let (commit, hash, size_bytes) = find(&app, &revision, &name).await?;
    if let Freshness::NotModified = etag::evaluate(&conditions, &hash.to_string())? {
        return Ok((StatusCode::NOT_MODIFIED, Found(commit, hash)).into_response());
    }
    let read = move |store: &Store, revision: &Revision| store.wit(revision, &name);
    let (charge, commit, wit) = read_facts(&app, revision, size_bytes, read).await?;
    let body = charged_response(TEXT, wit.text.into_bytes(), charge)?;
    Ok((Found(commit, wit.hash), body).into_response())
}

/// The query parameters that select sections, functions and other parts of a module.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct SizeQuery {
    /// List only parts of this kind.
    #[param(inline)]
    by: Option<PartKind>,
    /// List only this number of the largest parts of each kind. Without it, all sections are listed in their order, and the 20 largest
    /// parts of each other kind.
    #[param(minimum = 1)]
    top: Option<usize>,
}

/// Returns the sizes of a module's sections, functions, crates and data segments
///
/// Each list has at most 1 MiB, and says how many parts it leaves out.
#[utoipa::path(get, operation_id = "get_size", path = "/size/{*name}", tag = "modules",
    params(ReadRevision, SizeQuery, ReadConditions),
    responses(
        (status = 200, description = "The sizes", body = wire::SizesJson,
            headers(("ETag" = String, description = "The module's hash in quotes"))),
        (status = 304, description = "The client already has the sizes of this module",
            headers(("ETag" = String, description = "The module's hash in quotes"))),
        ReadProblems))]
pub(in crate::http) async fn size(
    State(app): State<App>,
    ReadRevision(revision): ReadRevision,
    ReadConditions(conditions): ReadConditions,
    tail: UrlTail,
    QueryParams(SizeQuery { by, top }): QueryParams<SizeQuery>,
) -> Result<Response> {
    let name = tail.parse(ModuleRef::parse)?;
    if top == Some(0) {
        return Err(Failure::malformed("`top` must be at least 1"));
    }
    let (commit, hash, size_bytes) = find(&app, &revision, &name).await?;
    if let Freshness::NotModified = etag::evaluate(&conditions, &hash.to_string())? {
        return Ok((StatusCode::NOT_MODIFIED, Found(commit, hash)).into_response());
    }
    let read = move |store: &Store, revision: &Revision| store.facts(revision, &name);
    let (charge, commit, (hash, module)) = read_facts(&app, revision, size_bytes, read).await?;
    let sizes = wire::SizesJson::of(hash, &module.facts, PartSelection { by, top });
    let body = charged_json_response(&sizes, charge)?;
    Ok((Found(commit, hash), body).into_response())
}

/// The response headers for a module: its commit and its hash as the entity tag.
struct Found(Option<CommitId>, ModuleHash);

impl IntoResponseParts for Found {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        let Self(commit, hash) = self;
        let headers = parts.headers_mut();
        CommitHeader(commit).insert_into(headers);
        if let Ok(tag) = etag::of_module(hash, None).parse() {
            headers.insert(ETAG, tag);
        }
        headers.insert(VARY, SELECTING_HEADERS);
        Ok(parts)
    }
}

impl IntoResponse for Found {
    fn into_response(self) -> Response {
        (self, ()).into_response()
    }
}

/// Looks up a module. Returns the commit in which the module was found (`None` for a branch without a commit), the hash of the module, and
/// the size of the module in bytes.
async fn find(
    app: &App,
    revision: &Revision,
    name: &ModuleRef,
) -> Result<(Option<CommitId>, ModuleHash, u64)> {
    let (revision, name) = (revision.clone(), name.clone());
    app.run_read(move |store| {
        let (commit, (hash, size_bytes)) = store.as_of(&revision, |revision| {
            let hash = store.hash(revision, &name)?;
            Ok((hash, store.size_bytes(hash)?))
        })?;
        Ok((commit, hash, size_bytes))
    })
    .await
}

/// Runs `read`, which may have to read a module of `size_bytes` bytes and compute the facts about it. Also returns the charge on the memory
/// budget for the module and its facts, which the response must hold until it is sent.
async fn read_facts<T: Send + 'static>(
    app: &App,
    revision: Revision,
    size_bytes: u64,
    read: impl Fn(&Store, &Revision) -> store::Result<T> + Send + 'static,
) -> Result<(Charge, Option<CommitId>, T)> {
    let facts_bytes = FACTS_BYTES_MAX.min(size_bytes.saturating_mul(FACTS_FACTOR));
    let charge = app.charge(size_bytes.saturating_add(facts_bytes)).await?;
    app.run_read(move |store| {
        let (commit, facts) = store.as_of(&revision, |revision| read(store, revision))?;
        Ok((charge, commit, facts))
    })
    .await
}
