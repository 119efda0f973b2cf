//! `/rollback`: undoes the newest change, or says what it would undo.

use axum::extract::State;
use axum::http::HeaderName;
use axum::response::{AppendHeaders, IntoResponse, Response};

use crate::http::commit_header::{ChangeHeaders, CommitHeader};
use crate::http::error::Result;
use crate::http::extract::{ReadRevision, UrlTail, WriteHeaders};
use crate::http::json::Json;
use crate::http::openapi::{HistoryProblems, PathConditionHeaders, WriteProblems};
use crate::http::state::App;
use crate::names::TreePath;
use crate::wire;

/// The response to a rollback: the usual headers of a write, and the commit that was undone.
type Undone = (ChangeHeaders, AppendHeaders<[(HeaderName, String); 1]>);

/// Undoes the newest change of the branch
#[utoipa::path(post, path = "/rollback", tag = "history",
    params(WriteHeaders, PathConditionHeaders),
    responses((status = 200, description = "The change is undone",
        headers(("Wasmstore-Undone" = String, description = "The commit that was undone"))), WriteProblems))]
pub(in crate::http) async fn rollback_all(
    app: State<App>,
    headers: WriteHeaders,
) -> Result<Undone> {
    rollback(app, headers, UrlTail::default()).await
}

/// Undoes the newest change of a path
#[utoipa::path(post, path = "/rollback/{*path}", tag = "history",
    params(WriteHeaders, PathConditionHeaders),
    responses((status = 200, description = "The change is undone",
        headers(("Wasmstore-Undone" = String, description = "The commit that was undone"))), WriteProblems))]
pub(in crate::http) async fn rollback(
    State(app): State<App>,
    WriteHeaders(change): WriteHeaders,
    UrlTail(tail): UrlTail,
) -> Result<Undone> {
    let scope = TreePath::parse(&tail)?;
    let rolled_back = app.publish(move |store| Ok(store.rollback(&change, &scope)?));
    let (headers, change) = rolled_back.await?;
    let undone = HeaderName::from_static(wire::UNDONE);
    Ok((
        headers,
        AppendHeaders([(undone, change.undone.to_string())]),
    ))
}

/// Returns what a rollback of the branch would undo
#[utoipa::path(get, operation_id = "preview_rollback_all", path = "/rollback", tag = "history",
    params(ReadRevision),
    responses((status = 200, description = "The change that a rollback would undo", body = wire::UndoneChangeJson), HistoryProblems))]
pub(in crate::http) async fn preview_all(
    app: State<App>,
    revision: ReadRevision,
) -> Result<Response> {
    preview(app, revision, UrlTail::default()).await
}

/// Returns what a rollback of a path would undo
///
/// If the request selects a commit, returns what a rollback would have undone when that commit was the branch's tip.
#[utoipa::path(get, operation_id = "preview_rollback", path = "/rollback/{*path}", tag = "history",
    params(ReadRevision),
    responses((status = 200, description = "The change that a rollback would undo", body = wire::UndoneChangeJson), HistoryProblems))]
pub(in crate::http) async fn preview(
    State(app): State<App>,
    ReadRevision(revision): ReadRevision,
    UrlTail(tail): UrlTail,
) -> Result<Response> {
    let scope = TreePath::parse(&tail)?;
    let found = app.run_read(move |store| Ok(store.preview_rollback(&revision, &scope)?));
    let (tip, change) = found.await?;
    let json = wire::UndoneChangeJson::new(tip, change);
    Ok((CommitHeader(Some(tip)), Json(&json)).into_response())
}
