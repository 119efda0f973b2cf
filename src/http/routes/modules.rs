//! `/modules` and `/module`: lists, gets, adds and removes modules.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Version};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::encoded_body::{EncodedBody, receive};
use crate::http::commit_header::ChangeHeaders;
use crate::http::error::{Failure, Result};
use crate::http::extract::{ModuleHeaders, QueryParams, ReadRevision, UrlTail, WriteHeaders};
use crate::http::json_items::{JsonItems, ListKind};
use crate::http::json_list::JsonList;
use crate::http::module::response::NamedBy;
use crate::http::openapi::{
    BodyProblems, ModuleBytes, ModuleProblems, PathConditionHeaders, ReadProblems, UploadHeaders,
    WriteProblems,
};
use crate::http::pagination::Page;
use crate::http::state::App;
use crate::http::upload::body::{RequestBody, content_length};
use crate::http::upload::cancel_on_drop::CancelOnDrop;
use crate::http::upload::decoding::{ModuleSink, content_coding};
use crate::http::upload::memory::{BufferedCharge, UploadMemory};
use crate::names::{ModulePath, ModuleRef, TreePath};
use crate::store::{DirectoryRemoval, Revision, Store};
use crate::wire::schema::HashSchema;
use crate::wire::{AsString, ListedModuleJson};

/// The query parameters that select a page of modules.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct ModulePageQuery {
    /// The maximum number of modules. Without it, all modules are listed.
    #[param(minimum = 1, maximum = 10_000)]
    limit: Option<usize>,
    /// List only the modules whose paths sort after this one.
    #[param(pattern = r"^[^\u0000-\u001f\u007f-\u009f\\]+$")]
    after: Option<String>,
    /// List the modules as an array of objects with path, hash, size, kind and last change. Without this, the list is an object whose keys
    /// are paths and whose values are hashes.
    #[serde(default)]
    details: bool,
}

/// The body of a response with a list of modules.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only describes the two forms of the response")]
pub(in crate::http) enum ModuleList {
    /// An object with the hash of each path.
    Hashes(BTreeMap<String, HashSchema>),
    /// An array of the modules; requested with `details=true`.
    Details(Vec<ListedModuleJson>),
}

/// Lists all modules, sorted by path
#[utoipa::path(get, operation_id = "list_all_modules", path = "/modules", tag = "modules", params(ReadRevision, ModulePageQuery),
    responses((status = 200, description = "The hash of each path", body = ModuleList,
        headers(("Link" = String, description = "The next page, as `rel=\"next\"`, if there is one"))), ReadProblems))]
pub(in crate::http) async fn list_all(
    app: State<App>,
    revision: ReadRevision,
    page: QueryParams<ModulePageQuery>,
) -> Result<Response> {
    list(app, revision, UrlTail::default(), page).await
}

/// Lists the modules in a directory and its subdirectories, sorted by path
#[utoipa::path(get, operation_id = "list_modules", path = "/modules/{*prefix}", tag = "modules",
    params(ReadRevision, ModulePageQuery),
    responses((status = 200, description = "The hash of each path", body = ModuleList,
        headers(("Link" = String, description = "The next page, as `rel=\"next\"`, if there is one"))), ReadProblems))]
pub(in crate::http) async fn list(
    State(app): State<App>,
    ReadRevision(revision): ReadRevision,
    UrlTail(tail): UrlTail,
    QueryParams(page): QueryParams<ModulePageQuery>,
) -> Result<Response> {
    let prefix = TreePath::parse(&tail)?;
    let after = page.after.as_deref().map(ModulePath::parse).transpose()?;
    if page.details {
        return list_details(&app, revision, prefix, (after, page.limit)).await;
    }
    let page = page.limit.map(Page::new).transpose()?;
    let list = JsonList::new(
        ListKind::Object,
        move |store, revision, after: Option<&ModulePath>, items: &mut JsonItems| {
            let mut last = None;
            let has_more = store.list_after(revision, &prefix, after, |path, hash| {
                if !items.push_entry(&AsString(&path), &AsString(&hash)) {
                    return ControlFlow::Break(());
                }
                last = Some(path);
                ControlFlow::Continue(())
            })?;
            Ok(last.filter(|_| has_more))
        },
    );
    let link = |last: &ModulePath| (last.to_string(), "");
    list.respond_with_page_if_any(&app, revision, after, (page, link))
        .await
}

async fn list_details(
    app: &App,
    revision: Revision,
    prefix: TreePath,
    (after, limit): (Option<ModulePath>, Option<usize>),
) -> Result<Response> {
    let page = limit.map(Page::new).transpose()?;
    let list = JsonList::new(
        ListKind::Array,
        move |store, revision, after: Option<&ModulePath>, items: &mut JsonItems| {
            let mut last = None;
            let has_more = store.list_details_after(revision, &prefix, after, |listed| {
                let path = listed.path.clone();
                if !items.push(&ListedModuleJson::from(listed)) {
                    return ControlFlow::Break(());
                }
                last = Some(path);
                ControlFlow::Continue(())
            })?;
            Ok(last.filter(|_| has_more))
        },
    );
    let link = |last: &ModulePath| (last.to_string(), "&details=true");
    list.respond_with_page_if_any(app, revision, after, (page, link))
        .await
}

