//! `/branch`, `/branches`, `/broken-refs` and `/merge`.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::Deserialize;

use crate::http::commit_header::ChangeHeaders;
use crate::http::error::Result;
use crate::http::extract::{
    BranchWriteHeaders, QueryParams, UrlTail, WriteHeaders, parse_revision,
};
use crate::http::json_list::charged_json;
use crate::http::openapi::{BranchProblems, PathConditionHeaders, Problems, WriteProblems};
use crate::http::state::App;
use crate::names::BranchName;
use crate::store::{FastForward, MergeOptions};
use crate::wire::FORWARDED_FROM;
use crate::wire::schema::CommitHashSchema;

/// Returns the name of the default branch
#[utoipa::path(get, operation_id = "get_default_branch", path = "/branch", tag = "branches",
    responses((status = 200, description = "The name", body = String, content_type = "text/plain"), Problems))]
pub(in crate::http) async fn default(State(app): State<App>) -> Result<String> {
    Ok(app.default_branch().await?.to_string())
}

/// Lists the branches
#[utoipa::path(get, operation_id = "list_branches", path = "/branches", tag = "branches",
    responses((status = 200, description = "The names, sorted", body = Vec<String>), Problems))]
pub(in crate::http) async fn list(State(app): State<App>) -> Result<Response> {
    let branches = app.run_read(|store| Ok(store.branches()?)).await?;
    let names: Vec<_> = branches.iter().map(BranchName::as_str).collect();
    charged_json(&app, &names)
}

/// Lists the refs that are broken
///
/// git does not advertise broken refs, and lists of branches do not contain them. If a ref is broken on the primary, a replica does not
/// update or delete its own copy of the ref.
#[utoipa::path(get, operation_id = "list_broken_refs", path = "/broken-refs", tag = "branches",
    responses((status = 200, description = "The full name of each broken ref, such as `refs/heads/main`, with the reason. \
        `packed-refs` stands for a line of that file that is not a ref: its name is unknown", body = BTreeMap<String, String>), Problems))]
pub(in crate::http) async fn list_broken(State(app): State<App>) -> Result<Response> {
    let broken = app.run_read(|store| Ok(store.broken_refs()?)).await?;
    let reasons = broken.into_iter().map(|it| (it.name, it.reason));
    charged_json(&app, &reasons.collect::<BTreeMap<_, _>>())
}

/// Makes a branch the default branch, and creates it if it does not exist
#[utoipa::path(put, operation_id = "set_default_branch", path = "/branch/{*branch}", tag = "branches",
    responses((status = 200, description = "The branch is now the default branch"), BranchProblems))]
pub(in crate::http) async fn set_default(
    State(app): State<App>,
    _: BranchWriteHeaders,
    tail: UrlTail,
) -> Result<()> {
    let branch = tail.parse(BranchName::parse)?;
    let shared = app.clone();
    app.run_write(move |store| {
        store.set_default_branch(&branch, shared.branch(None).as_ref())?;
        shared.reset_default_branch();
        Ok(())
    })
    .await
}

/// The query parameter for creating a branch.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct StartQuery {
    /// The branch, tag or commit at which the new branch starts. Default: the default branch.
    #[param(min_length = 1)]
    from: Option<String>,
}

/// Creates a branch
#[utoipa::path(post, operation_id = "create_branch", path = "/branch/{*branch}", tag = "branches",
    params(StartQuery),
    responses((status = 200, description = "The branch is created"), BranchProblems))]
pub(in crate::http) async fn create(
    State(app): State<App>,
    _: BranchWriteHeaders,
    tail: UrlTail,
    QueryParams(query): QueryParams<StartQuery>,
) -> Result<ChangeHeaders> {
    let branch = tail.parse(BranchName::parse)?;
    let start = match query.from.as_deref() {
        None => app.default_revision(),
        Some(text) => parse_revision(text)?.on_branch(app.branch(None)),
    };
    let created = branch.clone();
    let commit = app
        .run_write(move |store| Ok(store.create_branch(&created, &start)?))
        .await?;
    Ok(ChangeHeaders {
        branch: Some(branch),
        commit: Some(commit),
        has_moved: true,
    })
}

/// Deletes a branch
#[utoipa::path(delete, operation_id = "delete_branch", path = "/branch/{*branch}", tag = "branches",
    responses((status = 200, description = "The branch is deleted"), BranchProblems))]
pub(in crate::http) async fn delete(
    State(app): State<App>,
    _: BranchWriteHeaders,
    tail: UrlTail,
) -> Result<()> {
    let branch = tail.parse(BranchName::parse)?;
    let default = app.branch(None);
    app.run_write(move |store| Ok(store.delete_branch(&branch, default.as_ref())?))
        .await
}

/// The query parameter for merging a branch.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct MergeQuery {
    /// If possible, move the branch forward instead of making a commit. With `false`, always make a merge commit, so that one rollback
    /// undoes the merge. Default: `true`.
    ff: Option<bool>,
}

/// Merges a branch into the selected branch
///
/// After a fast-forward, `Wasmstore-Forwarded-From` is the tip of the branch before the merge. Restoring that commit undoes the merge.
#[utoipa::path(post, path = "/merge/{*branch}", tag = "branches",
    params(WriteHeaders, PathConditionHeaders, MergeQuery),
    responses((status = 200, description = "The branch is merged",
        headers(("Wasmstore-Forwarded-From" = CommitHashSchema, description = "The branch's tip before a fast-forward"))), WriteProblems))]
pub(in crate::http) async fn merge(
    State(app): State<App>,
    WriteHeaders(change): WriteHeaders,
    tail: UrlTail,
    QueryParams(query): QueryParams<MergeQuery>,
) -> Result<impl IntoResponse> {
    let branch = tail.parse(BranchName::parse)?;
    let options = MergeOptions {
        fast_forward: match query.ff {
            Some(false) => FastForward::Never,
            Some(true) | None => FastForward::Allow,
        },
        expected: None,
    };
    let (change, merged) = app
        .publish(move |store| Ok(store.merge_with(&change, &branch, options)?))
        .await?;
    let forwarded = merged.forwarded_from;
    let forwarded = forwarded.map(|from| (FORWARDED_FROM, from.to_string()));
    Ok((change, AppendHeaders(forwarded)))
}
