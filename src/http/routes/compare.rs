//! `/compare`: the differences between two modules.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::diff::MODULE_BYTES_MAX;
use crate::http::commit_header::CommitHeader;
use crate::http::error::Result;
use crate::http::extract::{QueryParams, ReadRevision};
use crate::http::json_list::charged_json;
use crate::http::openapi::ReadProblems;
use crate::http::state::App;
use crate::names::ModuleRef;
use crate::wire::ComparedModulesJson;

/// The query parameters that select the two modules.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct CompareParams {
    /// The path, hash or digest of the older module.
    #[param(min_length = 1)]
    from: String,
    /// The path, hash or digest of the newer module.
    #[param(min_length = 1)]
    to: String,
}

/// Compares two modules
///
/// The response contains the differences in the interfaces and sizes of the modules, and says whether the newer module can replace the
/// older one. A path is looked up in the tree that the headers select; a hash or digest may be of any module in the history of a branch.
#[utoipa::path(get, operation_id = "compare_modules", path = "/compare", tag = "history",
    params(ReadRevision, CompareParams),
    responses((status = 200, description = "The differences", body = ComparedModulesJson), ReadProblems))]
pub(in crate::http) async fn compare(
    State(app): State<App>,
    ReadRevision(revision): ReadRevision,
    QueryParams(params): QueryParams<CompareParams>,
) -> Result<Response> {
    let (from, to) = (
        ModuleRef::parse(&params.from)?,
        ModuleRef::parse(&params.to)?,
    );
    let (commit, old, new, size_bytes) = app
        .run_long_read(move |store| {
            let (commit, (old, new)) = store.as_of(&revision, |revision| {
                let old = store.hash_in_history(revision, &from)?;
                Ok((old, store.hash_in_history(revision, &to)?))
            })?;
            let sizes = store
                .size_bytes(old)?
                .saturating_add(store.size_bytes(new)?);
            Ok((commit, old, new, sizes))
        })
        .await?;
    let memory = app.charge(size_bytes).await?;
    let compared = app
        .run_long_read(move |store| {
            let _memory = memory;
            let mut json = ComparedModulesJson::from(&store.compare_hashes(old, new)?);
            json.cut(MODULE_BYTES_MAX);
            Ok(json)
        })
        .await?;
    Ok((CommitHeader(commit), charged_json(&app, &compared)?).into_response())
}