/// Gets a module
#[utoipa::path(
    get,
    operation_id = "get_module",
    path = "/module/{*name}",
    tag = "modules",
    params(ReadRevision, ModuleHeaders),
    responses(ModuleBytes, ModuleProblems)
)]
pub(in crate::http) async fn get(
    State(app): State<App>,
    ReadRevision(revision): ReadRevision,
    tail: UrlTail,
    ModuleHeaders(headers): ModuleHeaders,
) -> Result<Response> {
    let name = tail.parse(ModuleRef::parse)?;
    if let ModuleRef::Path(path) = &name
        && let Some(response) = app.respond_from_cache(&headers, &revision, path)?
    {
        return Ok(response);
    }
    let is_hash = matches!(name, ModuleRef::Hash(_));
    let find = move |store: &Store, revision: &Revision| store.hash(revision, &name);
    app.respond_with_module(&headers, revision, find, |commit| {
        if is_hash {
            NamedBy::Hash
        } else {
            NamedBy::Path(commit)
        }
    })
    .await
}

/// Adds a module at a path
///
/// The name must be a path. The whole module is validated, function bodies included.
#[utoipa::path(post, operation_id = "put_module", path = "/module/{*name}", tag = "modules",
    request_body(content_type = "application/wasm", description = "The module"),
    params(WriteHeaders, PathConditionHeaders, UploadHeaders),
    responses((status = 200, description = "The module's hash", body = HashSchema, content_type = "text/plain"), BodyProblems))]
pub(in crate::http) async fn put(
    State(app): State<App>,
    WriteHeaders(change): WriteHeaders,
    tail: UrlTail,
    version: Version,
    headers: HeaderMap,
    buffered: Option<Extension<BufferedCharge>>,
    body: Body,
) -> Result<Response> {
    let path = tail.parse(ModulePath::parse)?;
    let coding = content_coding(&headers)?;
    if coding.is_none() {
        check_size(content_length(&headers), app.module_bytes_max())?;
    }
    let begin = {
        let (change, path) = (change.clone(), path.clone());
        app.run_read(move |store| Ok(store.begin_put(&change, &path)?))
    };
    let begun = begin.await?;
    let _cancel = CancelOnDrop(begun.cancellation());
    let length = content_length(&headers);
    let charge = match buffered.and_then(|Extension(charge)| charge.take()) {
        Some(charge) => charge,
        None => app.charge(UploadMemory::first_bytes(length)).await?,
    };
    let memory = UploadMemory::new(charge, length);
    let sink = ModuleSink::new(begun, app.reserve_upload(), memory);
    let upload = EncodedBody::new(&headers, coding, sink, app.memory.empty_charge())?;
    let body = RequestBody::new((version, &headers), body, app.limits);
    let (mut upload, last_chunk) = receive(&app, body, upload).await?;
    let (commit, hash) = app
        .publish(move |store| {
            upload.write(&last_chunk)?;
            let (upload, _memory) = upload.finish()?.into_parts();
            Ok(store.finish_put(&change, &path, upload)?)
        })
        .await?;
    Ok((commit, hash.to_string()).into_response())
}

/// Rejects a module if its size, which the client has announced, exceeds the limit. `size_bytes` is `None` if the client has announced no
/// size.
pub(super) fn check_size(size_bytes: Option<u64>, bytes_max: u64) -> Result<()> {
    match size_bytes {
        Some(size_bytes) if size_bytes > bytes_max => Err(Failure::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the module is larger than {bytes_max} bytes (--max-module-bytes)"),
        )),
        _ => Ok(()),
    }
}

/// The query parameter for removing directories.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct RemoveQuery {
    /// If the name is the path of a directory, remove the directory with everything in it.
    #[serde(default)]
    recursive: bool,
}

/// Removes the module at a path, or a module from every path that has it
#[utoipa::path(delete, operation_id = "remove_module", path = "/module/{*name}", tag = "modules",
    params(WriteHeaders, PathConditionHeaders, RemoveQuery),
    responses((status = 200, description = "The module is removed"), WriteProblems))]
pub(in crate::http) async fn remove(
    State(app): State<App>,
    WriteHeaders(change): WriteHeaders,
    tail: UrlTail,
    QueryParams(query): QueryParams<RemoveQuery>,
) -> Result<ChangeHeaders> {
    let name = tail.parse(ModuleRef::parse)?;
    let directories = if query.recursive {
        DirectoryRemoval::Recursive
    } else {
        DirectoryRemoval::Refuse
    };
    let removed = app.publish(move |store| Ok(store.remove(&change, &name, directories)?));
    Ok(removed.await?.0)
}
