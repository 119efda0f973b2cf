//! Collecting garbage, and asking what a key may do.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::http::commit_header::At;
use crate::http::error::Result;
use crate::http::extract::{Changing, Params};
use crate::http::json::Json;
use crate::http::openapi::{ChangeProblems, Problems};
use crate::http::state::App;
use crate::store::History;
use crate::wire;

/// What to do with the history.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct Collection {
    /// Squash nothing.
    #[serde(default)]
    keep_history: bool,
}

/// Squashes the branch's own history, and removes every object that no branch reaches
#[utoipa::path(post, path = "/api/v1/gc", tag = "admin", params(Changing, Collection),
    responses((status = 200, description = "What was removed", body = wire::GcJson), ChangeProblems))]
pub(in crate::http) async fn gc(
    State(app): State<App>,
    Changing(change): Changing,
    Params(collection): Params<Collection>,
) -> Result<Response> {
    let history = match collection.keep_history {
        true => History::Keep,
        false => History::Squash,
    };
    let collected = app
        .run_change(move |store| Ok(store.gc(&change, history)?))
        .await?;
    let at = At(collected.commit);
    Ok((at, Json(&wire::GcJson::from(&collected))).into_response())
}

/// Answers 200 if the key may use this method
#[utoipa::path(method(get, head, post, put, delete), path = "/api/v1/auth", tag = "admin",
    responses((status = 200, description = "It may"), Problems))]
pub(in crate::http) async fn auth() {}
