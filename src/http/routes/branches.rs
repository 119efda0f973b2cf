//! Branches.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::http::commit_header::At;
use crate::http::error::Result;
use crate::http::extract::{Changing, ChangingBranches, Params, Rest};
use crate::http::json::Json;
use crate::http::openapi::{BranchProblems, ChangeProblems, Problems};
use crate::http::state::App;
use crate::names::{BranchName, CommitId};
use crate::store;

/// Tells the default branch
#[utoipa::path(get, operation_id = "get_default_branch", path = "/api/v1/branch", tag = "branches",
    responses((status = 200, description = "Its name", body = String, content_type = "text/plain"), Problems))]
pub(in crate::http) async fn default(State(app): State<App>) -> Result<String> {
    Ok(app.default_branch().await?.to_string())
}

/// Lists the branches
#[utoipa::path(get, operation_id = "list_branches", path = "/api/v1/branches", tag = "branches",
    responses((status = 200, description = "Their names, sorted", body = Vec<String>), Problems))]
pub(in crate::http) async fn list(State(app): State<App>) -> Result<Response> {
    let branches = app.run(|store| Ok(store.branches()?)).await?;
    let names: Vec<_> = branches.iter().map(BranchName::as_str).collect();
    Ok(Json(&names).into_response())
}

/// Makes a branch the default one, creating it if it is new
#[utoipa::path(put, operation_id = "set_default_branch", path = "/api/v1/branch/{branch}", tag = "branches",
    responses((status = 200, description = "It is the default one"), BranchProblems))]
pub(in crate::http) async fn set_default(
    State(app): State<App>,
    _: ChangingBranches,
    branch: Rest,
) -> Result<()> {
    let branch = branch.parse(BranchName::parse)?;
    let work = app.clone();
    app.run_change(move |store| {
        store.set_default_branch(&branch, work.branch(None).as_ref())?;
        work.forget_branch();
        Ok(())
    })
    .await
}

/// Where a new branch begins.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct Start {
    /// A branch or commit; the default branch otherwise.
    #[param(min_length = 1)]
    from: Option<String>,
}

/// Creates a branch
#[utoipa::path(post, operation_id = "create_branch", path = "/api/v1/branch/{branch}", tag = "branches",
    params(Start),
    responses((status = 200, description = "It is there"), BranchProblems))]
pub(in crate::http) async fn create(
    State(app): State<App>,
    _: ChangingBranches,
    branch: Rest,
    Params(start): Params<Start>,
) -> Result<()> {
    let branch = branch.parse(BranchName::parse)?;
    let from = match start.from.as_deref() {
        None => app.at_default(),
        Some(text) => match CommitId::parse(text) {
            Ok(commit) => store::Revision::Commit(commit),
            Err(_) => store::Revision::Branch(Some(BranchName::parse(text)?)),
        },
    };
    app.run_change(move |store| Ok(store.create_branch(&branch, &from)?))
        .await
}

/// Deletes a branch
#[utoipa::path(delete, operation_id = "delete_branch", path = "/api/v1/branch/{branch}", tag = "branches",
    responses((status = 200, description = "It is gone"), BranchProblems))]
pub(in crate::http) async fn delete(
    State(app): State<App>,
    _: ChangingBranches,
    branch: Rest,
) -> Result<()> {
    let branch = branch.parse(BranchName::parse)?;
    let default = app.branch(None);
    app.run_change(move |store| Ok(store.delete_branch(&branch, default.as_ref())?))
        .await
}

/// Merges a branch into the one worked on
#[utoipa::path(post, path = "/api/v1/merge/{branch}", tag = "branches",
    params(Changing),
    responses((status = 200, description = "It is merged"), ChangeProblems))]
pub(in crate::http) async fn merge(
    State(app): State<App>,
    Changing(change): Changing,
    branch: Rest,
) -> Result<At> {
    let branch = branch.parse(BranchName::parse)?;
    let merged = app.change(move |store| Ok(store.merge(&change, &branch)?));
    Ok(merged.await?.0)
}
