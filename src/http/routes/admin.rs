//! `/gc` and `/auth`.

use axum::Extension;
use axum::extract::State;
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::http::commit_header::ChangeHeaders;
use crate::http::error::Result;
use crate::http::extract::{QueryParams, WriteHeaders};
use crate::http::json::Json;
use crate::http::middleware::auth::Caller;
use crate::http::openapi::{Problems, WriteProblems};
use crate::http::state::App;
use crate::store::History;
use crate::wire;

/// The detail of the response to a key that may not squash.
const SQUASH_REFUSED: &str =
    "the key does not allow DELETE, which dropping the history needs: use keep_history=true";

/// The query parameters of `/gc`.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct GcQuery {
    /// Keep the branch's history instead of squashing it.
    #[serde(default)]
    keep_history: bool,
}

/// Squashes the branch's own history, and deletes every object that no ref reaches
///
/// Squashing drops history, so it needs a key that allows DELETE in addition to POST.
#[utoipa::path(post, path = "/gc", tag = "admin", params(WriteHeaders, GcQuery),
    responses((status = 200, description = "The deleted objects", body = wire::GcJson), WriteProblems))]
pub(in crate::http) async fn gc(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    WriteHeaders(change): WriteHeaders,
    QueryParams(query): QueryParams<GcQuery>,
) -> Result<Response> {
    let history = if query.keep_history {
        History::Keep
    } else {
        caller.require(&Method::DELETE, SQUASH_REFUSED)?;
        History::Squash
    };
    let collected = app
        .run_write(move |store| Ok(store.gc(&change, history)?))
        .await?;
    let headers = ChangeHeaders {
        branch: collected.branch.clone(),
        commit: collected.commit,
        has_moved: collected.is_squashed,
    };
    Ok((headers, Json(&wire::GcJson::from(&collected))).into_response())
}

/// Returns 200 if the key allows this method
#[utoipa::path(method(get, head, post, put, delete), path = "/auth", tag = "admin",
    responses((status = 200, description = "The key allows the method"), Problems))]
pub(in crate::http) async fn auth() {}
