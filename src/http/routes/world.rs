//! `/world`: finds the components that fit a WIT world.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Version};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::Deserialize;

use crate::http::charged::charged_response;
use crate::http::commit_header::CommitHeader;
use crate::http::error::{Failure, Result};
use crate::http::extract::{QueryParams, ReadRevision};
use crate::http::json_items::{JsonItems, ListKind};
use crate::http::openapi::WorldProblems;
use crate::http::pagination::{Page, next_page_link};
use crate::http::state::App;
use crate::http::upload::body::{RequestBody, content_length};
use crate::http::upload::decoding::content_coding;
use crate::names::{ModulePath, TreePath};
use crate::store::{Store, WORLD_BYTES_MAX, WorldScope, WorldSource};
use crate::wire::{self, encode_query_value};

/// The number of components on a page if the request has no `limit`.
const PAGE_SIZE_DEFAULT: usize = 1_000;

/// The maximum number of modules that are checked for one page.
const CHECKED_MAX: usize = 1_000;

/// The time after which no further module is checked for one page.
const CHECKED_TIME_MAX: Duration = Duration::from_secs(1);

/// The memory for the parsed world and the types of a component, in bytes.
const PARSED_BYTES_MAX: u64 = 64 << 20;

/// The query parameters that select a world and the modules to check.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct WorldParams {
    /// The name of the world; needed only if the body has several worlds.
    #[param(max_length = 1024)]
    name: Option<String>,
    /// Check only this module, or the modules in this directory and its subdirectories.
    path: Option<String>,
    /// The maximum number of components on a page.
    #[param(minimum = 1, maximum = 10_000)]
    limit: Option<usize>,
    /// List only the components whose paths sort after this one.
    #[param(pattern = r"^[^\u0000-\u001f\u007f-\u009f\\]+$")]
    after: Option<String>,
}

/// Lists the components that fit a world, sorted by path
///
/// A component fits if it imports nothing that the world does not import, and exports everything that the world exports; versions match if
/// they are compatible. If `path` is the path of a module, this module is listed even if it does not fit, with the reasons. The request
/// changes nothing, and needs a key that allows GET. The server checks components for about a second per page, so a page may have few
/// components or none; the next page continues.
#[utoipa::path(post, operation_id = "find_world", path = "/world", tag = "modules", params(ReadRevision, WorldParams),
    request_body(content_type = "text/plain", description = "The world in WIT, or a WIT package in WebAssembly; at most 512 KiB"),
    responses((status = 200, description = "The components", body = Vec<wire::WorldCheckJson>,
        headers(("Link" = String, description = "The next page, as `rel=\"next\"`, if there is one"))), WorldProblems))]
pub(in crate::http) async fn find(
    State(app): State<App>,
    ReadRevision(revision): ReadRevision,
    QueryParams(params): QueryParams<WorldParams>,
    version: Version,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let path = TreePath::parse(params.path.as_deref().unwrap_or("/"))?;
    let after = params.after.as_deref().map(ModulePath::parse).transpose()?;
    let page = Page::new(params.limit.unwrap_or(PAGE_SIZE_DEFAULT))?;
    check_body(&headers)?;
    let at = path.clone();
    let (commit, (scope, largest)) = app
        .run_long_read(move |store| {
            Ok(store.as_of(&revision, |revision| {
                let scope = store.world_scope(revision, &at, after.as_ref(), CHECKED_MAX)?;
                let largest = largest_bytes(store, &scope)?;
                Ok((scope, largest))
            })?)
        })
        .await?;
    // All memory is charged in one step, so that the request holds no memory while it waits for memory.
    let bytes = PARSED_BYTES_MAX + page.bytes_max() as u64 + largest;
    let charge = app.charge(bytes).await?;
    let body = RequestBody::new((version, &headers), body, app.limits);
    let source = body.collect(WORLD_BYTES_MAX, too_large).await?;
    let mut query = format!("&path={}", encode_query_value(path.as_str()));
    if let Some(name) = &params.name {
        query.push_str(&format!("&name={}", encode_query_value(name)));
    }
    let (json, last, charge) = app
        .run_long_read(move |store| {
            let world = WorldSource::parse(source, params.name)
                .map_err(|error| Failure::malformed(crate::store::chain(&error)))?;
            let mut items = JsonItems::first(ListKind::Array, page.bytes_max(), page.items_max());
            let last = push_page(store, &world, scope, &mut items)?;
            Ok((items.finish(true), last, charge))
        })
        .await?;
    let link = last.map(|last| next_page_link(page.items_max(), last.as_str(), &query));
    let body = charged_response("application/json", json, charge)?;
    Ok((CommitHeader(commit), AppendHeaders(link), body).into_response())
}

/// Checks modules, and adds those that fit to the page. Returns the last path that was checked, or `None` if there are no further modules.
fn push_page(
    store: &Store,
    world: &WorldSource,
    scope: WorldScope,
    items: &mut JsonItems,
) -> Result<Option<ModulePath>> {
    let (modules, end) = match scope {
        WorldScope::Module(path, hash) => {
            items.push(&wire::WorldCheckJson::from(
                store.check_world(world, path, hash)?,
            ));
            return Ok(None);
        }
        WorldScope::Directory(modules, end) => (modules, end),
    };
    let (started, mut last) = (Instant::now(), None);
    for (path, hash) in modules {
        if last.is_some() && started.elapsed() >= CHECKED_TIME_MAX {
            return Ok(last);
        }
        let check = store.check_world(world, path.clone(), hash)?;
        if check.reasons.is_empty() && !items.push(&wire::WorldCheckJson::from(check)) {
            return Ok(last);
        }
        last = Some(path);
    }
    Ok(end)
}

/// Returns the size of the largest module in `scope`, in bytes.
fn largest_bytes(store: &Store, scope: &WorldScope) -> crate::store::Result<u64> {
    let modules = match scope {
        WorldScope::Module(path, hash) => &[(path.clone(), *hash)][..],
        WorldScope::Directory(modules, _) => modules,
    };
    let mut largest = 0;
    for (_, hash) in modules {
        largest = store.size_bytes(*hash)?.max(largest);
    }
    Ok(largest)
}

/// Rejects a body that is compressed or too large according to its headers.
fn check_body(headers: &HeaderMap) -> Result<()> {
    if content_coding(headers)?.is_some() {
        let detail = "the definition of a world must not be compressed";
        return Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    match content_length(headers) {
        Some(length) if length > WORLD_BYTES_MAX as u64 => Err(too_large()),
        _ => Ok(()),
    }
}

fn too_large() -> Failure {
    let detail = format!("the definition of the world is larger than {WORLD_BYTES_MAX} bytes");
    Failure::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}
